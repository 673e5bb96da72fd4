"""sidecars (local): one per service that has an app id, with its components loaded."""

from contextlib import suppress
from pathlib import Path

import psutil

from bootstrap.clients.http import rows
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.dapr import daprd, resources
from bootstrap.local import layout
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem


def with_sidecar(env: Env) -> list[str]:
    """The services that have a sidecar."""
    return [name for name, service in env.manifest.services.items() if service.app_id]


def apply(env: Env) -> None:
    text = layout.registry_text(env)
    registry = layout.registry(env)
    if not registry.exists() or registry.read_text() != text:
        draft = registry.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(registry)
    resources.write_local(
        env.manifest,
        env.root / "infrastructure" / "dapr",
        _resources(env),
        brokers=layout.bootstrap_servers(env),
        state_path=env.local / "data" / "state.db",
    )
    for name in with_sidecar(env):
        _start(env, name)


def _resources(env: Env) -> Path:
    return env.local / "dapr"


def _start(env: Env, name: str) -> None:
    spec = layout.sidecar(env, name)
    if env.processes.runs(spec) and _is_named(env, name):
        return
    env.processes.stop([spec.name])
    if port := daprd.internal_port(spec.argv):
        daprd.forget(resources.names(_resources(env)), port)
    env.processes.start(spec)


def _is_named(env: Env, name: str) -> bool:
    """Whether other sidecars find it. The built-in ones find each other by a file that is written for them."""
    process = env.processes.find(f"{name}.sidecar")
    with suppress(psutil.Error):
        port = daprd.internal_port(process.cmdline()) if process else ""
        return not port or daprd.is_named(resources.names(_resources(env)), port)
    return True


def check(env: Env) -> Problem | None:
    for name in with_sidecar(env):
        found = check_one(env, name)
        if found:
            return found
    return None


def check_one(env: Env, name: str) -> Problem | None:
    """Whether the sidecar of that service lives, is ready for calls, has loaded every component that it should, and is
    found by the others."""
    process = f"{name}.sidecar"
    if env.processes.find(process) is None:
        words, summary = env.processes.tail(process), f"The sidecar of {name} is not running."
        return recognise("sidecar", "start", words, summary, name=name) or problem(
            "sidecar-died", summary, evidence=words, name=name, final=True
        )
    base = layout.url(env, f"{name}.sidecar-http")
    ready = env.get(f"{base}/v1.0/healthz/outbound")
    if not 200 <= ready.status < 300:
        said = f"GET {base}/v1.0/healthz/outbound: {ready.status or ''} {ready.text}"
        return problem("sidecar-not-ready", f"The sidecar of {name} is not ready.", evidence=said, name=name)
    metadata = env.get(f"{base}/v1.0/metadata").table()
    loaded = {component.get("name") for component in rows(metadata.get("components"))}
    service = env.manifest.services[name]
    wanted = {resources.PUBSUB} if service.publishes or service.subscribes else set()
    missing = sorted((wanted | ({resources.STATESTORE} if service.state else set())) - loaded)
    if missing:
        return problem(
            "component-missing",
            f"The sidecar of {name} has no component {missing[0]}.",
            evidence=f"GET {base}/v1.0/metadata: components {sorted(map(str, loaded))}",
            name=name,
        )
    if not _is_named(env, name):
        # daprd says why at its start, and much about other things since.
        errors = [line for line in env.processes.tail(process, 1000).splitlines() if '"level":"error"' in line]
        summary = f"Other sidecars do not find that of {name}."
        return problem("sidecar-without-name", summary, evidence="\n".join(errors), name=name)
    return None


def stage() -> Stage:
    """The gate: every sidecar lives, is ready for calls, has loaded its components, and is found by the others."""
    return Stage(
        "sidecars",
        ("topics",),
        apply,
        check,
        waits_for="every sidecar to be ready",
        timeout=30,
        retry_apply_on=("sidecar-without-name",),
    )
