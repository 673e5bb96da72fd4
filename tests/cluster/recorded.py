"""Recorded states of a real cluster, put into the double as they were."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

from tests.apiserver import ApiServer, Document

RECORDED = Path(__file__).parents[1] / "recorded" / "kubernetes"
CASES = sorted(path.name for path in RECORDED.iterdir() if (path / "pods.json").exists())
BESIDE = ("events", "deployments", "replicasets", "persistentvolumeclaims", "configmaps", "services", "endpointslices")
_STAMP = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z"')


def snapshots(case: str) -> list[str]:
    """The names of the recorded looks at the pods of a case: "pods", "pods.early", ..."""
    return sorted(path.stem for path in (RECORDED / case).glob("pods*.json"))


def items(case: str, file: str) -> list[Document]:
    """The objects of a recorded list; none where it was not recorded."""
    path = RECORDED / case / f"{file}.json"
    return list(json.loads(path.read_text())["items"]) if path.exists() else []


def play(api: ApiServer, case: str, snapshot: str = "pods") -> datetime:
    """Puts a case in place of what was there, logs included; returns the time at which it was recorded."""
    pods = items(case, snapshot)
    for namespace in {item["metadata"]["namespace"] for item in items(case, "deployments")}:
        api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        for pod in api.list("v1", "pods", namespace):
            api.remove("v1", "pods", namespace, pod["metadata"]["name"])
    for item in [*pods, *(one for file in BESIDE for one in items(case, file))]:
        api.put(item)
    for pod in pods:
        for path in (RECORDED / case / "logs").glob(f"{pod['metadata']['name']}.*"):
            container = path.name.split(".")[1]
            previous = path.name.endswith(".previous.txt")
            api.log(
                pod["metadata"]["namespace"], pod["metadata"]["name"], container, path.read_text(), previous=previous
            )
    stamps = _STAMP.findall(json.dumps(pods or items(case, "deployments")))
    return datetime.fromisoformat(f"{max(stamps)}+00:00") + timedelta(seconds=1)
