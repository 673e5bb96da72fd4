"""From a request to an answer: paths, verbs, and what the API serves beside objects."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import yaml

from tests.apiserver import for_helm, statuses
from tests.apiserver.resources import Document, Resource
from tests.apiserver.selectors import chosen
from tests.apiserver.store import Store

_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+/[^/]+))(?:/namespaces/(?P<ns>[^/]+)(?=/[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+)(?P<rest>/.*)?)?)?$"
)
Proxied = Callable[[str, Mapping[str, str]], tuple[int, str]]


@dataclass(frozen=True)
class Request:
    """One request as it came; `body` is the parsed document, {} when there was none."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Document = field(default_factory=dict)
    kind: str = ""  # the body's content type


@dataclass(frozen=True)
class Reply:
    """`body` is a document, or text."""

    code: int
    body: Document | str


def parsed(content: bytes) -> Document:
    """A body; apply patches may be YAML, of which JSON is a part."""
    if content.startswith(for_helm.MAGIC):
        return for_helm.decoded(content)
    found = yaml.safe_load(content) if content else {}
    return found if isinstance(found, dict) else {}


class Routes:
    """Answers requests from a store, from the logs and from the servers behind the proxy."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.version = "1.36.2"
        self.logs: dict[tuple[str, str, str, bool], str] = {}  # namespace, pod, container, previous
        self.proxies: dict[tuple[str, str, str], Proxied] = {}  # namespace, plural, "[scheme:]name[:port]"

    def answer(self, request: Request) -> Reply:
        """The answer; every refusal is a Status object, or text where the API answers in text."""
        try:
            with self.store.lock:
                return self._beside(request) or self._objects(request)
        except statuses.Refused as refused:
            return Reply(refused.code, refused.status())
        except statuses.NoSuchPath:
            return Reply(404, "404 page not found\n")

    def _beside(self, request: Request) -> Reply | None:
        path = request.path.rstrip("/")
        if path in ("/readyz", "/livez", "/healthz"):
            return Reply(200, "ok")
        if path == "/version":
            major, minor, _ = self.version.split(".")
            return Reply(200, {"major": major, "minor": minor, "gitVersion": f"v{self.version}"})
        if path == "/api":
            return Reply(200, {"kind": "APIVersions", "versions": ["v1"]})
        if path == "/apis":
            return Reply(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": self._groups()})
        if schema := for_helm.openapi(path, self.store.resources()):
            return Reply(200, schema)
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if served := [r for r in self.store.resources() if r.version == version]:
            return Reply(200, _discovered(version, served))
        return None

    def _groups(self) -> list[Document]:
        found: dict[str, list[Document]] = {}
        for resource in self.store.resources():
            one = {"groupVersion": resource.version, "version": resource.version.rpartition("/")[2]}
            if resource.group and one not in found.setdefault(resource.group, []):
                found[resource.group].append(one)
        return [{"name": g, "versions": v, "preferredVersion": v[0]} for g, v in found.items()]

    def _objects(self, request: Request) -> Reply:
        match = _PATH.fullmatch(request.path)
        if match is None:
            raise statuses.NoSuchPath
        resource = self.store.resource(match["core"] or match["group"], match["plural"])
        namespace, name, sub = match["ns"] or "", match["name"] or "", match["sub"] or ""
        if sub in ("log", "proxy"):
            return self._subresource(request, resource, namespace, name, sub, match["rest"] or "/")
        if sub not in ("", "status"):
            raise statuses.NoSuchPath
        dry = request.query.get("dryRun") == "All"
        if not name:
            return self._collection(request, resource, namespace, dry)
        return self._one(request, resource, namespace, name, sub, dry)

    def _collection(self, request: Request, resource: Resource, namespace: str, dry: bool) -> Reply:
        if request.method == "POST":
            return Reply(201, self.store.create(resource, namespace, request.body, dry))
        labels, fields = request.query.get("labelSelector", ""), request.query.get("fieldSelector", "")
        found = [item for item in self.store.list(resource, namespace) if chosen(item, labels, fields)]
        if request.method == "DELETE":
            for item in found:
                self.store.delete(resource, item, dry)
        elif request.method != "GET":
            raise _not_allowed()
        return Reply(
            200,
            {
                "kind": f"{resource.kind}List",
                "apiVersion": resource.version,
                "metadata": {"resourceVersion": self.store.revision()},
                # As the API has it: what a list of a built-in kind holds does not name its own kind.
                "items": [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in found],
            },
        )

    def _one(self, request: Request, resource: Resource, namespace: str, name: str, sub: str, dry: bool) -> Reply:
        store, method = self.store, request.method
        if method == "PATCH" and "apply" in request.kind:
            if not (manager := request.query.get("fieldManager", "")):
                raise statuses.no_manager()
            object_, new = store.apply(resource, namespace, name, request.body, manager, sub, dry)
            return Reply(201 if new else 200, object_)
        old = store.find(resource, namespace, name)
        if method == "GET":
            return Reply(200, old)
        if method == "PUT":
            return Reply(200, store.change(resource, old, request.body, sub, dry))
        if method == "PATCH" and "merge" in request.kind:
            return Reply(200, store.merge(resource, old, request.body, sub, dry))
        if method == "DELETE":
            gone = store.delete(resource, old, dry)
            if resource.plural in ("pods", "namespaces", "persistentvolumeclaims") or gone["metadata"].get(
                "finalizers"
            ):
                return Reply(200, gone)
            details = {"name": name, "kind": resource.plural, "uid": old["metadata"]["uid"]}
            details |= {"group": resource.group} if resource.group else {}
            status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
            return Reply(200, status)
        raise _not_allowed()

    def _subresource(
        self, request: Request, resource: Resource, namespace: str, name: str, sub: str, rest: str
    ) -> Reply:
        if sub == "proxy":
            server = self.proxies.get((namespace, resource.plural, name))
            if server is None:
                bare = name.split(":")[1 if name.count(":") == 2 else 0]
                self.store.find(resource, namespace, bare)
                raise statuses.Refused(
                    503, f'no endpoints available for service "{name}"', details={"causes": [{"message": name}]}
                )
            return Reply(*server(rest, request.query))
        pod = self.store.find(resource, namespace, name)
        container = request.query.get("container") or pod["spec"]["containers"][0]["name"]
        previous = request.query.get("previous", "").lower() == "true"
        said = self.logs.get((namespace, name, container, previous))
        if said is None and previous:
            why = f'previous terminated container "{container}" in pod "{name}" not found'
            raise statuses.Refused(400, why)
        lines = (said or "").splitlines(keepends=True)
        tail = int(request.query.get("tailLines", len(lines)))
        return Reply(200, "".join(lines[len(lines) - min(tail, len(lines)) :]))


def _discovered(version: str, served: list[Resource]) -> Document:
    verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update"]
    rows = [
        {"name": r.plural, "singularName": r.kind.lower(), "namespaced": r.namespaced, "kind": r.kind, "verbs": verbs}
        for r in served
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows}


def _not_allowed() -> statuses.Refused:
    return statuses.Refused(405, "the server does not allow this method on the requested resource")
