"""Every finding of the machine's preflight: each closes the gate with its code."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bootstrap.clients import docker_engine
from bootstrap.core.env import Env
from bootstrap.machine import engine as engines
from bootstrap.machine import folder
from bootstrap.minikube import ownership
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import preflight_minikube
from tests.docker_doubles import FakeContainer, said
from tests.doubles import Shell, small_env
from tests.engine import IMAGE
from tests.machine.conftest import WSL1, WSL2, Engine, here

Root = Callable[[dict[str, str]], Path]


def codes(found: list[Problem]) -> list[str]:
    for each in found:
        assert "{" not in (each.cause + each.remedy).replace("{{", ""), "a placeholder stays open"
        assert each.final
    return [each.code for each in found]


def test_all_is_well(env: Env, root: Root) -> None:
    for at in (Path("/nowhere"), root(WSL2)):
        assert codes(list(preflight_minikube.findings(env, at))) == []
    preflight_minikube.apply(env)
    assert (env.state / ".gitignore").read_text() == "*\n"
    assert env.minikube.is_dir()
    preflight_minikube.apply(env)


@pytest.mark.closes(
    "preflight (minikube)", "the engine is new enough and runs Linux", "docker-version", "docker-not-linux"
)
@pytest.mark.closes("preflight (minikube)", "the cluster fits into the engine", "engine-too-small", "cluster-too-large")
@pytest.mark.parametrize(
    ("tells", "expected"),
    [
        ({"ServerVersion": "19.03.15"}, ["docker-version"]),
        ({"ServerVersion": "29.0.1"}, []),
        ({"OSType": "windows"}, ["docker-not-linux"]),
        ({"NCPU": 1}, ["engine-too-small"]),
        ({"MemTotal": 3 * 2**30}, ["cluster-too-large"]),
        ({"ServerVersion": "19.03.15", "NCPU": 1}, ["docker-version", "engine-too-small"]),
    ],
)
def test_the_engine(env: Env, engine: Engine, tells: dict[str, Any], expected: list[str]) -> None:
    engine.tells |= tells
    assert codes(list(preflight_minikube.findings(env))) == expected
    found = preflight_minikube.check(env)
    assert (found.code if found else None) == (expected[0] if expected else None)
    if expected:
        with pytest.raises(ProblemsFound) as failed:
            preflight_minikube.apply(env)
        assert [problem.code for problem in failed.value.problems] == expected


@pytest.mark.closes("preflight (minikube)", "clocks agree", "docker-clock")
@pytest.mark.parametrize(("seconds", "expected"), [(-90, "90 s behind"), (3600, "3600 s ahead of"), (5, "")])
def test_the_engine_s_clock(env: Env, engine: Engine, seconds: int, expected: str) -> None:
    now = time.time()
    # With nanoseconds, as Go writes it.
    told = datetime.fromtimestamp(now, UTC) + timedelta(seconds=seconds)
    engine.tells["SystemTime"] = told.strftime("%Y-%m-%dT%H:%M:%S.%f") + "789Z"
    found = list(engines.findings(env, engine.tells, (now, now)))
    assert codes(found) == (["docker-clock"] if expected else [])
    assert not expected or expected in found[0].summary
    waited = list(engines.findings(env, engine.tells, (now + min(seconds, 0), now + max(seconds, 0))))
    assert codes(waited) == [], "it answered late"


@pytest.mark.closes("preflight (minikube)", "the engine's disk has room", "docker-disk-low")
def test_the_engine_s_disk_where_it_is_one_of_this_machine(env: Env, engine: Engine) -> None:
    def free(_: Path) -> int:
        return 5000 * 2**20

    assert codes(list(engines.findings(env, engine.tells, (0, 0), free))) == [], "it may be another machine's"
    here(engine)
    found = list(engines.findings(env, engine.tells, (0, 0), free))
    assert codes(found) == ["docker-disk-low"]
    assert "5000 MiB free" in found[0].cause
    ownership.claim(env, exists=False)
    ownership.note_up(env)
    assert codes(list(engines.findings(env, engine.tells, (0, 0), free))) == [], "the cluster is made already"
    engine.tells["OperatingSystem"] = "Docker Desktop"
    assert engines.free_mib(engine.tells, free) is None
    assert engines.free_mib({**engine.tells, "OperatingSystem": "x", "DockerRootDir": "/gone"}, folder.free) is None


@pytest.mark.closes(
    "preflight (minikube)",
    "the Docker Engine answers",
    "docker-not-running",
    "docker-forbidden",
    "wsl-docker-not-integrated",
)
@pytest.mark.closes("preflight (minikube)", "each tool is there or can be had", "tool-missing")
@pytest.mark.parametrize(
    ("case", "code"), [("daemon-not-running", "docker-not-running"), ("socket-permission-denied", "docker-forbidden")]
)
def test_no_engine_and_everything_else_is_told_with_it(
    env: Env, engine: Engine, root: Root, case: str, code: str
) -> None:
    engine.raises["get"] = said(case)
    env.environ = {**env.environ, "HELM": "/gone/helm"}
    assert codes(list(preflight_minikube.findings(env))) == [code, "tool-missing"]
    desktop = root({**WSL2, "mnt/wsl/docker-desktop/x": ""})
    expected = "wsl-docker-not-integrated" if code == "docker-not-running" else code
    assert codes(list(preflight_minikube.findings(env, desktop))) == [expected, "tool-missing"]


@pytest.mark.closes("preflight (minikube)", "the Docker Engine is reached by its socket", "docker-over-tcp")
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:2375", "localhost:2375", "http://127.0.0.1:2375"])
def test_an_engine_behind_a_port_is_refused(env: Env, address: str) -> None:
    env.environ = {**env.environ, "DOCKER_HOST": address}
    assert codes(list(preflight_minikube.findings(env))) == ["docker-over-tcp"]
    env.environ = {**env.environ, "DOCKER_HOST": "unix:///run/user/1000/docker.sock"}
    assert codes(list(preflight_minikube.findings(env))) == []


@pytest.mark.closes("preflight (minikube)", "the Docker Engine answers", "docker-config-unreadable")
@pytest.mark.parametrize(
    "content", ['{"auths": {"x": {"auth": ""}}}', '{"auths": {"x": {"auth": "%"}}}', '{"proxies": null}']
)
def test_a_configuration_of_docker_that_its_library_does_not_bear(
    env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "config.json").write_text(content)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    env.docker_of = docker_engine.connect
    assert codes(list(preflight_minikube.findings(env))) == ["docker-config-unreadable"]


@pytest.mark.closes("preflight (minikube)", "the docker program is there", "docker-program-missing")
def test_no_docker_program(env: Env) -> None:
    (Path(env.environ["PATH"]) / "docker").unlink()
    assert codes(list(preflight_minikube.findings(env))) == ["docker-program-missing"]


@pytest.mark.closes("preflight (minikube)", "WSL is one that works", "wsl-version")
def test_wsl_1_and_nothing_more_about_wsl(env: Env, root: Root) -> None:
    assert codes(list(preflight_minikube.findings(env, root({**WSL1, "etc/resolv.conf": ""})))) == ["wsl-version"]


@pytest.mark.closes("preflight (minikube)", "clocks agree", "wsl-clock")
@pytest.mark.closes("preflight (minikube)", "WSL is one that works", "wsl-dns", "wsl-checkout-on-windows")
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"etc/resolv.conf": "# nothing\n"}, ["wsl-dns"]),
        ({"sys/class/rtc/rtc0/since_epoch": "4000000000"}, ["wsl-clock"]),
        ({"sys/class/rtc/rtc0/since_epoch": "1000000000"}, []),
        ({"proc/self/mounts": "C:\\134 / 9p rw 0 0\n"}, ["wsl-checkout-on-windows"]),
    ],
)
def test_wsl_2(env: Env, root: Root, files: dict[str, str], expected: list[str]) -> None:
    assert codes(list(preflight_minikube.findings(env, root(WSL2 | files)))) == expected


@pytest.mark.closes("preflight (minikube)", "WSL is one that works", "wsl-cgroup")
def test_wsl_2_with_control_groups_of_version_1(env: Env, root: Root) -> None:
    files = {name: content for name, content in WSL2.items() if "cgroup" not in name}
    found = list(preflight_minikube.findings(env, root({**files, "sys/fs/cgroup/memory/tasks": ""})))
    assert codes(found) == ["wsl-cgroup"]
    assert "kernelCommandLine = cgroup_no_v1=all" in found[0].remedy


@pytest.mark.closes("preflight (minikube)", "the cluster fits into the engine", "wsl-too-small")
def test_wsl_2_that_windows_gives_too_little(env: Env, engine: Engine, root: Root) -> None:
    engine.tells["MemTotal"] = 3 * 2**30
    found = list(preflight_minikube.findings(env, root(WSL2)))
    assert codes(found) == ["cluster-too-large", "wsl-too-small"]
    # 4096 MiB for the cluster, 512 for the broker, and 2 GiB beside them.
    assert "memory=7GB" in found[1].remedy
    assert "processors=2" in found[1].remedy


@pytest.mark.closes("preflight (minikube)", "clocks agree", "clock-behind")
def test_a_clock_in_the_past(env: Env) -> None:
    ahead = time.time() + 40 * 86_400
    os.utime(env.root / "environment.toml", (ahead, ahead))
    found = list(preflight_minikube.findings(env))
    assert codes(found) == ["clock-behind"]
    assert "40 days" in found[0].summary


@pytest.mark.closes("preflight (minikube)", "the state folder takes a file", "state-not-writable")
def test_a_state_folder_that_cannot_be_written(env: Env) -> None:
    env.state.rename(env.root / "elsewhere")
    env.state.write_text("in the way")
    with pytest.raises(ProblemsFound) as failed:
        preflight_minikube.apply(env)
    assert failed.value.problems[0].code == "state-not-writable"


@pytest.mark.closes("preflight (minikube)", "the disk of the checkout has room", "disk-full")
def test_a_disk_with_no_room(env: Env) -> None:
    found = folder.check(env, env.state, 700, lambda _: 100 * 2**20)
    assert found is not None
    assert found.code == "disk-full"
    assert folder.check(env, env.state, 100, lambda _: 100 * 2**20) is None
    assert not list(env.state.glob(".probe*"))


def with_node_port(env: Env, port: int) -> None:
    shop = env.manifest.services["shop"].model_copy(update={"node_port": port})
    env.manifest = env.manifest.model_copy(update={"services": {**env.manifest.services, "shop": shop}})


def publisher(engine: Engine, name: str, port: int) -> None:
    bindings = {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}], "22/tcp": None}
    attrs = {"State": {"Status": "running"}, "NetworkSettings": {"Ports": bindings}}
    engine.there[name] = FakeContainer(name, {}, attrs, engine)


@pytest.mark.closes("preflight (minikube)", "the profile is not another's", "profile-not-ours")
def test_a_profile_of_another_checkout_is_refused_at_once(env: Env, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ownership.claim(replace(small_env(tmp_path / "other"), environ=env.environ), exists=False)
    assert codes(list(preflight_minikube.findings(env))) == [], "nothing is there, and nobody makes it"
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with_node_port(env, port)
        publisher(engine, env.context, port)
        found = list(preflight_minikube.findings(env))
    assert codes(found) == ["profile-not-ours", "node-port-in-use"], "both, at once"
    assert str(tmp_path / "other") in found[0].summary
    assert found[1].summary.endswith(f"is taken by the container {env.context}.")


@pytest.mark.closes("preflight (minikube)", "node ports are free or ours", "node-port-in-use")
def test_a_node_port_is_free_or_held_by_our_node(env: Env, engine: Engine) -> None:
    ownership.claim(env, exists=False)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with_node_port(env, port)
        found = list(preflight_minikube.findings(env))
        assert codes(found) == ["node-port-in-use"]
        assert f"Port {port} on 127.0.0.1, for shop, is taken by " in found[0].summary
        publisher(engine, "other", port)
        found = list(preflight_minikube.findings(env))
        assert codes(found) == ["node-port-in-use"]
        assert found[0].summary.endswith("is taken by the container other.")
        publisher(engine, env.context, port)
        assert codes(list(preflight_minikube.findings(env))) == []
    engine.there.clear()
    assert codes(list(preflight_minikube.findings(env))) == []


def test_a_proxy_is_told_once_with_what_goes_past_it(env: Env) -> None:
    told: list[str] = []
    env.notify = told.append
    preflight_minikube.apply(env)
    assert told == []
    env.environ = {**env.environ, "https_proxy": "http://proxy.example:3128", "NO_PROXY": ".example"}
    preflight_minikube.apply(env)
    assert len(told) == 1
    assert "export NO_PROXY=.example,localhost,127.0.0.1," in told[0]
    env.environ = {**env.environ, "NO_PROXY": told[0].rpartition("=")[2]}
    preflight_minikube.apply(env)
    env.kubeconfig.write_text("")
    env.environ = {**env.environ, "NO_PROXY": ""}
    preflight_minikube.apply(env)
    assert len(told) == 1


@pytest.mark.real("docker")
@pytest.mark.real("busybox")
def test_the_real_engine_tells_what_is_asked_for(docker_environ: dict[str, str], env: Env) -> None:
    client = docker_engine.connect(docker_environ)
    env.docker_of = lambda _: client
    with closing(client):
        info = engines.ask(env)
        waits: dict[str, Any] = {"entrypoint": ["/bin/sh", "-c", "read x"], "stdin_open": True}
        waits["ports"] = {"9092/tcp": ("127.0.0.1", None)}
        container = client.containers.run(IMAGE, detach=True, **waits)
        try:
            container.reload()
            port = int(container.attrs["NetworkSettings"]["Ports"]["9092/tcp"][0]["HostPort"])
            with_node_port(env, port)
            taken = [each.summary for each in preflight_minikube.findings(env) if each.code == "node-port-in-use"]
        finally:
            container.remove(force=True)
    assert taken == [f"Port {port} on 127.0.0.1, for shop, is taken by the container {container.name}."]
    assert set(info) >= {"ServerVersion", "NCPU", "MemTotal", "OSType", "OperatingSystem", "DockerRootDir", "Name"}
    told = engines.facts(info)
    assert all(told[key] for key in ("version", "system", "cpus", "memory_mib"))
    assert [
        each for each in engines.findings(env, info, (time.time(), time.time())) if each.code == "docker-clock"
    ] == []


BUILDX = Path(__file__).parents[1] / "recorded" / "docker-program"


@pytest.mark.closes("preflight (minikube)", "the docker program can build images", "buildkit-missing")
@pytest.mark.parametrize(
    ("version", "said", "exit_code", "expected"),
    [
        ("version.28.2.2", "buildx-missing.28.2.2", 1, ["buildkit-missing"]),
        ("version.28.2.2", "buildx-broken.28.2.2", 1, ["buildkit-missing"]),
        ("Docker version 23.0.0, build e92dd87", "buildx-missing.28.2.2", 1, ["buildkit-missing"]),
        ("version.28.2.2", "github.com/docker/buildx v0.24.0 d0e5e86", 0, []),
        # Before version 23 BuildKit is in the program itself.
        ("version.20.10.24", "buildx-missing.20.10.24", 1, []),
        ("version.20.10.24", "github.com/docker/buildx v0.10.4 c513d34", 0, []),
        ("podman version 4.3.1", "Error: unrecognized command `podman buildx version`", 125, []),
    ],
)
def test_a_docker_program_that_cannot_build(
    env: Env, version: str, said: str, exit_code: int, expected: list[str]
) -> None:
    shell = Shell()
    texts = [
        (BUILDX / f"{each}.txt").read_text() if (BUILDX / f"{each}.txt").is_file() else each for each in (version, said)
    ]
    shell.answer("docker", "--version", stdout=texts[0])
    shell.answer("docker buildx version", exit=exit_code, stderr=texts[1])
    shell.answer("version --short", stdout="v1.38.1")
    shell.answer("version --template", stdout="v4.1.4")
    env.runner = shell
    found = list(preflight_minikube.findings(env))
    assert codes(found) == expected
    assert all("docker buildx version" in each.remedy and texts[1].splitlines()[0] in each.evidence for each in found)
    assert codes(list(preflight_minikube.findings(env))) == expected
    assert shell.ran.count(("docker", "buildx", "version")) == 1, "asked once"
