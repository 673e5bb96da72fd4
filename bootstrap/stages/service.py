"""One stage per service (local): its process runs the code of the checkout, is ready, and is subscribed."""

import re

from bootstrap.clients.http import rows
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.local import layout
from bootstrap.problems import tracebacks
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem

FRAME = re.compile(r'File "([^"]+)", line (\d+)')


def apply(env: Env, name: str) -> None:
    env.processes.start(layout.service(env, name))


def check(env: Env, name: str) -> Problem | None:
    return _process(env, name) or _answers(env, name) or _subscribed(env, name)


def _process(env: Env, name: str) -> Problem | None:
    """Lives, and was made from what the checkout holds."""
    spec = layout.service(env, name)
    if env.processes.find(name) is None:
        words = env.processes.tail(name)
        if not words or not env.processes.was_started(spec):
            return problem("service-not-running", f"{name} is not running.", evidence=words, final=True)
        return crash(env, name, words)
    if not env.processes.runs(spec):
        return problem("service-stale", f"{name} runs older code or settings.", name=name, final=True)
    return None


def crash(env: Env, name: str, words: str) -> Problem:
    """Why the process ended, by its last words; `where` is the last line of the service's own in the traceback."""
    path = env.manifest.services[name].path
    own = [(file, line) for file, line in FRAME.findall(words) if f"{env.root}/services/" in file]
    where = f"{own[-1][0].removeprefix(f'{env.root}/')}:{own[-1][1]}" if own else ""
    known = recognise("python", "start", words, f"{name} ended at its start.", where=where, name=name, path=path)
    raised = tracebacks.in_checkout(words, str(env.root))
    return known or problem(
        "service-crashed",
        f"{name} is not running: {f'{raised.where} raises {raised.error}' if raised else 'it ended by itself.'}",
        evidence=words,
        where=raised.where if raised else where,
        name=name,
        final=True,
    )


def _answers(env: Env, name: str) -> Problem | None:
    """Alive with the expected version, and ready."""
    base = layout.url(env, name)
    alive = env.get(f"{base}/healthz")
    if alive.status != 200:
        said = f"GET {base}/healthz: {alive.status or ''} {alive.text}\n{env.processes.tail(name, 8)}"
        return problem("service-not-alive", f"{name} does not answer yet.", evidence=said, name=name)
    speaker, own = alive.table().get("service"), env.manifest.services[name].app_id or name
    if isinstance(speaker, str) and speaker != own:
        # Not final: its own process is about to end, and then says so itself.
        said = f"On the port of {name} answers {speaker}."
        return problem("service-port-taken", said, evidence=alive.text, name=name)
    wanted, running = layout.version(env, name), alive.table().get("version")
    if running != wanted:
        return problem(
            "service-stale",
            f"{name} says that it runs version {running}, the checkout is {wanted}.",
            evidence=alive.text,
            name=name,
            final=True,
        )
    ready = env.get(f"{base}/readyz", timeout=4)
    if ready.status != 200:
        checks = ready.table().get("checks")
        failed = sorted(k for k, v in checks.items() if v != "ok") if isinstance(checks, dict) else []
        bad = ", ".join(failed) or "no answer"
        said = f"GET {base}/readyz: {ready.status or ''} {ready.text}\n{env.processes.tail(name, 8)}"
        return problem("service-not-ready", f"{name} is not ready: {bad}.", evidence=said, name=name)
    return None


def _subscribed(env: Env, name: str) -> Problem | None:
    """Its sidecar has every subscription in place."""
    service = env.manifest.services[name]
    if not service.subscribes:
        return None
    base = layout.url(env, f"{name}.sidecar-http")
    metadata = env.get(f"{base}/v1.0/metadata")
    there = {row.get("topic") for row in rows(metadata.table().get("subscriptions"))}
    missing = [topic for topic in service.subscribes if topic not in there]
    if missing:
        said = f"GET {base}/v1.0/metadata: {metadata.status or ''} {metadata.text[:600]}"
        return problem("subscription-missing", f"{name} is not subscribed to {missing[0]}.", evidence=said, name=name)
    return None


def stage(name: str, needs: tuple[str, ...]) -> Stage:
    """The gate: the process lives, runs the checkout's code and settings, is alive and ready, and is subscribed."""
    return Stage(
        name,
        needs,
        lambda env: apply(env, name),
        lambda env: check(env, name),
        waits_for=f"{name} to be ready",
        timeout=30,
    )
