"""Whatever the user's files and variables say: no call leaves for another cluster, engine or namespace."""

import gc
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings

from bootstrap.clients import docker_engine
from bootstrap.clients.command import Completed
from bootstrap.cluster import namespaces
from bootstrap.cluster.pods import case
from bootstrap.core.env import Env
from bootstrap.helm import program as helm
from bootstrap.helm import releases
from bootstrap.images import build, layout
from bootstrap.manifest import Manifest
from bootstrap.minikube import docker_env, ownership, profile
from bootstrap.minikube import settings as start
from bootstrap.problems import catalogue
from bootstrap.problems.problem import ProblemsFound
from bootstrap.stages import smoke
from tests import certificates
from tests.apiserver import ApiServer
from tests.doubles import small_env
from tests.minikube.conftest import node
from tests.minikube.doubles import config
from tests.releases.conftest import write_chart
from tests.safety.homes import Home, Theirs, homes
from tests.scripted.engine import Engine
from tests.scripted.recorder import Recorder
from tests.scripted.serving import BehindTls, OnSocket

EXAMPLES, SEED = 1000, 20261123
NAMESPACES = {"small", "dapr-system"}
Call = tuple[tuple[str, ...], dict[str, str]]


@dataclass
class Programs:
    """The door for subprocesses: minikube, Helm, docker and git that say yes; `ran` keeps words and variables."""

    docker_env: dict[str, str]
    ran: list[Call] = field(default_factory=list)

    def __call__(self, argv: Sequence[str], *, environ: Mapping[str, str] | None = None, **_: Any) -> Completed:
        self.ran.append((tuple(argv), dict(environ or {})))
        return Completed(tuple(argv), 0, self._said(" ".join(map(str, argv))), "", 0.0)

    def _said(self, line: str) -> str:
        answers = {
            "version": "v4.1.4" if "helm" in line else "v1.38.1",
            "profile list": json.dumps({"valid": [{"Name": "small", "Config": config()}]}),
            "status": json.dumps({"Name": "small", "Host": "Running", "APIServer": "Running"}),
            "docker-env": json.dumps(self.docker_env),
            "upgrade": '{"name": "shop"}',
        }
        return next((said for words, said in answers.items() if words in line), "")

    def of(self, program: str, word: str = "") -> list[Call]:
        found = [call for call in self.ran if Path(call[0][0]).name == program and word in call[0]]
        return [call for call in found if "version" not in call[0]]


@dataclass
class World:
    """This checkout with its cluster, its engine and its node; around them the user's home, and the trap."""

    env: Env
    api: ApiServer
    theirs: Theirs
    trap: Recorder
    engine: Engine
    node: BehindTls
    certificates: Path
    chart: Path

    @property
    def manifest(self) -> Manifest:
        return self.env.manifest

    def docker_env(self) -> dict[str, str]:
        """As our minikube tells it."""
        address = f"tcp://127.0.0.1:{self.node.port}"
        return {"DOCKER_HOST": address, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(self.certificates)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("safety")
    (folder / "checkout").mkdir()
    (folder / "home").mkdir()
    trap, engine = Recorder(), OnSocket(Engine(), folder / "engine.sock")
    certified = certificates.write(folder / "certificates")
    inner = BehindTls(Engine(), certified, is_away=lambda: False)
    with ApiServer() as api:
        env = small_env(folder / "checkout", place="minikube")
        api.kubeconfig(env.kubeconfig, env.context)
        api.put(node())
        for name in ("minikube", "helm"):
            (folder / name).touch(mode=0o755)
        theirs = Theirs(folder / "home", trap.address, engine.path)
        yield World(env, api, theirs, trap, engine.engine, inner, certified, write_chart(folder / "charts" / "shop"))
    trap.close()
    engine.stop()
    inner.stop()


@contextmanager
def living_in(world: World, home: Home) -> Iterator[tuple[Env, Programs]]:
    """Our program, started in that home: the libraries under it see the same variables."""
    for name, text in home.files.items():
        path = world.theirs.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tools = {name.upper(): str(world.theirs.home.parent / name) for name in ("minikube", "helm")}
    programs = Programs(world.docker_env())
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(home.variables)
    try:
        yield Env(world.manifest, home.variables | tools, place="minikube", runner=programs), programs
    finally:
        os.environ.clear()
        os.environ.update(before)


def actions(world: World, env: Env) -> dict[str, Callable[[], object]]:
    """Everything that reaches a cluster, an engine or a namespace."""

    def node_engine() -> object:
        return docker_env.engine(env).client.version()

    return {
        "namespaces": lambda: namespaces.ensure(env),
        "deploy": lambda: releases.deploy(env, "shop", world.chart, {"tag": "one"}, "small"),
        "uninstall": lambda: releases.uninstall(env, "shop", "small"),
        "releases": lambda: releases.current(env),
        "render": lambda: helm.template(env, env.environ["HELM"], world.chart, "shop", [], "charts/shop"),
        "profile": lambda: profile.config(env),
        "claim": lambda: ownership.claim(env, exists=False),
        "start": lambda: profile.run(env, "start", *start.arguments(env)),
        "stop": lambda: profile.stop(env),
        "delete": lambda: profile.delete(env),
        "node's engine": node_engine,
        "build": lambda: build.build(env, docker_env.engine(env), "shop"),
        "labels": lambda: layout.labels(env, "shop"),
        "smoke": lambda: smoke.run(env, {}),
        "kubectl": lambda: case.kubectl(env, "small"),
        "close": lambda: docker_env.engine(env).client.close(),
    }


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_thousand_homes(world: World, record_property: Callable[[str, object], None]) -> None:
    done: dict[str, int] = {}
    engines = {"ours": 0, "elsewhere": 0, "default": 0}

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(home=homes(world.theirs))
    def try_one(home: Home) -> None:
        engines[home.engine] += 1
        with living_in(world, home) as (env, programs):
            for name, action in actions(world, env).items():
                with suppress(ProblemsFound):
                    action()
                    done[name] = done.get(name, 0) + 1
            done["deletion"] = done.get("deletion", 0) + len(programs.of("minikube", "delete"))
            told = case.kubectl(env, "small")
            if home.engine != "default":
                asked(world, env, home)
        for name, text in home.files.items():
            assert (world.theirs.home / name).read_text() == text, f"~/{name} was changed"
        assert world.trap.asked == []
        assert told.split()[1:5] == ["--kubeconfig", str(env.kubeconfig), "--context", "small"]
        looked_at_the_api(world)
        looked_at_the_programs(world, env, home, programs)

    try_one()
    gc.collect()  # the SDK leaves the socket open that found nobody
    # Where the engine is elsewhere, minikube is not run; all else always is.
    assert done["deploy"] == done["uninstall"] == done["render"] == sum(engines.values()) >= EXAMPLES
    assert done["node's engine"] == done["start"] == done["deletion"] == engines["ours"] + engines["default"]
    assert min(engines.values()) > EXAMPLES / 20
    record_property(
        "figures",
        f"{sum(engines.values())} generated kubeconfigs and environments (seed {SEED}), {sum(done.values())} actions: "
        "no call left for another cluster, engine or namespace",
    )


def asked(world: World, env: Env, home: Home) -> None:
    """This machine's engine is the one that Docker's own program would take, or none."""
    if home.engine == "ours":
        before = len(world.engine.asked)
        env.docker.version()
        env.docker.close()
        assert len(world.engine.asked) > before
        return
    with pytest.raises(ProblemsFound) as failed:
        _ = env.docker
    assert failed.value.problems[0].code == "docker-elsewhere"


def looked_at_the_api(world: World) -> None:
    """All that came to our cluster was about our namespaces, or about what has none."""
    for request in world.api.requests:
        if found := re.search(r"/namespaces/([^/]+)", request.path):
            assert found[1] in NAMESPACES, request.path
    world.api.requests.clear()


def looked_at_the_programs(world: World, env: Env, home: Home, programs: Programs) -> None:
    ours = str(env.kubeconfig)
    words = " ".join(str(word) for argv, _ in programs.ran for word in argv)
    assert "somebody:word" not in words, "the password of a proxy is in a command, which all users of a machine see"
    for argv, environ in programs.of("helm"):
        assert environ["KUBECONFIG"].startswith(str(env.state))
        assert {name for name in environ if name.startswith(("KUBE", "HELM_"))} <= {
            *("KUBECONFIG", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        }
        assert all(environ[name].startswith(str(env.state)) for name in environ if name.startswith("HELM_"))
        assert not {name for name in environ if name.upper().endswith("_PROXY")}
        assert named(argv, "--namespace") == "small"
        if "template" not in argv:
            assert (named(argv, "--kubeconfig"), named(argv, "--kube-context")) == (ours, "small")
    for argv, environ in programs.of("minikube"):
        assert argv[1:3] == ("--profile", "small")
        assert environ["KUBECONFIG"] == ours
        assert not {name for name in environ if name.startswith(("KUBE", "HELM_"))} - {"KUBECONFIG"}
        theirs = {name for name in environ if name.startswith("MINIKUBE_")} - set(profile.PASSED_ON)
        assert theirs == {"MINIKUBE_IN_STYLE", "MINIKUBE_WANTUPDATENOTIFICATION"}
        assert environ["DOCKER_HOST"].startswith(("unix:", "/"))
        assert (str(world.theirs.engine) in environ["DOCKER_HOST"]) == (home.engine == "ours")
        assert "127.0.0.1" in environ.get("NO_PROXY", "127.0.0.1")
    for _, environ in programs.of("docker"):
        assert {name: environ[name] for name in docker_engine.NAMES} == world.docker_env()
        assert not {name for name in environ if name.startswith(docker_env.ELSEWHERE)} - {
            *(*docker_engine.NAMES, "DOCKER_BUILDKIT", "BUILDX_BUILDER", "BUILDX_NO_DEFAULT_ATTESTATIONS")
        }
        assert environ["BUILDX_BUILDER"] == "default"
        assert environ["NO_PROXY"] == environ["no_proxy"]
        assert "127.0.0.1" in environ["NO_PROXY"].split(",")
    for argv, environ in programs.ran:
        if "pytest" in argv:
            assert environ["NO_PROXY"] == environ["no_proxy"] == "127.0.0.1,localhost"
        if argv[0] == "git":
            assert not {name for name in environ if name.startswith(docker_env.ELSEWHERE)}


def named(argv: Sequence[str], option: str) -> str:
    """The last value of an option, which is the one that counts."""
    return argv[len(argv) - 1 - argv[::-1].index(option) + 1]


NAMED = {
    "kubectl": r"^\{kubectl\} | --context \{context\}",
    "helm": r" --kube-context \{context\}",
    "minikube": r" (?:-p|--profile)[ =]\{(?:profile|context)\}",
}
ABOUT_NO_CLUSTER = r"^(?:helm (?:lint|pull|version)|minikube (?:profile list|config defaults|version|delete --all))\b"


def test_every_command_to_paste_names_its_cluster() -> None:
    lines = [
        (row.code, line.strip().removeprefix("sudo ")) for row in catalogue.ROWS for line in row.remedy.split("\n")
    ]
    for code, line in lines:
        program = line.split(" ")[0].strip("{}")
        if program in NAMED and not re.search(ABOUT_NO_CLUSTER, line):
            assert re.search(NAMED[program], line), (code, line)
