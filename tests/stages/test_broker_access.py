"""The gate `broker-access`, with a scripted Docker Engine and probe, and a double of the API server."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.core.env import Env
from bootstrap.problems.problem import Problem
from bootstrap.stages import broker_access, redpanda
from tests.apiserver import ApiServer
from tests.docker_doubles import FakeContainer, FakeEngine, FakeNetwork, said

Problems = Callable[[Callable[[], object]], tuple[Problem, ...]]
SLICES = "discovery.k8s.io/v1", "endpointslices", "small"


@pytest.fixture
def env(cluster_env: Env) -> Env:
    """An environment on minikube."""
    return cluster_env


@dataclass
class Probe:
    """What the probe pod answers: the addresses that the broker advertises, and the words for those out of reach."""

    advertised: list[tuple[str, int]] = field(default_factory=lambda: [("redpanda", 21701)])
    refused: str = ""
    closed: dict[str, str] = field(default_factory=dict)

    def __call__(self, at: str, query: Mapping[str, str]) -> tuple[int, str]:
        where = f"{query['host']}:{query['port']}"
        if at.endswith("kafka"):
            assert where == "redpanda:21701"
            answer: dict[str, object] = {"brokers": [] if self.refused else self.advertised, "error": self.refused}
        else:
            answer = {"error": self.closed.get(where, "")}
        return 200, json.dumps(answer)


@pytest.fixture
def probe(api: ApiServer) -> Probe:
    probe = Probe()
    api.proxy("small", "pods", "http:inv-probe:8000", probe)
    return probe


def network(name: str = "small", number: int = 1, subnet: str = "192.168.49.0/24") -> FakeNetwork:
    """The network of a minikube profile."""
    labels = {"created_by.minikube.sigs.k8s.io": "true", "name.minikube.sigs.k8s.io": name}
    attrs = {"Labels": labels, "IPAM": {"Config": [{"Subnet": subnet}]}, "Containers": {}}
    return FakeNetwork(name, str(number) * 64, attrs)


@pytest.fixture
def reached(env: Env, engine: FakeEngine, container: FakeContainer, probe: Probe) -> FakeContainer:
    """The broker's container, connected; the gate is open."""
    engine.network_list.append(network())
    broker_access.apply(env)
    assert code(env) == ""
    engine.called.clear()
    return container


def code(env: Env) -> str:
    found = broker_access.check(env)
    return found.code if found else ""


def found_slices(api: ApiServer) -> list[str]:
    return [address for one in api.list(*SLICES) for end in one["endpoints"] for address in end["addresses"]]


def test_the_name_leads_to_the_containers_address(api: ApiServer, env: Env, reached: FakeContainer) -> None:
    assert reached.networks["small"]["IPAddress"] == "192.168.49.253"
    assert found_slices(api) == ["192.168.49.253"]
    made = api.get("v1", "services", "small", "redpanda")
    assert made is not None
    assert "selector" not in made["spec"]
    assert [port["port"] for port in made["spec"]["ports"]] == [21701]


def test_nothing_is_done_where_nothing_is_to_do(api: ApiServer, env: Env, reached: FakeContainer) -> None:
    before = [one["metadata"]["resourceVersion"] for one in api.list(*SLICES)]
    broker_access.apply(env)
    assert reached.engine.called == []
    assert [one["metadata"]["resourceVersion"] for one in api.list(*SLICES)] == before


def test_a_look_changes_nothing(api: ApiServer, env: Env, reached: FakeContainer) -> None:
    asked = len(api.requests)
    assert code(env) == ""
    assert {request.method for request in api.requests[asked:]} == {"GET"}
    assert reached.engine.called == []


def test_the_gate_closes_until_it_is_connected(env: Env, container: FakeContainer, probe: Probe) -> None:
    found = broker_access.check(env)
    assert found is not None
    assert (found.code, found.final) == ("broker-not-in-network", True)


@pytest.mark.closes("broker-access", "the broker is in the cluster's network", "broker-not-in-network")
def test_one_that_was_disconnected_by_hand_is_connected_again(env: Env, reached: FakeContainer) -> None:
    reached.networks.clear()
    assert code(env) == "broker-not-in-network"
    broker_access.apply(env)
    assert code(env) == ""


@pytest.mark.closes("broker-access", "its name leads to it and to nothing else", "broker-name-differs")
def test_another_address_after_a_restart_is_written_down(api: ApiServer, env: Env, reached: FakeContainer) -> None:
    reached.networks["small"]["IPAddress"] = "192.168.49.7"
    found = broker_access.check(env)
    assert found is not None
    assert (found.code, found.final) == ("broker-name-differs", True)
    assert "lead to 192.168.49.253:21701; the broker is at 192.168.49.7:21701" in found.cause
    assert f"--kubeconfig {env.kubeconfig} --context small -n small" in found.remedy
    broker_access.apply(env)
    assert code(env) == ""
    assert found_slices(api) == ["192.168.49.7"]


def test_a_network_that_was_made_anew_is_joined(env: Env, engine: FakeEngine, reached: FakeContainer) -> None:
    engine.network_list[:] = [network(number=2, subnet="192.168.58.0/24")]
    broker_access.apply(env)
    assert engine.called == ["disconnect small", "connect small"]
    assert reached.networks["small"]["IPAddress"] == "192.168.58.253"
    assert code(env) == ""


@pytest.mark.parametrize("what", ["services", "endpointslices"])
def test_what_somebody_deleted_is_written_anew(api: ApiServer, env: Env, reached: FakeContainer, what: str) -> None:
    version = {"services": "v1", "endpointslices": SLICES[0]}[what]
    env.cluster.delete(f"/{'api' if version == 'v1' else 'apis'}/{version}/namespaces/small/{what}/redpanda")
    found = broker_access.check(env)
    assert found is not None
    assert found.code == "broker-name-differs"
    assert "lead to nowhere" in found.cause
    broker_access.apply(env)
    assert code(env) == ""


@pytest.mark.closes("broker-access", "its name leads to it and to nothing else", "broker-name-differs")
def test_addresses_of_somebody_else_behind_the_name_are_named(api: ApiServer, env: Env, reached: FakeContainer) -> None:
    other = broker_access.endpoints(env, "10.0.0.9")
    other["metadata"] |= {"name": "redpanda-x2", "namespace": "small"}
    api.put(other)
    found = broker_access.check(env)
    assert found is not None
    assert found.code == "broker-name-differs"
    assert "10.0.0.9:21701, 192.168.49.253:21701" in found.cause


@pytest.mark.closes("broker-access", "a pod speaks Kafka by that name", "broker-unreachable-from-pods")
def test_a_pod_that_does_not_get_through_is_waited_for(env: Env, reached: FakeContainer, probe: Probe) -> None:
    probe.refused = "[Errno 111] Connection refused"
    found = broker_access.check(env)
    assert found is not None
    assert (found.code, found.final) == ("broker-unreachable-from-pods", False)
    assert found.evidence == probe.refused
    assert "{" not in found.cause + found.remedy


@pytest.mark.closes("broker-access", "a pod gets to every advertised address", "broker-advertises-unreachable")
def test_every_advertised_address_is_tried(env: Env, reached: FakeContainer, probe: Probe) -> None:
    probe.advertised = [("redpanda", 21701), ("127.0.0.1", 21700)]
    probe.closed["127.0.0.1:21700"] = "[Errno 111] Connection refused"
    found = broker_access.check(env)
    assert found is not None
    assert (found.code, found.final) == ("broker-advertises-unreachable", False)
    assert "127.0.0.1:21700" in found.summary
    assert f"docker rm -f {reached.name}" in found.remedy


def test_a_broker_that_advertises_nothing_is_not_reached(env: Env, reached: FakeContainer, probe: Probe) -> None:
    probe.advertised = []
    assert code(env) == "broker-unreachable-from-pods"


def test_a_probe_that_does_not_answer_is_said(api: ApiServer, env: Env, reached: FakeContainer) -> None:
    api.proxy("small", "pods", "http:inv-probe:8000", lambda at, query: (503, "no endpoints"))
    found = broker_access.check(env)
    assert found is not None
    assert (found.code, found.final) == ("broker-unreachable-from-pods", False)
    assert "inv-probe" in found.evidence


def test_without_the_clusters_network_nothing_is_done(env: Env, container: FakeContainer, problems: Problems) -> None:
    (found,) = problems(lambda: broker_access.apply(env))
    assert (found.code, found.final) == ("cluster-network-missing", True)
    assert "minikube delete -p small" in found.remedy
    assert container.networks == {}


def test_a_network_of_somebody_else_is_not_joined(
    env: Env, engine: FakeEngine, container: FakeContainer, problems: Problems
) -> None:
    engine.network_list.append(network())
    engine.network_list[0].attrs["Labels"] = None
    (found,) = problems(lambda: broker_access.apply(env))
    assert (found.code, found.final) == ("cluster-network-foreign", True)
    assert engine.called == []


def test_a_container_that_is_not_ours_is_not_connected(
    env: Env, engine: FakeEngine, container: FakeContainer, problems: Problems
) -> None:
    engine.network_list.append(network())
    container.labels.clear()
    (found,) = problems(lambda: broker_access.apply(env))
    assert found.code == "broker-container-missing"
    assert code(env) == "broker-not-in-network"
    assert engine.called == []


def test_a_docker_engine_that_is_away_is_named(env: Env, reached: FakeContainer, problems: Problems) -> None:
    reached.engine.raises["get"] = said("daemon-not-running")
    for call in (lambda: broker_access.apply(env), lambda: broker_access.check(env)):
        (found,) = problems(call)
        assert found.code == "docker-not-running"


def test_an_api_that_is_away_is_named_and_healed(
    api: ApiServer, env: Env, reached: FakeContainer, problems: Problems
) -> None:
    api.refuse_connections()
    for call in (lambda: broker_access.apply(env), lambda: broker_access.check(env)):
        (found,) = problems(call)
        assert found.code == "cluster-unreachable"
    api.mend()
    broker_access.apply(env)
    assert code(env) == ""


def test_the_container_can_be_made_anew_at_any_time(env: Env, reached: FakeContainer) -> None:
    reached.remove(force=True)
    assert code(env) == "broker-not-in-network"
    redpanda.apply(env)
    broker_access.apply(env)
    assert code(env) == ""


@given(prefix=st.integers(16, 28), used=st.sets(st.integers(1, 14)))
def test_its_address_is_free_and_far_from_those_of_nodes(prefix: int, used: set[int]) -> None:
    subnet = IPv4Network(f"10.32.0.0/{prefix}")
    taken = {str(subnet.broadcast_address - n) for n in used if n < 12}
    made: Any = network(subnet=str(subnet))
    made.attrs["Containers"] = {n: {"IPv4Address": f"{address}/{prefix}"} for n, address in enumerate(taken)}
    found = IPv4Address(broker_access.free_address(cast(Any, made)))
    assert found in subnet
    assert str(found) not in taken
    assert int(found) - int(subnet.network_address) > 2, "the gateway and the first node have the first ones"
    assert found < subnet.broadcast_address - 1
