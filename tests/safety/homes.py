"""Homes of users who work with other clusters and other engines: their files and variables, generated."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

NAMES = ("small", "production", "minikube", "default", "kube-system", "dapr-system", "team/admin@eu-1", "")


@dataclass(frozen=True)
class Theirs:
    """Where the user's variables may lead: `trap` must never be asked, `engine` is this machine's."""

    home: Path
    trap: str  # host:port
    engine: Path  # a Unix socket

    @property
    def docker_contexts(self) -> dict[str, str]:
        return {
            "ours": f"unix://{self.engine}",
            "production": "tcp://docker.example:2376",
            "build": "ssh://builder@192.0.2.7",
        }


@dataclass
class Home:
    """`variables` of the shell; `files` below the home, by path, with their text.

    `engine` is what Docker's own program would use: "ours", "elsewhere", or "default" (the usual socket).
    """

    variables: dict[str, str]
    engine: str
    files: dict[str, str] = field(default_factory=dict)


def kubeconfig(server: str, names: list[str], current: str, namespace: str) -> str:
    """As a user has it: each name is a cluster, a user and a context."""
    document: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": current}
    document["clusters"] = [{"name": n, "cluster": {"server": f"http://{server}"}} for n in names]
    document["users"] = [{"name": n, "user": {"token": "theirs"}} for n in names]
    document["contexts"] = [{"name": n, "context": {"cluster": n, "user": n, "namespace": namespace}} for n in names]
    return yaml.safe_dump(document)


def homes(theirs: Theirs) -> st.SearchStrategy[Home]:
    """Every kind of home that may lead elsewhere, also broken ones."""
    names = st.sampled_from(NAMES) | st.text("abc-./@:", max_size=12)
    configs = st.builds(
        kubeconfig, st.just(theirs.trap), st.lists(names, min_size=1, max_size=4), names, names
    ) | st.sampled_from(["", "[", "current-context: 7", "contexts: {}", "\t"])
    at = [str(theirs.home / name) for name in (".kube/config", "work.yaml", "away.yaml")]
    return st.builds(
        _home,
        st.just(theirs),
        configs,
        configs,
        st.sampled_from(["default", "ours", "ours", "ours", "production", "build", "gone", "?"]),
        st.fixed_dictionaries({}, optional=_variables(theirs, names, at)),
    )


def _variables(theirs: Theirs, names: st.SearchStrategy[str], at: list[str]) -> dict[str, st.SearchStrategy[str]]:
    trap = f"http://{theirs.trap}"
    proxies = st.sampled_from([trap, f"http://somebody:word@{theirs.trap}", ""])
    direct = st.sampled_from(["", "intra.example", "*", "localhost"])
    words = st.sampled_from(["", "1", "true", "0", "192.0.2.1", "docker", "production"])
    found: dict[str, st.SearchStrategy[str]] = {
        "KUBECONFIG": st.lists(st.sampled_from([*at, "", "/nowhere"]), max_size=3).map(":".join),
        "KUBERNETES_MASTER": st.just(trap),
        "KUBERNETES_SERVICE_HOST": st.just("127.0.0.1"),
        "KUBERNETES_SERVICE_PORT": st.just(theirs.trap.partition(":")[2]),
        "HELM_KUBEAPISERVER": st.just(trap),
        "HELM_DRIVER": st.sampled_from(["sql", "memory", "configmap"]),
        "DOCKER_HOST": st.sampled_from([*theirs.docker_contexts.values(), *[f"unix://{theirs.engine}"] * 3, ""]),
        "DOCKER_CONTEXT": st.sampled_from([*theirs.docker_contexts, "ours", "ours", "default", "gone"]),
        "DOCKER_CONFIG": st.sampled_from([str(theirs.home / ".docker"), "/nowhere"]),
        "MINIKUBE_ACTIVE_DOCKERD": names,
        "MINIKUBE_EXISTING_DOCKER_HOST": st.sampled_from([f"unix://{theirs.engine}", ""]),
        "MINIKUBE_HOME": st.just(str(theirs.home / "minikube")),
        "REQUESTS_CA_BUNDLE": st.just("/nowhere.pem"),
        "CURL_CA_BUNDLE": st.just("/nowhere.pem"),
    }
    found |= dict.fromkeys(
        ("KUBE_CONTEXT", "KUBECONTEXT", "KUBE_NAMESPACE", "HELM_KUBECONTEXT", "HELM_NAMESPACE"), names
    )
    found |= dict.fromkeys(("MINIKUBE_PROFILE", "MINIKUBE_NAMESPACE", "MINIKUBE_CONTEXT", "BUILDX_BUILDER"), names)
    found |= dict.fromkeys(("HELM_KUBETOKEN", "HELM_KUBEASUSER", "HELM_PLUGINS", "HELM_CONFIG_HOME"), words)
    found |= dict.fromkeys(("MINIKUBE_LISTEN_ADDRESS", "MINIKUBE_DRIVER", "MINIKUBE_ALL", "MINIKUBE_PURGE"), words)
    found |= dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), proxies
    )
    return found | dict.fromkeys(("NO_PROXY", "no_proxy"), direct)


def _home(theirs: Theirs, first: str, second: str, context: str, chosen: dict[str, str]) -> Home:
    variables = {"HOME": str(theirs.home), "PATH": "/usr/bin:/bin", **chosen}
    if variables.get("MINIKUBE_ACTIVE_DOCKERD"):  # `eval $(minikube docker-env)`: of somebody's node on this machine
        variables |= {"DOCKER_HOST": f"tcp://{theirs.trap}", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/nowhere"}
    files = {".kube/config": first, "work.yaml": second}
    files[".docker/config.json"] = "{" if context == "?" else json.dumps({"currentContext": context})
    for name, address in theirs.docker_contexts.items():
        folder = f".docker/contexts/meta/{hashlib.sha256(name.encode()).hexdigest()}"
        endpoint = {"docker": {"Host": address, "SkipTLSVerify": False}}
        files[f"{folder}/meta.json"] = json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoint})
    return Home(variables, _engine(variables, context), files)


def _engine(variables: dict[str, str], current: str) -> str:
    in_a_node = bool(variables.get("MINIKUBE_ACTIVE_DOCKERD"))
    host = variables.get("MINIKUBE_EXISTING_DOCKER_HOST" if in_a_node else "DOCKER_HOST")
    if host:
        return "ours" if host.startswith(("unix:", "/")) else "elsewhere"
    context = variables.get("DOCKER_CONTEXT") or current
    return {"ours": "ours", "production": "elsewhere", "build": "elsewhere"}.get(context, "default")
