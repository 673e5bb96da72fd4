"""The objects of the double, and the rules by which the API changes them."""

import copy
import itertools
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from tests.apiserver import statuses
from tests.apiserver.merging import applied, merged
from tests.apiserver.resources import BUILT_IN, Document, Resource, declared

Key = tuple[str, str, str, str]  # version, plural, namespace, name
Admission = Callable[[Resource, Document, Document], str | None]


class Store:
    """Every object, by version, plural, namespace and name. `lock` guards all of it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.objects: dict[Key, Document] = {}
        self.admissions: list[Admission] = []
        self.reactions: list[Callable[[Document], None]] = []
        self._applied: dict[tuple[Key, str], Document] = {}
        self._versions = itertools.count(1)

    def resources(self) -> tuple[Resource, ...]:
        definitions = [o for key, o in self.objects.items() if key[1] == "customresourcedefinitions"]
        return BUILT_IN + declared(definitions)

    def resource(self, version: str, plural: str) -> Resource:
        for known in self.resources():
            if (known.version, known.plural) == (version, plural):
                return known
        if any(known.version == version for known in self.resources()):
            raise statuses.no_such_kind()
        raise statuses.NoSuchPath

    def of_kind(self, version: str, kind: str) -> Resource:
        return next(r for r in self.resources() if (r.version, r.kind) == (version, kind))

    def revision(self) -> str:
        return str(next(self._versions))

    def find(self, resource: Resource, namespace: str, name: str) -> Document:
        found = self.objects.get((resource.version, resource.plural, namespace, name))
        if found is None:
            raise statuses.not_found(resource, name)
        return found

    def list(self, resource: Resource, namespace: str = "") -> list[Document]:
        """In the order of their names, as etcd has them; of all namespaces when `namespace` is empty."""
        keys = sorted(key for key in self.objects if key[:2] == (resource.version, resource.plural))
        return [self.objects[key] for key in keys if not namespace or key[2] == namespace]

    def put(self, body: Document) -> Document:
        """Stores an object as it is given, status included: how a test sets the scene."""
        resource = self.of_kind(body["apiVersion"], body["kind"])
        return self._write(resource, self._identified(resource, copy.deepcopy(body)))

    def create(self, resource: Resource, namespace: str, body: Document, dry: bool = False) -> Document:
        new = {key: value for key, value in copy.deepcopy(body).items() if key != "status"}
        meta = new.setdefault("metadata", {})
        if "generateName" in meta and not meta.get("name"):
            meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
        if resource.namespaced:
            meta["namespace"] = namespace
            self.find(self.resource("v1", "namespaces"), "", namespace)
        name = meta["name"]
        if (resource.version, resource.plural, meta.get("namespace", ""), name) in self.objects:
            raise statuses.already_exists(resource, name)
        self._admit(resource, new)
        new = self._identified(resource, new)
        if resource.plural == "pods":
            new["status"] = {"phase": "Pending"}
        return new if dry else self._write(resource, new)

    def change(self, resource: Resource, old: Document, new: Document, sub: str = "", dry: bool = False) -> Document:
        """Replaces `old`; through a subresource its status alone, else all but its status."""
        wanted = new.get("metadata", {}).get("resourceVersion")
        if wanted and wanted != old["metadata"]["resourceVersion"]:
            raise statuses.modified(resource, old["metadata"]["name"])
        if sub == "status":
            new = {**old, "status": new.get("status", {})}
        else:
            new = {key: value for key, value in new.items() if key != "status"}
            new |= {"status": old["status"]} if "status" in old else {}
            self._admit(resource, new)
        kept = ("namespace", "uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp")
        new["metadata"] = {**new["metadata"], **{k: old["metadata"][k] for k in kept if k in old["metadata"]}}
        if new == old or dry:
            return new
        if new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            return self._remove(resource, new)
        return self._write(resource, new)

    def merge(self, resource: Resource, old: Document, patch: Document, sub: str, dry: bool) -> Document:
        return self.change(resource, old, merged(copy.deepcopy(old), patch), sub, dry)

    def apply(
        self, resource: Resource, namespace: str, name: str, body: Document, manager: str, sub: str, dry: bool
    ) -> tuple[Document, bool]:
        """Server-side apply; returns the object, and whether it is new."""
        key = (resource.version, resource.plural, namespace, name)
        old = self.objects.get(key)
        before = self._applied.get((key, manager), {})
        if not dry:
            self._applied[key, manager] = copy.deepcopy(body)
        if old is None:
            return self.create(resource, namespace, body, dry), True
        return self.change(resource, old, applied(copy.deepcopy(old), before, copy.deepcopy(body)), sub, dry), False

    def delete(self, resource: Resource, old: Document, dry: bool = False) -> Document:
        """Deletes at once, with all that it owns or holds; an object with finalizers stays, marked."""
        meta = {**old["metadata"], "deletionTimestamp": _now()}
        if "generation" in meta:
            meta["generation"] += 1
        marked = {**old, "metadata": meta}
        if dry:
            return marked
        return self._write(resource, marked) if meta.get("finalizers") else self._remove(resource, marked)

    def _remove(self, resource: Resource, old: Document) -> Document:
        meta = old["metadata"]
        key = (resource.version, resource.plural, meta.get("namespace", ""), meta["name"])
        del self.objects[key]
        self._applied = {at: body for at, body in self._applied.items() if at[0] != key}
        for child in list(self.objects.values()):
            owned = any(owner["uid"] == meta["uid"] for owner in child["metadata"].get("ownerReferences", []))
            held = resource.plural == "namespaces" and child["metadata"].get("namespace") == meta["name"]
            if owned or held:
                kind = self.of_kind(child["apiVersion"], child["kind"])
                place = (kind.version, kind.plural, child["metadata"].get("namespace", ""), child["metadata"]["name"])
                if place in self.objects:
                    self.delete(kind, child)
        return old

    def _admit(self, resource: Resource, new: Document) -> None:
        namespace = self.objects.get(("v1", "namespaces", "", new["metadata"].get("namespace", "")), {})
        for admission in self.admissions:
            if why := admission(resource, new, namespace):
                raise statuses.forbidden(resource, new["metadata"]["name"], why)

    def _identified(self, resource: Resource, new: Document) -> Document:
        meta = new["metadata"]
        meta.setdefault("uid", str(uuid.uuid4()))
        meta.setdefault("creationTimestamp", _now())
        if resource.namespaced:
            meta.setdefault("namespace", "default")
        if "spec" in new:
            meta.setdefault("generation", 1)
        meta["resourceVersion"] = meta.get("resourceVersion") or "0"
        return {**new, "apiVersion": resource.version, "kind": resource.kind}

    def _write(self, resource: Resource, new: Document) -> Document:
        meta = new["metadata"]
        meta["resourceVersion"] = self.revision()
        self.objects[resource.version, resource.plural, meta.get("namespace", ""), meta["name"]] = new
        for reaction in self.reactions:
            reaction(new)
        return self.objects.get((resource.version, resource.plural, meta.get("namespace", ""), meta["name"]), new)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
