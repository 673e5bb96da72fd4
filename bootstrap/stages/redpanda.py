"""broker: Redpanda in a container of this machine's Docker Engine, on loopback; its topics in a volume."""

from typing import TYPE_CHECKING

from bootstrap.broker import lifecycle, redpanda
from bootstrap.clients.docker_engine import translate_errors
from bootstrap.clients.kafka import BrokerError
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.images import supply
from bootstrap.local import layout
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem, ProblemsFound

if TYPE_CHECKING:
    from docker.models.containers import Container

servers = layout.bootstrap_servers  # where Kafka clients on this machine find it
# States from which `docker start` goes on; a container in any other (paused, dead) is made anew.
STARTABLE = ("created", "exited", "running")


def apply(env: Env) -> None:
    """Makes the container run as it is to be; the volume stays whatever happens to the container."""
    name, image = redpanda.name(env.manifest), env.manifest.broker.image
    with translate_errors(f"The container {name} cannot be looked at."):
        held = redpanda.holds_port(env)
    redpanda.decide_port(env, held)
    facts = {"name": name, "image": image, "port": redpanda.port(env)}
    with translate_errors(f"The container {name} cannot be started.", **facts):
        container = redpanda.find(env)
        if container is not None and not redpanda.is_ours(env, container):
            raise ProblemsFound(_foreign(name))
        if container is not None and _is_past_use(env, container):
            lifecycle.remove(container)
            container = None
        if container is None:
            supply.provide(env, image, name=name, port=facts["port"])
            env.docker.volumes.create(name, labels=redpanda.labels(env))
            container = env.docker.containers.create(**redpanda.wanted(env))
        if container.status != "running":
            container.start()


def _is_past_use(env: Env, container: "Container") -> bool:
    if container.status == "running":
        return redpanda.is_stale(env, container) or not _is_bounded(env, container)
    return container.status not in STARTABLE or redpanda.is_stale(env, container) or redpanda.is_cut_off(env, container)


def _is_bounded(env: Env, container: "Container") -> bool:
    return bool(container.attrs["HostConfig"]["Memory"] == env.manifest.broker.memory_mb * 2**20)


def check(env: Env) -> Problem | None:
    name, at = redpanda.name(env.manifest), servers(env)
    with translate_errors(f"The container {name} cannot be looked at."):
        container = redpanda.find(env)
        if container is None:
            return problem("broker-container-missing", f"There is no container {name}.", final=True)
        if not redpanda.is_ours(env, container):
            return _foreign(name)
        if redpanda.is_stale(env, container):
            return problem("broker-container-stale", f"The container {name} is not as it is to be.", final=True)
        if container.status != "running":
            return _stopped(env, container)
        if not _is_bounded(env, container):
            summary = f"The memory of the container {name} is not bounded as it is to be."
            return problem(
                "broker-memory-unbounded", summary, memory_mb=env.manifest.broker.memory_mb, name=name, final=True
            )
        actual = redpanda.published(container)
    if actual != [at]:
        return problem(
            "broker-port-not-published",
            f"The container {name} is not published on {at} alone.",
            name=name,
            port=redpanda.port(env),
            actual=", ".join(actual) or "nowhere",
            final=True,
        )
    try:
        env.broker_at(at).topics([])
    except BrokerError as trouble:
        return problem("broker-unreachable", f"Redpanda at {at} does not answer.", evidence=str(trouble))
    return None


def _foreign(name: str) -> Problem:
    return problem("broker-name-taken", f"The container {name} is not this checkout's.", name=name, final=True)


def _stopped(env: Env, container: "Container") -> Problem:
    state, name = container.attrs["State"], container.name
    said = "\n".join(part for part in (state.get("Error", ""), redpanda.tail(container)) if part)
    if state.get("OOMKilled"):
        return problem(
            "broker-out-of-memory",
            f"The container {name} was killed for its use of memory.",
            memory_mb=env.manifest.broker.memory_mb,
            evidence=said,
            final=True,
        )
    summary = f"The container {name} is {container.status}, exit code {state['ExitCode']}."
    known = recognise("redpanda", "run", said, summary, name=name)
    return known or problem("broker-container-stopped", summary, evidence=said, final=True)


def stage() -> Stage:
    """The gate: the container is ours, as it is to be, runs within its memory, is published on loopback alone, and
    answers Kafka.
    """
    return Stage("broker", ("preflight",), apply, check, waits_for="Redpanda's first answer", timeout=60)
