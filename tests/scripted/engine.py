"""A Docker Engine that runs nothing, and answers as the real one."""

import copy
import itertools
import json
import threading
import uuid
from typing import Any

Document = dict[str, Any]
SUBNET = "192.168.49.0/24"


class Missing(Exception):
    """404, in the words of the engine."""


class Engine:
    """What one engine holds. All of it may be read and changed under `lock`; `asked` are the requests that came."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.containers: dict[str, Document] = {}  # by name
        self.images: dict[str, Document] = {}  # by reference
        self.volumes: dict[str, Document] = {}
        self.networks: dict[str, Document] = {}
        self.asked: list[str] = []
        self.memory = 16 * 2**30
        self._starts = itertools.count()

    def put_image(self, reference: str, labels: dict[str, str] | None = None) -> Document:
        """What a build leaves under that name."""
        config = {"User": "10001:10001", "Labels": labels or {}}
        found = {"Id": f"sha256:{uuid.uuid4().hex * 2}", "RepoTags": [reference], "Config": config, "Size": 1000}
        self.images[reference] = found | {"Created": "2026-11-22T21:12:54Z"}
        return self.images[reference]

    def put_container(self, name: str, body: Document) -> Document:
        """A container that was made and not started."""
        host = body.get("HostConfig", {})
        self.containers[name] = {
            "Id": uuid.uuid4().hex * 2,
            "Name": f"/{name}",
            "Config": {"Labels": body.get("Labels") or {}, "Image": body.get("Image", "")},
            "Image": body.get("Image", ""),
            "State": {"Status": "created", "ExitCode": 0, "StartedAt": "0001-01-01T00:00:00Z"},
            "HostConfig": host,
            "NetworkSettings": {"Ports": {}, "Networks": {}},
        }
        return self.containers[name]

    def start(self, name: str) -> None:
        found = self._container(name)
        at = f"2026-11-22T21:12:{next(self._starts) % 60:02}Z"
        found["State"] = {"Status": "running", "ExitCode": 0, "StartedAt": at}
        found["NetworkSettings"]["Ports"] = copy.deepcopy(found["HostConfig"].get("PortBindings") or {})

    def stop(self, name: str) -> None:
        found = self._container(name)
        found["State"] |= {"Status": "exited", "ExitCode": 0}
        found["NetworkSettings"]["Ports"] = {}
        for network in found["NetworkSettings"]["Networks"].values():
            network["IPAddress"] = ""

    def put_network(self, name: str) -> None:
        """The network that minikube makes for a profile."""
        labels = {"created_by.minikube.sigs.k8s.io": "true", "name.minikube.sigs.k8s.io": name}
        facts = {"Name": name, "Id": uuid.uuid4().hex * 2, "Labels": labels, "Containers": {}}
        self.networks.setdefault(name, facts | {"IPAM": {"Config": [{"Subnet": SUBNET}]}})

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Document) -> tuple[int, Any]:
        """The code and the document of an answer."""
        parts = [part for part in path.split("/") if part]
        if parts and parts[0].startswith("v1."):
            parts = parts[1:]
        with self.lock:
            self.asked.append(f"{method} /{'/'.join(parts)}")
            try:
                return self._answer(method, parts, query, body)
            except Missing as missing:
                return 404, {"message": str(missing)}

    def _answer(self, method: str, parts: list[str], query: dict[str, list[str]], body: Document) -> tuple[int, Any]:
        match method, parts:
            case "GET", ["version"]:
                return 200, {"ApiVersion": "1.47", "Version": "29.2.0"}
            case "GET", ["_ping"]:
                return 200, b"OK"
            case "GET", ["info"]:
                return 200, {"NCPU": 4, "MemTotal": self.memory, "ServerVersion": "29.2.0", "OSType": "linux"}
            case "GET", ["containers", "json"]:
                return 200, [{"Id": one["Id"]} for one in self._chosen(json.loads(query.get("filters", ["{}"])[0]))]
            case "POST", ["containers", "create"]:
                return self._create(query.get("name", [""])[0] or uuid.uuid4().hex, body)
            case "GET", ["images", "json"]:
                wanted = json.loads(query.get("filters", ["{}"])[0]).get("reference", [])
                names = [one for one in self.images if one.rpartition(":")[0] in wanted]
                return 200, [{"Id": self.images[one]["Id"]} for one in names]
            case "GET", ["images", *name, "json"]:
                return 200, self._image("/".join(name))
            case "POST", ["images", "create"]:
                self.put_image(f"{query['fromImage'][0]}:{query['tag'][0]}")
                return 200, {"status": "Done"}
            case "POST", ["volumes", "create"]:
                made = {"Name": body["Name"], "Labels": body.get("Labels"), "Mountpoint": "/", "Data": {}}
                return 201, self.volumes.setdefault(body["Name"], made)
            case _, ["volumes", name]:
                return self._volume(method, name)
            case _, ["networks", name, *rest]:
                return self._network(name, rest, body)
            case "POST", ["exec", _, "start"]:
                return 200, b""
            case "GET", ["exec", _, "json"]:
                return 200, {"ExitCode": 0}
            case _, ["containers", name, *rest]:
                return self._one(method, name, rest)
        raise AssertionError(f"the engine knows no {method} /{'/'.join(parts)}")

    def _one(self, method: str, name: str, rest: list[str]) -> tuple[int, Any]:
        found = self._container(name)
        name = found["Name"].removeprefix("/")
        match method, rest:
            case "GET", ["json"]:
                return 200, found
            case "POST", ["start"]:
                self.start(name)
            case "POST", ["pause"]:
                found["State"]["Status"] = "paused"
            case "POST", ["unpause"]:
                found["State"]["Status"] = "running"
            case "POST", ["stop"]:
                self.stop(name)
            case "DELETE", []:
                del self.containers[name]
            case "GET", ["logs"]:
                return 200, b""
            case "POST", ["exec"]:
                return 201, {"Id": "exec"}
            case _:
                raise AssertionError(f"the engine knows no {method} /containers/{name}/{'/'.join(rest)}")
        return 204, None

    def _create(self, name: str, body: Document) -> tuple[int, Any]:
        if name in self.containers:
            return 409, {"message": f'Conflict. The container name "/{name}" is already in use'}
        self._image(body["Image"])
        return 201, {"Id": self.put_container(name, body)["Id"], "Warnings": []}

    def _container(self, name: str) -> Document:
        for known, found in self.containers.items():
            if name in (known, found["Id"]):
                return found
        raise Missing(f"No such container: {name}")

    def _image(self, name: str) -> Document:
        for known, found in self.images.items():
            if name in (known, found["Id"]):
                return found
        raise Missing(f"No such image: {name}")

    def _chosen(self, filters: Document) -> list[Document]:
        found = list(self.containers.values())
        for label in filters.get("label", []):
            key, _, value = label.partition("=")
            found = [one for one in found if one["Config"]["Labels"].get(key) == value]
        for port in filters.get("publish", []):
            found = [one for one in found if port in _published(one)]
        return found

    def _volume(self, method: str, name: str) -> tuple[int, Any]:
        if name not in self.volumes:
            raise Missing(f"get {name}: no such volume")
        if method == "DELETE":
            del self.volumes[name]
            return 204, None
        return 200, self.volumes[name]

    def _network(self, name: str, rest: list[str], body: Document) -> tuple[int, Any]:
        found = next((one for one in self.networks.values() if name in (one["Id"], one["Name"])), None)
        if found is None:
            raise Missing(f"network {name} not found")
        if not rest:
            return 200, found
        container = self._container(body["Container"])
        there = container["NetworkSettings"]["Networks"]
        there.pop(found["Name"], None)
        found["Containers"].pop(container["Id"], None)
        if rest == ["connect"]:
            address = body["EndpointConfig"]["IPAMConfig"]["IPv4Address"]
            there[found["Name"]] = {"NetworkID": found["Id"], "IPAddress": address}
            found["Containers"][container["Id"]] = {"IPv4Address": f"{address}/24"}
        return 200, None


def _published(container: Document) -> list[str]:
    found = container["NetworkSettings"]["Ports"].values()
    return [one["HostPort"] for bindings in found for one in bindings or ()]
