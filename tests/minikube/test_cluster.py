"""The cluster's stage: from every state that a profile can be in to one that works, and what is never touched."""

import json
from pathlib import Path

import pytest

from bootstrap.cluster import namespaces, probe
from bootstrap.minikube import ownership, profile, settings
from bootstrap.problems.problem import ProblemsFound
from bootstrap.stages import cluster
from tests.doubles import told
from tests.failures import failure
from tests.minikube.conftest import World
from tests.minikube.doubles import MIB, config, recorded


def up(world: World) -> None:
    """A cluster that we made, running."""
    cluster.apply(world.env)
    assert cluster.check(world.env) is None
    world.minikube.ran.clear()
    world.said.clear()


def test_a_fresh_machine_gets_a_cluster(world: World) -> None:
    cluster.apply(world.env)
    assert cluster.check(world.env) is None
    start = next(words for words in world.minikube.ran if words[0] == "start")
    assert {
        "--driver=docker",
        "--container-runtime=docker",
        "--kubernetes-version=v1.36.2",
        "--cpus=2",
        "--memory=4096mb",
        "--ports=127.0.0.1:30080:30080",
        "--embed-certs",
        "--interactive=false",
    } <= set(start)
    assert "minikube: Done" in world.said


def test_the_runtime_is_docker_where_minikube_would_take_containerd(world: World) -> None:
    assert "minikube will default to" in recorded("start/minikube-offline.jsonl")
    cluster.apply(world.env)
    made = world.minikube.profiles["small"]
    assert made["KubernetesConfig"]["ContainerRuntime"] == "docker"
    assert settings.check(world.env, made) is None
    made["KubernetesConfig"]["ContainerRuntime"] = "containerd"
    found = settings.check(world.env, made)
    assert found is not None
    assert (found.code, found.evidence) == (
        "cluster-differs",
        "container runtime: the cluster has containerd, wanted is docker",
    )
    assert ownership.is_ours(world.env)


def test_a_cluster_that_answers_is_left_alone(world: World) -> None:
    up(world)
    pod = world.api.get("v1", "pods", "small", probe.NAME)
    cluster.apply(world.env)
    assert cluster.check(world.env) is None
    assert world.minikube.did == []
    assert world.said == []
    assert world.api.get("v1", "pods", "small", probe.NAME) == pod


@pytest.mark.parametrize("kept", [b"{", b"whole"])
def test_the_kubeconfig_is_written_anew_at_each_start(world: World, kept: bytes) -> None:
    up(world)
    if kept == b"whole":
        world.minikube.host = world.minikube.apiserver = "Stopped"
        world.api.refuse_connections()
    else:  # cut off
        world.env.kubeconfig.write_bytes(world.env.kubeconfig.read_bytes()[:-40] + b"\n\t{")
    found: list[bool] = []

    def started() -> None:
        found.append(world.env.kubeconfig.exists())
        world.api.mend()
        world.up()

    world.minikube.started = started
    cluster.apply(world.env)
    assert found == [False], "minikube goes on with what it finds there"
    assert cluster.check(world.env) is None


def test_a_stopped_cluster_is_started(world: World) -> None:
    up(world)
    world.minikube.host = world.minikube.apiserver = "Stopped"
    world.env.kubeconfig.unlink()  # `minikube stop` takes our context out of it
    cluster.apply(world.env)
    assert world.minikube.did == ["start"]
    assert world.said[0] == "The cluster small is stopped: minikube starts it."
    assert cluster.check(world.env) is None


def test_a_paused_cluster_goes_on(world: World) -> None:
    up(world)
    world.minikube.apiserver = "Paused"
    world.env.kubeconfig.unlink()
    cluster.apply(world.env)
    assert world.minikube.did == ["unpause", "start"]
    assert next(words for words in world.minikube.ran if words[0] == "unpause")[1] == "--all-namespaces", "ours too"
    assert cluster.check(world.env) is None


def test_a_cluster_that_was_deleted_by_hand_is_made_anew(world: World) -> None:
    up(world)
    world.minikube.profiles.clear()
    world.env.kubeconfig.unlink()
    cluster.apply(world.env)
    assert world.minikube.did == ["start"]
    assert cluster.check(world.env) is None


def test_an_interrupted_start_is_taken_up(world: World) -> None:
    ownership.claim(world.env, exists=False)  # and then kill -9
    world.minikube.profiles["small"] = config()
    world.minikube.host = "Nonexistent"
    cluster.apply(world.env)
    assert world.minikube.did == ["start"]
    assert world.said[0] == "The cluster small is half made: minikube starts it."


def test_a_half_made_profile_that_cannot_go_on_is_made_anew(world: World) -> None:
    ownership.claim(world.env, exists=False)
    world.minikube.profiles["small"] = config()
    world.minikube.starts = [(80, error("GUEST_PROVISION", "the machine is a ruin"))]
    cluster.apply(world.env)
    assert world.minikube.did == ["start", "delete", "start"]
    assert "deleted and made anew" in " ".join(world.said)
    assert ownership.is_ours(world.env)


def test_a_cluster_that_once_came_up_is_never_deleted(world: World) -> None:
    up(world)
    world.env.kubeconfig.unlink()
    world.minikube.starts = [(80, error("GUEST_START", "etcd is a ruin"))] * 2
    found = failure(lambda: cluster.apply(world.env))
    assert (found.code, found.final) == ("cluster-broken", True)
    assert "etcd is a ruin" in found.evidence
    assert "inv down --purge" in found.remedy
    assert "delete" not in world.minikube.did


@pytest.mark.parametrize("half_made", [False, True])
def test_a_known_trouble_is_told_and_nothing_is_deleted(world: World, half_made: bool) -> None:
    if half_made:
        ownership.claim(world.env, exists=False)
        world.minikube.profiles["small"] = config()
    world.minikube.starts = [(48, recorded("start/minikube-offline.jsonl"))]
    found = failure(lambda: cluster.apply(world.env))
    assert found.code == "minikube-offline"
    assert world.minikube.did == ["start"]


def test_an_unknown_trouble_of_a_new_cluster_is_told_in_its_own_words(world: World) -> None:
    world.minikube.starts = [(80, error("GUEST_NEW", "something else", advice="Try harder"))]
    found = failure(lambda: cluster.apply(world.env))
    assert found.code == "minikube-failed"
    assert "GUEST_NEW: something else\nTry harder" in found.evidence
    assert "minikube --profile small start" in found.evidence
    assert world.minikube.did == ["start"]


def error(name: str, message: str, advice: str = "") -> str:
    data = {"name": name, "message": message, "advice": advice}
    return json.dumps({"type": "io.k8s.sigs.minikube.error", "data": data}) + "\n"


def test_the_users_own_profile_of_that_name_is_not_touched(world: World) -> None:
    world.minikube.profiles["small"] = config()
    found = failure(lambda: cluster.apply(world.env))
    assert (found.code, found.final) == ("profile-not-ours", True)
    assert world.minikube.did == []
    assert profile.data(world.env) == profile.delete(world.env) == []
    assert not profile.stop(world.env)
    assert world.minikube.did == []


def test_a_volume_of_that_name_is_not_touched(world: World) -> None:
    world.machine.volumes.create("small", {})
    world.machine.called.clear()
    assert failure(lambda: cluster.apply(world.env)).code == "profile-not-ours"
    assert world.minikube.did == world.machine.called == []


def test_a_half_made_profile_that_cannot_be_read_is_made_anew(world: World) -> None:
    ownership.claim(world.env, exists=False)  # and kill -9 while minikube wrote its file
    world.minikube.starts = [(38, recorded("start/profile-unreadable.jsonl"))]
    cluster.apply(world.env)
    assert world.minikube.did == ["start", "delete", "start"]


def test_an_unreadable_profile_that_we_did_not_begin_is_never_deleted(world: World) -> None:
    for _ in range(2):
        world.minikube.starts = [(38, recorded("start/profile-unreadable.jsonl"))]
        world.minikube.profiles.clear()
        found = failure(lambda: cluster.apply(world.env))
        assert found.code == "profile-unreadable"
        world.minikube.profiles.clear()
    assert world.minikube.did == ["start", "start"]
    assert not ownership.is_ours(world.env)


def test_a_cluster_with_a_machine_and_no_profile_keeps_what_it_may_hold(world: World) -> None:
    up(world)
    world.minikube.profiles.clear()
    world.env.kubeconfig.unlink()
    world.machine.volumes.create("small", {})
    world.minikube.starts = [(80, error("GUEST_START", "a ruin"))]
    assert failure(lambda: cluster.apply(world.env)).code == "cluster-broken"
    assert "delete" not in world.minikube.did


def test_a_container_of_that_name_is_not_touched(world: World) -> None:
    world.machine.containers.create(name="small", labels={}, mem_limit="1m")
    world.machine.called.clear()
    assert failure(lambda: cluster.apply(world.env)).code == "profile-not-ours"
    assert world.minikube.did == world.machine.called == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"CPUs": 3}, "cpus"),
        ({"Memory": 2200}, "memory_mb"),
        ({"Driver": "kvm2"}, "driver"),
        ({"ContainerRuntime": "containerd"}, "container runtime"),
        ({"KubernetesVersion": "v1.37.0"}, "kubernetes"),
        ({"ExposedPorts": None}, "published ports"),
        ({"Nodes": [{}, {}]}, "nodes"),
    ],
)
def test_what_cannot_change_is_named_with_the_way_to_recreate(
    world: World, changes: dict[str, object], name: str
) -> None:
    up(world)
    world.minikube.profiles["small"] = config(**changes)
    found = failure(lambda: cluster.apply(world.env))
    assert (found.code, found.final) == ("cluster-differs", True)
    assert found.evidence.startswith(f"{name}: the cluster has ")
    assert "inv down --purge" in found.remedy
    assert "minikube delete -p small" in found.remedy
    assert world.minikube.did == []


def test_more_published_ports_than_needed_are_no_difference(world: World) -> None:
    up(world)
    ports = ["127.0.0.1:30080:30080", "127.0.0.1:30099:30099"]
    world.minikube.profiles["small"] = config(ExposedPorts=ports)
    cluster.apply(world.env)
    assert world.minikube.did == []


def test_an_older_kubernetes_is_upgraded(world: World) -> None:
    up(world)
    world.minikube.profiles["small"] = config(KubernetesVersion="v1.35.1")
    cluster.apply(world.env)
    assert world.minikube.did == ["start"]


def test_an_upgrade_that_was_cut_short_is_taken_up(world: World) -> None:
    up(world)
    world.api.routes.version = "1.35.1"  # the profile says 1.36.2 already

    def started() -> None:
        world.api.routes.version = "1.36.2"
        world.up()

    world.minikube.started = started
    cluster.apply(world.env)
    assert world.minikube.did == ["start"]
    assert cluster.check(world.env) is None


def test_a_profile_that_never_came_up_is_made_anew_with_other_settings(world: World) -> None:
    ownership.claim(world.env, exists=False)  # and then the port was taken
    world.minikube.profiles["small"] = config(ExposedPorts=["127.0.0.1:30099:30099"])
    cluster.apply(world.env)
    assert world.minikube.did == ["delete", "start"]
    assert "never came up" in world.said[0]
    assert not ownership.came_up(world.env), "that minikube ends well is no proof"
    assert cluster.check(world.env) is None
    assert ownership.came_up(world.env)


def test_without_github_it_goes_on_without_githubs_word(world: World) -> None:
    world.minikube.starts = [(48, recorded("start/minikube-offline.2.jsonl"))]
    cluster.apply(world.env)
    starts = [words for words in world.minikube.ran if words[0] == "start"]
    assert ["--force" in words for words in starts] == [False, True]
    assert cluster.check(world.env) is None


def test_a_cluster_that_minikube_resets_is_told(world: World) -> None:
    up(world)
    world.env.kubeconfig.unlink()
    said = error("", "Unable to restart control-plane node(s), will reset cluster: etcd is a ruin")
    world.minikube.starts = [(80, said + error("GUEST_START", "etcd is a ruin"))]
    with pytest.raises(ProblemsFound):
        cluster.apply(world.env)
    assert any("makes it anew" in text for text in world.said)


def test_a_cluster_larger_than_the_engine_is_not_started(world: World) -> None:
    world.machine.has = {"NCPU": 1, "MemTotal": 3000 * MIB}
    with pytest.raises(ProblemsFound) as failed:
        cluster.apply(world.env)
    assert [found.code for found in failed.value.problems] == ["engine-too-small", "cluster-too-large"]
    assert world.minikube.did == []


def test_the_users_kubeconfig_shell_and_context_stay_out_of_it(world: World, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("current-context: production")
    world.env.environ = {
        **world.env.environ,
        "KUBECONFIG": str(theirs),
        "LANG": "de_DE.UTF-8",
        "DOCKER_HOST": "tcp://192.168.49.2:2376",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": "/home/dev/.minikube/certs",
        "MINIKUBE_ACTIVE_DOCKERD": "other",
        "MINIKUBE_EXISTING_DOCKER_HOST": "unix:///run/theirs.sock",
        "MINIKUBE_HOME": "/srv/minikube",
        "DOCKER_CONFIG": "/home/dev/.config/docker",
        "DOCKER_DEFAULT_PLATFORM": "linux/amd64",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    cluster.apply(world.env)
    given = world.minikube.environ
    assert given["KUBECONFIG"] == str(world.env.kubeconfig)
    assert given["DOCKER_HOST"] == "unix:///run/theirs.sock"
    assert given["MINIKUBE_HOME"] == "/srv/minikube"
    assert given["DOCKER_CONFIG"] == "/home/dev/.config/docker"
    assert "DOCKER_DEFAULT_PLATFORM" not in given, "the node is made for this machine"
    assert given["LC_ALL"] == "C"
    assert not {"DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "MINIKUBE_ACTIVE_DOCKERD", "AWS_SECRET_ACCESS_KEY"} & set(
        given
    )
    assert theirs.read_text() == "current-context: production"


def test_on_an_engine_elsewhere_minikube_is_not_run(world: World) -> None:
    up(world)
    world.env.environ = {**world.env.environ, "DOCKER_HOST": "tcp://192.0.2.1:2376"}
    with pytest.raises(ProblemsFound) as failed:
        profile.delete(world.env)
    assert [found.code for found in failed.value.problems] == ["docker-elsewhere"]
    assert "delete" not in world.minikube.did


def test_a_proxy_is_passed_on_and_never_leads_to_the_cluster(world: World) -> None:
    assert "NO_PROXY" not in profile.environ(world.env)
    world.env.environ = {**world.env.environ, "https_proxy": "http://proxy.example:3128", "no_proxy": "intra.example"}
    given = profile.environ(world.env)
    assert given["https_proxy"] == "http://proxy.example:3128"
    assert given["NO_PROXY"] == given["no_proxy"]
    assert {"intra.example", "127.0.0.1", "10.96.0.0/12", "10.244.0.0/16"} <= set(given["NO_PROXY"].split(","))


def test_what_goes_is_named_and_stopped_or_deleted(world: World) -> None:
    up(world)
    (named,) = profile.data(world.env)
    assert "small" in named
    world.minikube.active = "theirs"
    assert profile.stop(world.env)
    assert not profile.stop(world.env), "it is stopped already"
    assert profile.delete(world.env) == ["the minikube profile small"]
    assert not ownership.is_ours(world.env)
    assert world.minikube.did == ["stop", "delete"]
    assert world.minikube.active == "theirs", "what the user's own `minikube` commands are about"


def test_a_node_that_minikube_cannot_ask_is_stopped(world: World) -> None:
    up(world)
    world.minikube.host = "Nonexistent"  # so it says, also when the node's disk or its door does not answer
    assert not profile.stop(world.env)
    world.machine.containers.create(name="small", labels={}, mem_limit="1m").start()
    assert profile.stop(world.env)


def test_a_node_whose_record_minikube_has_no_more_is_stopped_all_the_same(world: World) -> None:
    """As after `rm -rf ~/.minikube`: minikube knows no such profile, and its container runs on."""
    up(world)
    node = world.machine.containers.create(name="small", labels={}, mem_limit="1m")
    node.start()
    world.minikube.profiles.clear()
    assert profile.stop(world.env)
    assert node.status == "exited"
    assert not profile.stop(world.env)


def test_a_node_that_the_engine_does_not_delete_stays_ours(world: World) -> None:
    up(world)
    world.machine.containers.create(name="small", labels={}, mem_limit="1m")
    found = failure(lambda: profile.delete(world.env))
    assert "cannot be deleted" in found.summary
    assert ownership.is_ours(world.env)


def test_namespaces_and_the_probe_are_put_back(world: World) -> None:
    up(world)
    for name in namespaces.levels(world.env):
        world.api.remove("v1", "namespaces", "", name)
    found = told(cluster.check, world.env)
    assert found is not None
    assert found.code in cluster.stage(()).retry_apply_on
    cluster.apply(world.env)
    assert cluster.check(world.env) is None


def test_an_api_that_goes_away_after_the_start_is_waited_for(world: World) -> None:

    def started() -> None:
        world.up()
        world.api.refuse_connections()

    world.minikube.started = started
    cluster.apply(world.env)
    found = told(cluster.check, world.env)
    assert found is not None
    assert not found.final
    world.api.mend()
    found = told(cluster.check, world.env)
    assert found is not None
    assert found.code in cluster.stage(()).retry_apply_on
    cluster.apply(world.env)
    assert cluster.check(world.env) is None
