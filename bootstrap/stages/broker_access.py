"""reach (minikube): pods find the broker under one name, at its container's own address in the cluster's network.

Both ends are containers of one engine, so the way is the same on every system, and no port is opened to anybody else.
"""

from ipaddress import ip_network
from typing import TYPE_CHECKING, Protocol

from bootstrap.broker import redpanda
from bootstrap.clients.docker_engine import translate_errors as engine_words
from bootstrap.clients.kubernetes_api import Document, path
from bootstrap.clients.kubernetes_api import translate_errors as cluster_words
from bootstrap.cluster import probe
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem, ProblemsFound

if TYPE_CHECKING:
    from docker.models.networks import Network

SERVICE = redpanda.SERVICE
PROFILE_LABEL = "name.minikube.sigs.k8s.io"
LABELS = {"app.kubernetes.io/name": SERVICE, "app.kubernetes.io/managed-by": "inv"}
# The cluster's first addresses are its nodes', the very last one is the virtual one of several control planes.
FROM_THE_END = 2


class Pod(Protocol):
    """What a pod sees (`bootstrap.cluster.probe`)."""

    def tcp(self, env: Env, host: str, port: int) -> str: ...

    def kafka(self, env: Env, host: str, port: int) -> tuple[list[tuple[str, int]], str]: ...


def apply(env: Env) -> None:
    """Connects the container to the cluster's network and writes its address there into the cluster."""
    with engine_words(f"The container {redpanda.name(env.manifest)} cannot be connected to the cluster's network."):
        address = _connect(env)
    if _named(env, address) is None:
        return
    namespace = env.manifest.namespace
    with cluster_words(f"The Service {namespace}/{SERVICE} cannot be written."):
        env.cluster.apply(path("v1", "services", namespace, SERVICE), service(env))
        there = path("discovery.k8s.io/v1", "endpointslices", namespace, SERVICE)
        env.cluster.apply(there, endpoints(env, address))


def service(env: Env) -> Document:
    """A name without a selector: where it leads to is written by hand, in `endpoints`."""
    port = env.manifest.broker.listeners.cluster
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "labels": LABELS},
        "spec": {"ports": [{"name": "kafka", "port": port, "targetPort": port, "protocol": "TCP"}]},
    }


def endpoints(env: Env, address: str) -> Document:
    """Where the name leads to."""
    owned = {"kubernetes.io/service-name": SERVICE, "endpointslice.kubernetes.io/managed-by": "inv"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": SERVICE, "labels": {**LABELS, **owned}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "kafka", "port": env.manifest.broker.listeners.cluster, "protocol": "TCP"}],
    }


def _connect(env: Env) -> str:
    """The container's address in the cluster's network, to which it is connected where it is not."""
    container, network = redpanda.find_ours(env), _network(env)
    if container is None:
        name = redpanda.name(env.manifest)
        raise ProblemsFound(problem("broker-container-missing", f"There is no container {name}.", final=True))
    there = container.attrs["NetworkSettings"]["Networks"].get(network.name)
    if there is None or there["NetworkID"] != network.id or not there["IPAddress"]:
        if there is not None:
            network.disconnect(container, force=True)
        network.connect(container, ipv4_address=free_address(network))
        container.reload()
    return redpanda.address(container, str(network.name))


def _network(env: Env) -> "Network":
    from docker.errors import NotFound

    profile = env.manifest.cluster.profile
    try:
        network = env.docker.networks.get(profile)
    except NotFound as error:
        summary = f"This machine's Docker Engine has no network {profile}, in which the cluster's node would be."
        raise ProblemsFound(
            problem("cluster-network-missing", summary, evidence=str(error), profile=profile, final=True)
        ) from error
    if (network.attrs.get("Labels") or {}).get(PROFILE_LABEL) != profile:
        summary = f"The Docker network {profile} was not made by minikube for the profile {profile}."
        raise ProblemsFound(problem("cluster-network-foreign", summary, profile=profile, final=True))
    return network


def free_address(network: "Network") -> str:
    """An address of its own, far from those of nodes: the engine gives it again after every start.

    An address that the engine picks could be the one that a stopped node wants back.
    """
    subnet = ip_network(network.attrs["IPAM"]["Config"][0]["Subnet"])
    taken = {one["IPv4Address"].partition("/")[0] for one in (network.attrs.get("Containers") or {}).values()}
    from_above = (str(subnet[n]) for n in range(subnet.num_addresses - 1 - FROM_THE_END, 1, -1))
    return next(address for address in from_above if address not in taken)


def check(env: Env, pod: Pod = probe) -> Problem | None:
    profile = env.manifest.cluster.profile
    with engine_words(f"The container {redpanda.name(env.manifest)} cannot be looked at."):
        container = redpanda.find_ours(env)
        address = redpanda.address(container, profile) if container else ""
    if not address:
        summary = f"The broker's container is not in the Docker network {profile}."
        return problem("broker-not-in-network", summary, profile=profile, final=True)
    return _named(env, address) or _reached(env, pod)


def _named(env: Env, address: str) -> Problem | None:
    """Whether the name leads to that address and to nothing else."""
    namespace, port = env.manifest.namespace, env.manifest.broker.listeners.cluster
    with cluster_words(f"The Service {namespace}/{SERVICE} cannot be read."):
        there = env.cluster.find(path("v1", "services", namespace, SERVICE))
        slices = env.cluster.items(
            path("discovery.k8s.io/v1", "endpointslices", namespace),
            labelSelector=f"kubernetes.io/service-name={SERVICE}",
        )
    actual = [
        f"{address}:{port['port']}"
        for one in slices
        for endpoint in one.get("endpoints") or ()
        for address in endpoint["addresses"]
        for port in one.get("ports") or ()
    ]
    ports = [one["port"] for one in there["spec"]["ports"]] if there else []
    if ports == [port] and actual == [f"{address}:{port}"]:
        return None
    return problem(
        "broker-name-differs",
        f"In the cluster, the name {SERVICE} does not lead to the broker.",
        wanted=f"{address}:{port}",
        actual=(", ".join(sorted(actual)) or "nowhere") if there else "nowhere, for there is no Service",
        evidence="",
        where="",
        final=True,
        **_facts(env),
    )


def _reached(env: Env, pod: Pod) -> Problem | None:
    """Whether a pod that starts with the name gets to every address that the broker then sends it to."""
    port = env.manifest.broker.listeners.cluster
    brokers, refused = pod.kafka(env, SERVICE, port)
    if refused or not brokers:
        summary = f"A pod cannot speak Kafka with {SERVICE}:{port}."
        return problem("broker-unreachable-from-pods", summary, evidence=refused, where="", final=False, **_facts(env))
    for host, advertised in brokers:
        if refused := pod.tcp(env, host, advertised):
            return problem(
                "broker-advertises-unreachable",
                f"The broker sends pods to {host}:{advertised}, which a pod cannot reach.",
                evidence=refused,
                name=redpanda.name(env.manifest),
                port=port,
            )
    return None


def _facts(env: Env) -> dict[str, object]:
    return {
        "kubeconfig": env.kubeconfig,
        "context": env.context,
        "namespace": env.manifest.namespace,
        "service": SERVICE,
        "profile": env.manifest.cluster.profile,
    }


def stage(needs: tuple[str, ...] = ("broker", "cluster")) -> Stage:
    """The gate: the cluster has the container's address of now under one name, and a pod connects by that name and to
    every address that the broker advertises there.
    """
    return Stage("broker-access", needs, apply, check, waits_for="the way from a pod to the broker", timeout=30)
