"""The document of `status` as the rows of a table."""

from collections.abc import Mapping
from typing import Any

from bootstrap.targets.local import age


def rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row for each gate, with what is known of the part behind it; then one for each pod that is not ready."""
    told = {
        "cluster": _cluster(document.get("cluster")),
        "dapr": _dapr(document.get("dapr")),
        "broker": _broker(document.get("broker")),
        "topics": _topics(document.get("topics")),
        "postgres": _pods(document.get("pods", {}).get("postgres", [])),
    }
    told |= {name: _service(service) for name, service in document.get("services", {}).items()}
    found = []
    for gate, problem in document["gates"].items():
        found.append(("✔" if problem is None else "✘", gate, *told.get(gate, ())))
        part = document.get("services", {}).get(gate) or {"pods": document.get("pods", {}).get(gate, [])}
        found += [("", f"  {pod['name']}", *_pod(pod)) for pod in part["pods"] if not pod["ready"]]
    return found


def _cluster(cluster: Mapping[str, Any] | None) -> tuple[str, ...]:
    if cluster is None:
        return ("no answer",)
    bad = [name for name, is_ready in cluster["nodes"].items() if not is_ready]
    return (cluster["version"], f"not ready: {', '.join(bad)}" if bad else _count(len(cluster["nodes"]), "node"))


def _dapr(dapr: Mapping[str, Any] | None) -> tuple[str, ...]:
    if dapr is None or not dapr["workloads"]:
        return ("no answer" if dapr is None else "not installed",)
    workloads = dapr["workloads"].values()
    ready = sum(one["ready"] >= one["wanted"] for one in workloads)
    injector = "injects sidecars" if dapr["injects"] else "injects nothing"
    return (str(dapr["version"] or ""), f"{ready}/{len(workloads)} workloads", injector)


def _broker(broker: Mapping[str, Any] | None) -> tuple[str, ...]:
    if broker is None or not broker["running"]:
        return ("no answer" if broker is None else "not running",)
    return (f"container {broker['container']}", age(broker["age_seconds"]))


def _topics(topics: Mapping[str, bool] | None) -> tuple[str, ...]:
    return (f"{sum(topics.values())}/{len(topics)} topics",) if topics is not None else ("no answer",)


def _service(service: Mapping[str, Any]) -> tuple[str, ...]:
    release, pods = service["release"], service["pods"]
    revision = f"revision {release['revision']}" if release else ""
    if release and release["status"] != "deployed":
        revision += f" {release['status']}"
    image = f"image {age(service['image_age_seconds'])}" if service["image_age_seconds"] is not None else ""
    if service["stale"]:
        image += f"{image and ', '}stale: the checkout differs"
    return (*_pods(pods, _sidecars(service)), image, revision, service["url"])


def _sidecars(service: Mapping[str, Any]) -> str:
    if service["dapr"] == "on":
        pods = service["pods"]
        return f"sidecars {sum(pod['sidecar'] for pod in pods)}/{len(pods)}"
    return "Dapr is off" if service["dapr"] == "off" else ""


def _pods(pods: list[Mapping[str, Any]], sidecars: str = "") -> tuple[str, ...]:
    restarts = sum(pod["restarts"] for pod in pods)
    ready = sum(pod["ready"] for pod in pods)
    return (f"{ready}/{len(pods)} pods", sidecars, _count(restarts, "restart") if restarts else "")


def _pod(pod: Mapping[str, Any]) -> tuple[str, ...]:
    restarts = _count(pod["restarts"], "restart") if pod["restarts"] else ""
    return (pod["state"], f"{pod['containers_ready']}/{pod['containers']}", restarts, age(pod["age_seconds"]))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
