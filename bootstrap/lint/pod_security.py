"""Pod Security Standards: what the API server's admission would say to a pod, in its own words.

Rules and words are those of Kubernetes' `pod-security-admission/policy` at 1.36, as far as a Linux pod without user
namespaces can break them; left out are SELinux, AppArmor, sysctls and probes of other hosts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

Level = Literal["privileged", "baseline", "restricted"]
Pod = Mapping[str, Any]
"""A pod as YAML has it: `metadata` and `spec`."""

DEFAULT_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
VOLUMES = ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
SECCOMP = ("RuntimeDefault", "Localhost")


def violations(pod: Pod, level: Level) -> tuple[str, ...]:
    """What admission of that level would find, each as `reason (detail)`; none: the pod is admitted."""
    return tuple(words for rule in RULES[level] if (words := rule(pod)))


def message(found: Iterable[str], level: Level) -> str:
    """The end of the API server's refusal."""
    return f'violates PodSecurity "{level}:latest": {", ".join(found)}'


def containers(pod: Pod) -> list[Mapping[str, Any]]:
    """All containers, as admission visits them."""
    spec = pod["spec"]
    return [c for key in ("initContainers", "containers", "ephemeralContainers") for c in spec.get(key) or ()]


def context(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    """The securityContext of a container or a pod's spec; empty without one."""
    return holder.get("securityContext") or {}


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _them(names: list[str]) -> str:
    return f"container{'s' if len(names) > 1 else ''} {_quoted(names)}"


def _where(pod: Pod, wrong: Callable[[Mapping[str, Any]], bool]) -> list[str]:
    """The names of the containers whose securityContext is wrong."""
    return [c["name"] for c in containers(pod) if wrong(context(c))]


def _setters(pod: Pod, wrong: Callable[[Mapping[str, Any]], bool]) -> str:
    """Who states something wrong: `pod`, containers, or both."""
    names = _where(pod, wrong)
    return " and ".join((["pod"] if wrong(context(pod["spec"])) else []) + ([_them(names)] if names else []))


def _host_namespaces(pod: Pod) -> str:
    found = [f"{key}=true" for key in ("hostNetwork", "hostPID", "hostIPC") if pod["spec"].get(key)]
    return f"host namespaces ({', '.join(found)})" if found else ""


def _host_path(pod: Pod) -> str:
    found = [v["name"] for v in pod["spec"].get("volumes") or () if "hostPath" in v]
    return f"hostPath volumes (volume{'s' if len(found) > 1 else ''} {_quoted(found)})" if found else ""


def _host_ports(pod: Pod) -> str:
    used = {c["name"]: [p["hostPort"] for p in c.get("ports") or () if p.get("hostPort")] for c in containers(pod)}
    names = [name for name, ports in used.items() if ports]
    ports = sorted({str(port) for found in used.values() for port in found})
    if not names:
        return ""
    uses = "use" if len(names) > 1 else "uses"
    return f"hostPort ({_them(names)} {uses} hostPort{'s' if len(ports) > 1 else ''} {', '.join(ports)})"


def _privileged(pod: Pod) -> str:
    names = _where(pod, lambda c: bool(c.get("privileged")))
    return f"privileged ({_them(names)} must not set securityContext.privileged=true)" if names else ""


def _proc_mount(pod: Pod) -> str:
    names = _where(pod, lambda c: c.get("procMount", "Default") != "Default")
    return f'procMount ({_them(names)} must not set securityContext.procMount to "Unmasked")' if names else ""


def _added(pod: Pod, allowed: Iterable[str]) -> str:
    added = {c["name"]: set((context(c).get("capabilities") or {}).get("add") or ()) for c in containers(pod)}
    wrong = {name: more for name, them in added.items() if (more := them - set(allowed))}
    words = _quoted(sorted(set().union(*wrong.values())))
    return f"{_them(list(wrong))} must not include {words} in securityContext.capabilities.add" if wrong else ""


def _capabilities_added(pod: Pod) -> str:
    words = _added(pod, DEFAULT_CAPABILITIES)
    return f"non-default capabilities ({words})" if words else ""


def _capabilities(pod: Pod) -> str:
    names = _where(pod, lambda c: "ALL" not in ((c.get("capabilities") or {}).get("drop") or ()))
    kept = f'{_them(names)} must set securityContext.capabilities.drop=["ALL"]' if names else ""
    words = "; ".join(filter(None, (kept, _added(pod, {"NET_BIND_SERVICE"}))))
    return f"unrestricted capabilities ({words})" if words else ""


def _escalation(pod: Pod) -> str:
    names = _where(pod, lambda c: c.get("allowPrivilegeEscalation") is not False)
    words = "must set securityContext.allowPrivilegeEscalation=false"
    return f"allowPrivilegeEscalation != false ({_them(names)} {words})" if names else ""


def _volumes(pod: Pod) -> str:
    found = list(_restricted_volumes(pod))
    if not found:
        return ""
    many = len(found) > 1
    kinds = sorted({kind for _, kind in found})
    return (
        f"restricted volume types (volume{'s' if many else ''} {_quoted(name for name, _ in found)} "
        f"{'use' if many else 'uses'} restricted volume type{'s' if len(kinds) > 1 else ''} {_quoted(kinds)})"
    )


def _restricted_volumes(pod: Pod) -> Iterator[tuple[str, str]]:
    for volume in pod["spec"].get("volumes") or ():
        kinds = [key for key in volume if key != "name"]
        if kinds and not set(kinds) & set(VOLUMES):
            yield volume["name"], kinds[0]


def _non_root(pod: Pod) -> str:
    if setters := _setters(pod, lambda c: c.get("runAsNonRoot") is False):
        return f"runAsNonRoot != true ({setters} must not set securityContext.runAsNonRoot=false)"
    names = _where(pod, lambda c: c.get("runAsNonRoot") is None)
    if names and context(pod["spec"]).get("runAsNonRoot") is not True:
        return f"runAsNonRoot != true (pod or {_them(names)} must set securityContext.runAsNonRoot=true)"
    return ""


def _user(pod: Pod) -> str:
    setters = _setters(pod, lambda c: c.get("runAsUser") == 0)
    return f"runAsUser=0 ({setters} must not set runAsUser=0)" if setters else ""


def _profile(holder: Mapping[str, Any]) -> str:
    return str((holder.get("seccompProfile") or {}).get("type") or "")


def _seccomp_set(pod: Pod) -> str:
    setters = _setters(pod, lambda c: bool(_profile(c)) and _profile(c) not in SECCOMP)
    holders = [context(pod["spec"]), *(context(c) for c in containers(pod))]
    wrong = sorted({_profile(c) for c in holders} - {"", *SECCOMP})
    words = f"{setters} must not set securityContext.seccompProfile.type to {_quoted(wrong)}"
    return f"seccompProfile ({words})" if setters else ""


def _seccomp(pod: Pod) -> str:
    if words := _seccomp_set(pod):
        return words
    names = _where(pod, lambda c: not _profile(c))
    if names and not _profile(context(pod["spec"])):
        wanted = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        return f"seccompProfile (pod or {_them(names)} {wanted})"
    return ""


# In the order of the API server; `restricted` leaves out what a stricter rule of its own says again.
RULES: Mapping[Level, tuple[Callable[[Pod], str], ...]] = {
    "privileged": (),
    "baseline": (
        _capabilities_added,
        _host_namespaces,
        _host_path,
        _host_ports,
        _privileged,
        _proc_mount,
        _seccomp_set,
    ),
    "restricted": (
        _host_namespaces,
        _host_ports,
        _privileged,
        _proc_mount,
        _escalation,
        _capabilities,
        _volumes,
        _non_root,
        _user,
        _seccomp,
    ),
}
