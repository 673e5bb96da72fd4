"""Where the services are reached from this machine, on any driver and operating system.

A service with a node port has one address for its users: that port on 127.0.0.1. The page's origin, its content
security policy and the backends' CORS name this address, so it is made true where the cluster does not publish it,
rather than replaced by the node's own, which is not reachable everywhere and which browsers do not trust.
"""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

from bootstrap.clients.kubernetes_api import message, path
from bootstrap.clients.tunnel import Tunnel
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import ProblemsFound

Carry = Callable[[Env, str, int, socket.socket], None]
"""Carries a connection to a port of a pod of the app's namespace."""


def public(env: Env) -> dict[str, str]:
    """The base URLs that are shown to users and told to browsers: those of the services with a node port."""
    ports = {name: service.node_port for name, service in env.manifest.services.items()}
    return {name: f"http://127.0.0.1:{port}" for name, port in ports.items() if port}


def through_api(env: Env, pod: str, port: int, client: socket.socket) -> None:
    """The one `Carry` there is outside of tests."""
    env.cluster.carry(env.manifest.namespace, pod, port, client)


def closed(env: Env) -> list[str]:
    """The services with a node port that do not answer at their public URL as themselves."""
    base = public(env)

    def is_closed(name: str) -> bool:
        answer = env.get(f"{base[name]}/healthz")
        # Any service of ours may have been given that port: it has to say that it is the one.
        return answer.table().get("service") != (env.manifest.services[name].app_id or name)

    with ThreadPoolExecutor(max(1, len(base))) as pool:
        return [name for name, wrong in zip(base, pool.map(is_closed, base), strict=True) if wrong]


@contextmanager
def urls(env: Env, carry: Carry = through_api) -> Iterator[dict[str, str]]:
    """A base URL of every service that works on this machine while the context lasts.

    Raises `ProblemsFound` (`door-taken`) when a public URL leads elsewhere and its port cannot be had.
    """
    found = public(env)
    shut = closed(env)
    with ExitStack() as stack:
        for name in env.manifest.services:
            if name in shut or name not in found:
                port = env.manifest.services[name].node_port or 0
                try:
                    tunnel = Tunnel(partial(_to_service, env, name, carry), port, env.notify)
                except OSError as error:
                    raise ProblemsFound(
                        problem(
                            "door-taken",
                            f"Port {port} on 127.0.0.1 is taken, and what is there does not answer as {name}.",
                            evidence=str(error),
                            port=port,
                            name=name,
                        )
                    ) from error
                found[name] = stack.enter_context(tunnel).url
        yield {name: found[name] for name in env.manifest.services}


def _to_service(env: Env, name: str, carry: Carry, client: socket.socket) -> None:
    from kubernetes.client import ApiException

    try:
        pod, port = endpoint(env, name)
        carry(env, pod, port, client)
    except ApiException as error:  # by itself it tells every header of the answer
        raise OSError(f"{name} is not reached: {message(error)}") from error


def endpoint(env: Env, name: str) -> tuple[str, int]:
    """A pod that is behind the Service right now, and the port that it listens on. Raises LookupError for none."""
    slices = env.cluster.items(
        path("discovery.k8s.io/v1", "endpointslices", env.manifest.namespace),
        labelSelector=f"kubernetes.io/service-name={name}",
    )
    for each in slices:
        for there in each.get("endpoints") or []:
            target = there.get("targetRef") or {}
            if there.get("conditions", {}).get("ready", True) and target.get("kind") == "Pod" and each.get("ports"):
                return str(target["name"]), int(each["ports"][0]["port"])
    raise LookupError(f"no pod of {name} is ready")
