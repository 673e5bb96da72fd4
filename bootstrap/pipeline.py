"""The product: what is done, in which order, and what proves each step. Read from top to bottom."""

from bootstrap.env import Env
from bootstrap.local import brokers, layout
from bootstrap.manifest import Manifest
from bootstrap.stage import Stage
from bootstrap.stages import preflight, service, sidecars, smoke, sources, topics


def local(manifest: Manifest, broker: str = "wheel") -> tuple[Stage, ...]:
    """The app as processes of this machine, on loopback; its broker from a wheel, or Redpanda in Docker."""
    services, kafka = manifest.services, brokers.BROKERS[broker]
    return (
        preflight.stage(),
        sources.stage(),
        kafka.stage(),
        topics.stage(servers=layout.bootstrap_servers, advice=kafka.empty(manifest)),
        sidecars.stage(),
        *(service.stage(name, ("sources", "sidecars") if services[name].app_id else ("sources",)) for name in services),
        smoke.stage(tuple(services), generation=generation, urls=urls),
    )


PLACES = {"local": local}


def stages(env: Env) -> tuple[Stage, ...]:
    """The stages of the place where this environment runs, with what was chosen for it."""
    return PLACES[env.place](env.manifest, env.local_broker)


def generation(env: Env) -> str:
    """What runs: it changes whenever a process, or the broker's container, is started anew."""
    names = env.processes.names()
    running = [f"{n}:{p.pid}:{p.create_time()}" for n in names if (p := env.processes.find(n))]
    if container := brokers.facts(env):
        running.append(f"broker:{container['container']}:{container['started']}")
    return " ".join(running)


def is_started(env: Env) -> bool:
    """Whether any part of the environment was started and not ended by `down`."""
    container = brokers.facts(env)
    return bool(env.place and (env.processes.names() or (container and container["running"])))


def urls(env: Env) -> dict[str, str]:
    """The base URL of each service."""
    return {name: layout.url(env, name) for name in env.manifest.services}


def versions(env: Env) -> dict[str, str]:
    """The content hash of each service as the checkout has it."""
    return {name: layout.version(env, name) for name in env.manifest.services}
