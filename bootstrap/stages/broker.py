"""broker (local): the Kafka-protocol broker from a wheel, as a process on loopback."""

from collections.abc import Callable

from bootstrap.clients.kafka import BrokerError
from bootstrap.core.env import Env
from bootstrap.core.processes import Spec
from bootstrap.core.stage import Stage
from bootstrap.local import layout
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem, ProblemsFound


def apply(env: Env, spec_of: Callable[[Env], Spec] = layout.broker) -> None:
    try:
        spec = spec_of(env)
    except (ImportError, RuntimeError, OSError) as error:
        raise ProblemsFound(
            problem("broker-missing", "There is no broker program.", evidence=str(error), final=True)
        ) from error
    env.processes.start(spec)


def check(env: Env) -> Problem | None:
    if env.processes.find("broker") is None:
        words, summary = env.processes.tail("broker"), "The broker is not running."
        return recognise("broker", "start", words, summary) or problem(
            "broker-died", summary, evidence=words, final=True
        )
    at = layout.bootstrap_servers(env)
    try:
        env.broker_at(at).topics([])
    except BrokerError as trouble:
        return problem("broker-unreachable", f"The broker at {at} does not answer.", evidence=str(trouble))
    return None


def stage() -> Stage:
    """The gate: the broker's process lives and answers a Kafka client."""
    return Stage("broker", ("preflight",), apply, check, waits_for="the broker's first answer", timeout=15)
