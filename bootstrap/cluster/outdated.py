"""Pods that keep what they took at their start after it has changed: settings of the sidecar, ConfigMaps, Secrets.

Dapr's injector writes the root certificate, the control plane's addresses, mTLS and the image into a pod when it makes
the sidecar. A dry run shows what the API would make of that pod now. daprd itself reloads components, subscriptions,
resiliency and its Configuration.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.cluster import trust
from bootstrap.cluster.pods import rollout
from bootstrap.cluster.pods.summary import SIDECAR, container
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

CODES = ("sidecar-trust-outdated", "sidecar-outdated", "pod-settings-outdated")
KINDS = {"ConfigMap": "configmaps", "Secret": "secrets"}


def find(env: Env, name: str, pods: list[Document]) -> Problem | None:
    """Return the first problem of the newest generation of a service's pods; former ones are being replaced.

    Raises `ProblemsFound`.
    """
    fresh = _made_now(env, name) if any(container(pod, SIDECAR) for pod in pods) else None
    found = [(pod, one) for pod in pods if (one := _sidecar(name, pod, fresh) or _settings(env, name, pod))]
    if not found:
        return None
    newest = rollout.newest(env, "deployments", name, env.manifest.namespace)
    return next((one for pod, one in found if pod["metadata"]["name"] in newest), None)


def _made_now(env: Env, name: str) -> Document | None:
    """Return the pod that the API would make from the Deployment now; None where it would refuse it."""
    from kubernetes.client import ApiException

    namespace = env.manifest.namespace
    with translate_errors(f"The pod that {name} would get now cannot be asked for."):
        deployed = env.cluster.find(path("apps/v1", "deployments", namespace, name))
        if deployed is None or "spec" not in deployed["spec"]["template"]:
            return None
        template = deployed["spec"]["template"]
        metadata = {**template.get("metadata", {}), "name": f"{name}-dry-run"}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        try:
            return env.cluster.create(path("v1", "pods", namespace), body, dryRun="All")
        except ApiException as error:
            # A refusal is told by the gate of Dapr, and by the rollout; what runs is none the worse for it.
            if error.status in (400, 403, 422):
                return None
            raise


def _sidecar(name: str, pod: Document, fresh: Document | None) -> Problem | None:
    has, wanted = container(pod, SIDECAR), container(fresh, SIDECAR) if fresh else None
    if not (has and wanted and fresh):
        return None
    shown = f"The sidecar of the pod {pod['metadata']['name']}"
    if trust.of(pod) != trust.of(fresh):
        summary = f"{shown} trusts another root certificate than the one that Dapr's control plane has now."
        return problem("sidecar-trust-outdated", summary, name=name, final=True)
    if changed := list(_differences(has, wanted)):
        summary = f"{shown} was started with other settings than Dapr's injector gives now."
        return problem("sidecar-outdated", summary, evidence="\n".join(changed), name=name, final=True)
    return None


def _differences(has: Document, wanted: Document) -> Iterator[str]:
    """Say what of image, arguments and environment differs; the root certificates are compared by `trust`."""
    if has.get("image") != wanted.get("image"):
        yield f"image: {has.get('image')}, now {wanted.get('image')}"
    for part in ("command", "args"):
        before, now = has.get(part) or [], wanted.get(part) or []
        if before != now:
            yield f"{part}: {' '.join(before)}\n  now {' '.join(now)}"
    before, now = _environment(has), _environment(wanted)
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            yield f"environment: {key}"


def _environment(one: Document) -> dict[str, Any]:
    return {each["name"]: each for each in one.get("env", ()) if each["name"] != trust.ANCHORS}


def _settings(env: Env, name: str, pod: Document) -> Problem | None:
    """Whether a ConfigMap or Secret changed after a container started that reads it only at its start.

    Only the metadata is read: what is in a Secret is nobody's business here.
    """
    started = {
        one["name"]: (one.get("state", {}).get("running") or {}).get("startedAt")
        for one in pod.get("status", {}).get("containerStatuses", ())
    }
    for one in pod["spec"]["containers"]:
        for kind, source in dict.fromkeys(_read_at_start(pod, one)):
            changed = _changed(env, kind, source)
            since = started.get(one["name"])
            if since and changed and datetime.fromisoformat(since) < datetime.fromisoformat(changed):
                summary = f"The container {one['name']} of the pod {pod['metadata']['name']} runs with a former "
                summary += f"{kind} {source}."
                evidence = f"{kind} {source} changed: {changed}\ncontainer started: {since}"
                return problem("pod-settings-outdated", summary, evidence=evidence, name=name, final=True)
    return None


def _read_at_start(pod: Document, one: Document) -> Iterator[tuple[str, str]]:
    """Name what a container reads through its environment, or mounts by `subPath`, which is never renewed."""
    for each in one.get("env", ()):
        told = each.get("valueFrom", {})
        for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if key in told:
                yield kind, told[key]["name"]
    for each in one.get("envFrom", ()):
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if key in each:
                yield kind, each[key]["name"]
    fixed = {mount["name"] for mount in one.get("volumeMounts", ()) if mount.get("subPath") or mount.get("subPathExpr")}
    for volume in pod["spec"].get("volumes", ()):
        if volume["name"] in fixed:
            for source in (volume, *volume.get("projected", {}).get("sources", ())):
                if "configMap" in source:
                    yield "ConfigMap", source["configMap"]["name"]
                if "secret" in source:
                    yield "Secret", source["secret"].get("secretName") or source["secret"]["name"]


def _changed(env: Env, kind: str, name: str) -> str | None:
    """Return when the content of an object last changed, as the API keeps it for each field manager."""
    with translate_errors(f"The {kind} {name} cannot be looked at."):
        where = path("v1", KINDS[kind], env.manifest.namespace)
        found = env.cluster.metadata(where, fieldSelector=f"metadata.name={name}")
    for one in found:
        meta = one["metadata"]
        if meta["name"] == name:
            managers = [each for each in meta.get("managedFields", ()) if _manages_content(each) and "time" in each]
            return max((str(each["time"]) for each in managers), default=None)
    return None


def _manages_content(manager: Document) -> bool:
    fields = manager.get("fieldsV1", {})
    return any(key in fields for key in ("f:data", "f:stringData", "f:binaryData"))
