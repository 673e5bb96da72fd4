"""One small pod from which gates look: names, ports and URLs as the services' pods see them, in milliseconds."""

import json
import re
from pathlib import Path

from bootstrap.clients.http import Answer
from bootstrap.clients.kubernetes_api import Document, message, path, translate_errors
from bootstrap.cluster import probe_kafka, probe_server
from bootstrap.cluster.pods.summary import waits
from bootstrap.core import hashing
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

NAME = "inv-probe"
USER = 10001
SPEC = "inv/probe"  # the label that keeps a hash of what the pod was made from
BASE = "python:3.11-slim"


def image(env: Env) -> str:
    """The base image of the services: PYTHON_IMAGE, else what their Dockerfiles name."""
    if named := env.environ.get("PYTHON_IMAGE"):
        return named
    for service in env.manifest.services.values():
        dockerfile = env.root / service.path / "Dockerfile"
        if dockerfile.exists() and (found := re.search(r"(?m)^ARG PYTHON_IMAGE=(\S+)", dockerfile.read_text())):
            return found[1]
    return BASE


def script() -> str:
    """What the pod runs: one text, because nothing of this project is in its image."""
    server, kafka = (Path(str(module.__file__)).read_text() for module in (probe_server, probe_kafka))
    return kafka + server.replace("from bootstrap.cluster.probe_kafka import brokers\n", "")


def pod(env: Env) -> Document:
    """The pod, as Pod Security `restricted` wants it, with no token for the API."""
    spec: Document = {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        # A name server that is away is told within seconds.
        "dnsConfig": {"options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "2"}]},
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "probe",
                "image": image(env),
                "imagePullPolicy": "IfNotPresent",
                "command": ["python", "-c", script()],
                "ports": [{"name": "http", "containerPort": probe_server.PORT}],
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "96Mi"}},
                "securityContext": {
                    "runAsUser": USER,
                    "runAsGroup": USER,
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
    labels = {"app.kubernetes.io/name": NAME, SPEC: hashing.digest([], json.dumps(spec, sort_keys=True))}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": labels}, "spec": spec}


def ensure(env: Env) -> None:
    """Makes the pod, anew where it ended, waits before its next try, or was made from something else.

    Needs the namespace. Raises `ProblemsFound`.
    """
    namespace, wanted = env.manifest.namespace, pod(env)
    with translate_errors(f"The pod {namespace}/{NAME} cannot be made."):
        found = env.cluster.find(path("v1", "pods", namespace, NAME))
        if found and _serves(found, wanted):
            return
        # An account of its own: the namespace's default one comes a moment after the namespace.
        account: Document = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": NAME},
            "automountServiceAccountToken": False,
        }
        env.cluster.apply(path("v1", "serviceaccounts", namespace, NAME), account)
        if found:
            env.cluster.delete(path("v1", "pods", namespace, NAME), gracePeriodSeconds=0)
        env.cluster.create(path("v1", "pods", namespace), wanted, fieldValidation="Strict")


def _serves(found: Document, wanted: Document) -> bool:
    same = found["metadata"].get("labels", {}).get(SPEC) == wanted["metadata"]["labels"][SPEC]
    ended = found.get("status", {}).get("phase") in ("Failed", "Succeeded", "Unknown")
    return same and not ended and not waits(found) and not found["metadata"].get("deletionTimestamp")


def check(env: Env) -> Problem | None:
    """Whether the pod answers; else why not. Raises `ProblemsFound` where the API does not answer."""
    from bootstrap.cluster.pods import why

    if not _ask(env, "dns", name="localhost").status:
        namespace = env.manifest.namespace
        with translate_errors(f"The pod {namespace}/{NAME} cannot be read."):
            found = env.cluster.find(path("v1", "pods", namespace, NAME))
            events = env.cluster.items(
                path("v1", "events", namespace), fieldSelector=f"involvedObject.name={NAME},involvedObject.kind=Pod"
            )
        if found is None:
            return problem("probe-missing", f"There is no pod {namespace}/{NAME}, from which gates look.")
        return why.problem_of(env, found, events) or problem(
            "probe-not-ready",
            f"The pod {namespace}/{NAME}, from which gates look, does not answer.",
            evidence=_ask(env, "dns", name="localhost").text,
            kubeconfig=env.kubeconfig,
            context=env.context,
            namespace=namespace,
            name=NAME,
        )
    return None


def dns(env: Env, name: str) -> str:
    """The IPv4 address of `name` as a pod resolves it, "" where there is none or the probe does not answer."""
    found = _ask(env, "dns", name=name).table().get("address")
    return found if isinstance(found, str) else ""


def tcp(env: Env, host: str, port: int) -> str:
    """Connects from a pod: "" when that works, else the words of what is in the way."""
    answer = _ask(env, "tcp", host=host, port=port)
    found = answer.table().get("error")
    return found if isinstance(found, str) else answer.text or f"The pod {NAME} gives an empty answer."


def kafka(env: Env, host: str, port: int) -> tuple[list[tuple[str, int]], str]:
    """The addresses to which the Kafka broker at `host:port` sends pods; else none, and what is in the way in words."""
    answer = _ask(env, "kafka", host=host, port=port)
    match answer.table():
        case {"brokers": list(brokers), "error": str(error)}:
            return [(str(to), int(its)) for to, its in brokers], error
    return [], answer.text or f"The pod {NAME} gives an empty answer."


def http(env: Env, url: str) -> Answer:
    """GET from a pod; status 0, with words, where nothing answers."""
    answer = _ask(env, "http", url=url)
    match answer.table():
        case {"status": int(status), "body": str(body)}:
            return Answer(status, body)
    return Answer(0, answer.text)


def _ask(env: Env, what: str, **query: object) -> Answer:
    """What the probe answers through the API; status 0, with words, where it does not."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    from bootstrap.problems.problem import ProblemsFound

    asked = path("v1", "pods", env.manifest.namespace, f"http:{NAME}:{probe_server.PORT}", f"proxy/{what}")
    try:
        return Answer(200, env.cluster.text(asked, **query))
    except ApiException as error:
        return Answer(0, f"The pod {NAME} does not answer: {message(error)}")
    except ProblemsFound as failed:
        return Answer(0, failed.problems[0].summary)
    except (HTTPError, OSError) as error:
        return Answer(0, f"The pod {NAME} cannot be asked: {error}")
