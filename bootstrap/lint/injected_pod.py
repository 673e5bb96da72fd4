"""The pod that will exist once Dapr's injector has added its sidecar, and what the kubelet will say to it.

The injector gives daprd a securityContext without a user (unless its Helm value sidecarRunAsUser is set), so daprd
inherits the user of the pod. The source is Dapr's `pkg/injector/patcher/sidecar_container.go` and the kubelet's
`pkg/kubelet/kuberuntime/security_context.go`.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.lint.pod_security import Pod, containers, context

DAPRD = "daprd"
DAPRD_USER = "65532"  # USER of the daprd image
SIDECAR_ENV = ("dapr.io/env", "dapr.io/env-from-secret")
SECCOMP = "dapr.io/sidecar-seccomp-profile-type"


@dataclass(frozen=True)
class Injector:
    """What the injector's Helm values say about each sidecar's securityContext; the defaults are Dapr's own."""

    run_as_non_root: bool = True
    run_as_user: int | None = None
    run_as_group: int | None = None
    read_only_root_filesystem: bool = True
    drop_all_capabilities: bool = False


@dataclass(frozen=True)
class Refusal:
    """Why the kubelet will not create a container. `words` are its own, as far as they are known before."""

    code: str
    container: str
    words: str


def injector(values: Mapping[str, Any]) -> Injector:
    """The injector's settings, from the table `dapr_sidecar_injector` in the values of Dapr's Helm chart."""
    return Injector(
        run_as_non_root=values.get("sidecarRunAsNonRoot", True),
        run_as_user=values.get("sidecarRunAsUser") or None,
        run_as_group=values.get("sidecarRunAsGroup") or None,
        read_only_root_filesystem=values.get("sidecarReadOnlyRootFilesystem", True),
        drop_all_capabilities=values.get("sidecarDropALLCapabilities", False),
    )


def is_injected(pod: Pod) -> bool:
    """Whether the injector adds a sidecar: it is asked to, and there is none yet."""
    annotations = (pod.get("metadata") or {}).get("annotations") or {}
    enabled = str(annotations.get("dapr.io/enabled", "")).lower() in ("y", "yes", "true", "t", "on", "1")
    return enabled and all(container["name"] != DAPRD for container in containers(pod))


def inject(template: Pod, settings: Injector) -> dict[str, Any]:
    """The pod of a template, with daprd beside its containers where the injector adds it."""
    pod: dict[str, Any] = copy.deepcopy(dict(template))
    if not is_injected(template):
        return pod
    annotations = pod["metadata"]["annotations"]
    security: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": settings.run_as_non_root,
        "readOnlyRootFilesystem": settings.read_only_root_filesystem,
    }
    if settings.run_as_user is not None:
        security["runAsUser"] = settings.run_as_user
    if settings.run_as_group is not None:
        security["runAsGroup"] = settings.run_as_group
    if settings.drop_all_capabilities:
        security["capabilities"] = {"drop": ["ALL"]}
    if any("SSL_CERT_DIR" in str(annotations.get(key, "")) for key in SIDECAR_ENV):
        # For the sake of Windows, the injector then gives up all of this on Linux too.
        security |= {"runAsNonRoot": False, "readOnlyRootFilesystem": False}
        security = {key: value for key, value in security.items() if key not in ("runAsUser", "runAsGroup")}
    if profile := annotations.get(SECCOMP):
        security["seccompProfile"] = {"type": profile}
    pod["spec"]["containers"].append(
        {
            "name": DAPRD,
            "image": annotations.get("dapr.io/sidecar-image", DAPRD),
            "securityContext": security,
        }
    )
    pod["spec"].setdefault("volumes", []).append({"name": "dapr-identity-token", "projected": {}})
    return pod


@dataclass(frozen=True)
class Effective:
    """Whom a container runs as: its own securityContext, else the pod's. None: neither says it."""

    container: str
    run_as_user: int | None
    run_as_non_root: bool | None


def effective(pod: Pod) -> tuple[Effective, ...]:
    """Each container with its effective user."""
    above = context(pod["spec"])

    def of(container: Mapping[str, Any], key: str) -> Any:
        own = context(container).get(key)
        return above.get(key) if own is None else own

    return tuple(Effective(c["name"], of(c, "runAsUser"), of(c, "runAsNonRoot")) for c in containers(pod))


def refusals(pod: Pod, image_users: Mapping[str, str | None], name: str = "") -> Iterator[Refusal]:
    """The containers that the kubelet will not create.

    `image_users`: container → USER of its image, empty for none; a container that is not there, or None, is not judged
    by its image. `name`: the pod's name for the words.
    """
    for one in effective(pod):
        about = f'(pod: "{name}", container: {one.container})'
        user = image_users.get(one.container, DAPRD_USER if one.container == DAPRD else None)
        if not one.run_as_non_root:
            continue
        if one.run_as_user is not None:
            if one.run_as_user == 0:
                words = f"container's runAsUser breaks non-root policy {about}"
                yield Refusal("pod-user-breaks-non-root", one.container, words)
            continue
        if user is None:
            continue
        user = user.partition(":")[0]
        if user in ("", "0"):
            words = f"container has runAsNonRoot and image will run as root {about}"
            yield Refusal("pod-image-runs-as-root", one.container, words)
        elif not user.isdecimal():
            words = (
                f"container has runAsNonRoot and image has non-numeric user ({user}), "
                f"cannot verify user is non-root {about}"
            )
            yield Refusal("pod-image-user-not-numeric", one.container, words)
