"""The product: what is done, in which order, and what proves each step. Read from top to bottom."""

from bootstrap.env import Env
from bootstrap.local import layout
from bootstrap.manifest import Manifest
from bootstrap.stage import Stage
from bootstrap.stages import broker, preflight, service, sidecars, smoke, sources, topics

EMPTY_BROKER = "# the local broker keeps its topics in memory; start it again, empty:\n./inv down\n./inv up --on local"


def local(manifest: Manifest) -> tuple[Stage, ...]:
    """The app as processes of this machine, on loopback."""
    services = manifest.services
    return (
        preflight.stage(),
        sources.stage(),
        broker.stage(),
        topics.stage(servers=layout.bootstrap_servers, advice=EMPTY_BROKER),
        sidecars.stage(),
        *(service.stage(name, ("sources", "sidecars") if services[name].app_id else ("sources",)) for name in services),
        smoke.stage(tuple(services), generation=generation, urls=urls),
    )


PLACES = {"local": local}


def generation(env: Env) -> str:
    """Which processes run: it changes whenever one of them is started anew."""
    names = env.processes.names()
    return " ".join(f"{n}:{p.pid}:{p.create_time()}" for n in names if (p := env.processes.find(n)))


def urls(env: Env) -> dict[str, str]:
    """The base URL of each service."""
    return {name: layout.url(env, name) for name in env.manifest.services}


def versions(env: Env) -> dict[str, str]:
    """The content hash of each service as the checkout has it."""
    return {name: layout.version(env, name) for name in env.manifest.services}
