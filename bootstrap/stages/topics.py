"""topics: exactly as environment.toml has them, through Kafka's admin protocol. The same for every place."""

from collections.abc import Callable, Iterator

from bootstrap.clients.kafka import BrokerError
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.manifest import Topic
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

HOUR_MS = 3_600_000
# Where the gate's own records go, so that no service ever meets one.
PROOF = "inv-check"


def wanted(env: Env) -> dict[str, Topic]:
    """Every topic that is to be there."""
    return {**env.manifest.topics, PROOF: Topic(partitions=1, retention_hours=1, cleanup="delete")}


def wanted_config(topic: Topic) -> dict[str, str]:
    """The configuration that is compared, in the broker's own words."""
    return {"retention.ms": str(topic.retention_hours * HOUR_MS), "cleanup.policy": topic.cleanup}


def apply(env: Env, servers: Callable[[Env], str]) -> None:
    """Creates what is missing and sets what differs; partitions are never changed."""
    broker, topics = env.broker_at(servers(env)), wanted(env)
    try:
        there = broker.topics(list(topics))
        for name, topic in topics.items():
            config = wanted_config(topic)
            if name not in there:
                broker.create(name, topic.partitions, config)
            elif any(there[name].config.get(key) != value for key, value in config.items()):
                broker.configure(name, config)
    except BrokerError as trouble:
        raise ProblemsFound(problem("topic-refused", "The topics cannot be made.", evidence=str(trouble))) from trouble


def check(env: Env, servers: Callable[[Env], str], advice: str) -> Problem | None:
    found = next(differences(env, servers, advice), None)
    if found is not None:
        return found
    at = servers(env)
    try:
        env.broker_at(at).round_trip(PROOF)
    except BrokerError as trouble:
        summary = f"A record does not make its way through the broker at {at} and back."
        return problem("topic-round-trip-failed", summary, evidence=str(trouble))
    return None


def differences(env: Env, servers: Callable[[Env], str], advice: str) -> Iterator[Problem]:
    """Everything in which the broker's topics are not what environment.toml says."""
    at = servers(env)
    try:
        there = env.broker_at(at).topics(list(wanted(env)))
    except BrokerError as trouble:
        yield problem("broker-unreachable", f"The broker at {at} does not answer.", evidence=str(trouble))
        return
    for name, topic in wanted(env).items():
        if name not in there:
            yield problem("topic-missing", f"Topic {name} does not exist.")
            continue
        if there[name].partitions != topic.partitions:
            yield problem(
                "topic-partitions-differ",
                f"Topic {name} has {there[name].partitions} partitions, not {topic.partitions}.",
                actual=there[name].partitions,
                wanted=topic.partitions,
                advice=advice,
                final=True,
            )
        for key, value in wanted_config(topic).items():
            actual = there[name].config.get(key)
            if actual != value:
                yield problem(
                    "topic-config-differs",
                    f"Topic {name} has {key}={actual}, not {value}.",
                    key=key,
                    actual=actual,
                    wanted=value,
                )


def stage(servers: Callable[[Env], str], advice: str) -> Stage:
    """The gate: every declared topic is there with its partitions, retention and cleanup policy, and a record that is
    produced can be consumed.

    `servers` says where the broker answers; `advice` is how the user gets rid of a topic with other partitions.
    """
    return Stage(
        "topics",
        ("broker",),
        lambda env: apply(env, servers),
        lambda env: check(env, servers, advice),
        waits_for="the topics as environment.toml has them",
        timeout=15,
    )
