"""A contract about minikube: a fixed list of deeds, done to one profile, and what minikube answers after each.

`tests/live/test_minikube.py` does them to the real minikube, `tests/scripted/test_minikube.py` to the scripted one.
Both must answer exactly what `tests/recorded/minikube-life` holds.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bootstrap.clients.docker_engine import NAMES
from bootstrap.core.env import Env
from bootstrap.minikube import events, lost_node, profile, settings

RECORDED = Path(__file__).parents[1] / "recorded/minikube-life/minikube-1.38.1.json"
LIMIT_S = 900.0  # for one command: a first start loads a node's image
STATES = ("Host", "Kubelet", "APIServer", "Kubeconfig")
DEEDS = (
    *("nothing", "start", "start again", "minikube pause", "minikube unpause", "docker pause", "docker unpause"),
    *("minikube stop", "start", "docker rm", "prepare and start", "minikube delete", "minikube delete"),
)

Told = dict[str, Any]


def recorded() -> list[Told]:
    """Return what the real minikube answered, in the form of `lived`."""
    found: list[Told] = json.loads(RECORDED.read_text())
    return found


def lived(env: Env) -> list[Told]:
    """Do all of `DEEDS` to the profile of `env`, and return the answers. The profile must not exist before."""
    return [{"did": deed, **_do(env, deed), **_told(env)} for deed in DEEDS]


def _do(env: Env, deed: str) -> Told:
    does: dict[str, Callable[[], Told]] = {
        "nothing": dict,
        "start": lambda: _start(env),
        "start again": lambda: _start(env),
        "prepare and start": lambda: _prepare(env) | _start(env),
        "docker pause": lambda: _node(env).pause() or {},
        "docker unpause": lambda: _node(env).unpause() or {},
        "docker rm": lambda: _node(env).remove(force=True) or {},
    }
    return does[deed]() if deed in does else _run(env, deed.removeprefix("minikube "))


def _run(env: Env, *args: str) -> Told:
    return {"exit": profile.run(env, *args, "--output=json", timeout=LIMIT_S).exit}


def _start(env: Env) -> Told:
    """Start the profile; return the exit code and the names of the steps, each once."""
    done = profile.run(env, "start", *settings.arguments(env), timeout=LIMIT_S)
    on_line = [data.get("name", "") for kind, data in map(events.parsed, done.stdout.splitlines()) if kind == "step"]
    return {"exit": done.exit, "steps": list(dict.fromkeys(on_line))}


def _prepare(env: Env) -> Told:
    found = profile.config(env)
    assert found is not None
    lost_node.prepare(env, found)
    return {}


def _node(env: Env) -> Any:
    found = profile.node(env)
    assert found is not None
    return found


def _told(env: Env) -> Told:
    """Whether minikube lists the profile, what `status` says and ends with, and what `docker-env` ends with."""
    asked = profile.run(env, "status", "--output=json")
    status = profile.status(env)
    environ = profile.run(env, "docker-env", "--shell=none", "--output=json")
    leads = all(name in environ.stdout for name in NAMES)
    return {
        "listed": profile.config(env) is not None,
        "status": {name: status[name] for name in STATES if name in status},
        "status exit": asked.exit,
        "docker-env exit": environ.exit,
        "docker-env leads to an engine": leads,
    }
