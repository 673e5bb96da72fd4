"""reach: a container of a real Docker Engine in a network like minikube's; other containers there stand for pods.

The tests build on each other.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from bootstrap.broker import lifecycle
from bootstrap.broker.redpanda import address
from bootstrap.broker.redpanda import name as name_of
from bootstrap.cluster.probe_kafka import brokers
from bootstrap.core.env import Env
from bootstrap.manifest import load
from bootstrap.stages import broker_access, preflight_local, redpanda, topics
from tests.apiserver import ApiServer
from tests.doubles import small_env
from tests.engine import BRIDGES, IMAGE
from tests.waits import until_open

if TYPE_CHECKING:
    from docker.models.containers import Container

pytestmark = pytest.mark.real("docker", "busybox")

SUBNETS = ("10.213.7.0/24", "10.213.8.0/24")


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "small"}})
        yield server


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory, docker_environ: dict[str, str], api: ApiServer) -> Iterator[Env]:
    """An environment on minikube whose profile's name no other test has; its broker runs; nothing of it stays."""
    root = tmp_path_factory.mktemp("checkout")
    small_env(root)
    manifest = root / "environment.toml"
    text = manifest.read_text().replace("redpandadata/redpanda:v25.3.1", IMAGE)
    manifest.write_text(
        text.replace('profile = "small"', f'profile = "inv-test-{root.parent.name.rpartition("-")[2]}"')
    )
    env = Env(manifest=load(manifest), environ=docker_environ, place="minikube")
    api.kubeconfig(env.kubeconfig, env.context)
    preflight_local.apply(env)
    redpanda.apply(env)
    yield env
    lifecycle.purge(env)
    for network in env.docker.networks.list(names=[env.context]):
        network.remove()
    env.docker.close()


@pytest.fixture
def container(env: Env) -> "Container":
    return env.docker.containers.get(name_of(env.manifest))


def make_network(env: Env, subnet: str) -> None:
    """As minikube makes it."""
    from docker.types import IPAMConfig, IPAMPool

    pool = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
    labels = {"created_by.minikube.sigs.k8s.io": "true", "name.minikube.sigs.k8s.io": env.context}
    options = {"com.docker.network.bridge.name": f"{BRIDGES}1"}
    env.docker.networks.create(env.context, driver="bridge", ipam=pool, labels=labels, options=options)


class OnNetwork:
    """What a container of the cluster's network sees; the Service and its address are looked up as a cluster does."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    def _where(self) -> str:
        made = self._api.get("discovery.k8s.io/v1", "endpointslices", "small", "redpanda")
        assert made is not None
        return str(made["endpoints"][0]["addresses"][0])

    def kafka(self, _: Env, host: str, port: int) -> tuple[list[tuple[str, int]], str]:
        assert host == "redpanda"
        try:
            return brokers(self._where(), port, 2.0), ""
        except OSError as error:
            return [], str(error)

    def tcp(self, env: Env, host: str, port: int) -> str:
        return "" if self.topics(env, host, port) else "no topics"

    def topics(self, env: Env, host: str, port: int) -> str:
        """The broker's topics, as a Kafka client in a container lists them."""
        from docker.errors import ContainerError

        try:
            return env.docker.containers.run(
                IMAGE,
                ["topic", "list", "--broker", f"tcp://{host}:{port}"],
                entrypoint=["/broker"],
                network=env.context,
                extra_hosts={"redpanda": self._where()},
                remove=True,
            ).decode()
        except ContainerError as error:
            return str(error.stderr)


def open_gates(env: Env, api: ApiServer) -> None:
    """Waits for both gates."""
    until_open(lambda: redpanda.check(env) or broker_access.check(env, OnNetwork(api)))


def test_a_client_on_the_network_finds_the_topics_that_the_host_made(env: Env, api: ApiServer) -> None:
    make_network(env, SUBNETS[0])
    closed = broker_access.check(env, OnNetwork(api))
    assert closed is not None
    assert closed.code == "broker-not-in-network"
    broker_access.apply(env)
    topics.apply(env, redpanda.servers)
    open_gates(env, api)
    assert '"orders-dead"' in OnNetwork(api).topics(env, "redpanda", env.manifest.broker.listeners.cluster)
    assert topics.check(env, redpanda.servers, "") is None


def test_nothing_is_published_but_the_port_on_loopback(env: Env, container: "Container") -> None:
    ports = {name: bound for name, bound in container.attrs["NetworkSettings"]["Ports"].items() if bound}
    host = env.manifest.broker.listeners.host
    assert ports == {
        f"{host}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(redpanda.servers(env).rpartition(":")[2])}]
    }


def test_after_a_stop_it_has_the_same_address(env: Env, api: ApiServer, container: "Container") -> None:
    before = address(container, env.context)
    lifecycle.stop(env)
    closed = broker_access.check(env, OnNetwork(api))
    assert closed is not None
    assert closed.code == "broker-not-in-network"
    redpanda.apply(env)
    open_gates(env, api)
    container.reload()
    assert address(container, env.context) == before


def test_a_new_container_is_led_to(env: Env, api: ApiServer, container: "Container") -> None:
    container.remove(force=True)
    redpanda.apply(env)
    broker_access.apply(env)
    open_gates(env, api)


def test_a_network_that_was_deleted_and_made_anew_is_joined(env: Env, api: ApiServer) -> None:
    lifecycle.stop(env)
    env.docker.networks.get(env.context).remove()
    make_network(env, SUBNETS[1])
    redpanda.apply(env)
    broker_access.apply(env)
    open_gates(env, api)
    made = api.get("discovery.k8s.io/v1", "endpointslices", "small", "redpanda")
    assert made is not None
    assert made["endpoints"][0]["addresses"] == ["10.213.8.253"]


def test_where_the_network_stays_away_it_is_named(env: Env) -> None:
    lifecycle.stop(env)
    env.docker.networks.get(env.context).remove()
    redpanda.apply(env)
    with pytest.raises(Exception, match="cluster-network-missing"):
        broker_access.apply(env)
