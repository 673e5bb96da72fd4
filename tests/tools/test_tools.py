"""Which minikube and which Helm is used, and how one comes into the cache."""

import io
import os
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.core.env import Env
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import tools as stage
from bootstrap.tools import downloads, install, versions
from tests.doubles import Shell, small_env
from tests.parts import PARTS
from tests.tools.mirror import Mirror, env_with, mirror, sha256

MINIKUBE, HELM = versions.TOOLS["minikube"], versions.TOOLS["helm"]


def program(path: Path, says: str = "") -> Path:
    """A program that prints that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """Nothing on PATH but what a test puts into `bin`; nothing in the cache."""
    (tmp_path / "checkout").mkdir()
    env = small_env(tmp_path / "checkout")
    env.environ = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return env


def refused(env: Env, name: str = "helm") -> Problem:
    with pytest.raises(ProblemsFound) as failed:
        versions.program(env, name)
    [problem] = failed.value.problems
    assert "{" not in problem.cause + problem.remedy, "a placeholder stays open"
    assert problem.final
    return problem


@pytest.mark.closes("tools", "minikube and Helm are there", "tool-missing")
def test_the_one_on_path_is_taken_and_the_one_in_the_cache_without_it(env: Env, tmp_path: Path) -> None:
    assert refused(env).code == "tool-missing"
    cached = program(versions.cached(env, HELM), "v4.1.4")
    assert versions.program(env, "helm") == str(cached)
    on_path = program(tmp_path / "bin" / "helm", "v4.2.0")
    assert versions.program(env, "helm") == str(on_path)


def test_one_of_another_version_on_path_gives_way_to_the_cache(env: Env, tmp_path: Path) -> None:
    program(tmp_path / "bin" / "helm", "v3.18.4")
    found = refused(env)
    assert (found.code, found.evidence) == ("tool-version", "v3.18.4")
    assert "4.1.0 and later, before 5.0.0" in found.cause
    cached = program(versions.cached(env, HELM), "v4.1.4")
    assert versions.program(env, "helm") == str(cached)


@pytest.mark.closes("tools", "each says an accepted version", "tool-version", "tool-broken")
def test_the_named_one_is_taken_or_nothing(env: Env, tmp_path: Path) -> None:
    program(tmp_path / "bin" / "helm", "v4.1.4")
    named = tmp_path / "own" / "helm"
    env.environ = {**env.environ, "HELM": str(named)}
    assert refused(env).code == "tool-missing"
    for says, code in (("v3.18.4", "tool-version"), ("hello", "tool-broken")):
        program(named, says)
        assert refused(env).code == code
    program(named, "v4.1.4+g0123456")
    assert versions.program(env, "helm") == str(named)


def test_a_program_that_cannot_be_started(env: Env, tmp_path: Path) -> None:
    named = program(tmp_path / "own" / "helm")
    named.write_bytes(b"\x7fELF for another processor")
    env.environ = {**env.environ, "HELM": str(named)}
    found = refused(env)
    assert found.code == "tool-broken"
    assert "Exec format error" in found.evidence


@given(st.tuples(st.integers(0, 9), st.integers(0, 99), st.integers(0, 99)))
def test_accepted_are_the_pinned_minor_version_and_later_ones_of_its_major(version: tuple[int, int, int]) -> None:
    said = f"v{'.'.join(map(str, version))}"
    # The manifest of the tests pins minikube 1.38.1.
    assert versions.is_accepted(said, "1.38.1") is ((1, 38) <= version[:2] < (2, 0))


@pytest.mark.parametrize(
    ("said", "good"),
    # What `minikube version --short` and `helm version --template '{{.Version}}'` print; a Helm from source: v4.1.
    [("v4.1.4", True), ("v4.1", True), ("v4.1.0-rc.1", True), ("v3.18.0", False), ("v4", None), ("", None)],
)
def test_how_versions_are_written(said: str, good: bool | None) -> None:
    assert versions.is_accepted(said, "4.1.4") is good


def test_a_version_is_asked_once_for_as_long_as_the_file_stays(env: Env, tmp_path: Path) -> None:
    shell = Shell()
    shell.answer("helm version", stdout="v4.1.4\n")
    env.runner = shell
    on_path = program(tmp_path / "bin" / "helm")
    for _ in range(3):
        versions.program(env, "helm")
    assert len(shell.ran) == 1
    on_path.write_text("#!/bin/sh\necho another\n")
    versions.program(env, "helm")
    assert len(shell.ran) == 2
    (env.state / "tools.json").write_text("not JSON")
    versions.program(env, "helm")
    assert len(shell.ran) == 3


def test_what_a_version_manager_s_shim_starts_is_asked_every_time(env: Env, tmp_path: Path) -> None:
    shell = Shell()
    shell.answer("helm version", stdout="v4.1.4\n")
    env.runner, env.environ = shell, {**env.environ, "PATH": str(tmp_path / "shims")}
    program(tmp_path / "shims" / "helm")
    for _ in range(2):
        versions.program(env, "helm")
    assert len(shell.ran) == 2


# --- downloads


@pytest.fixture
def there() -> Iterator[Mirror]:
    with mirror() as found:
        yield found


@pytest.fixture
def fresh(there: Mirror, tmp_path: Path) -> Env:
    """Nothing but a mirror that has both tools, for every platform."""
    env = env_with(there, tmp_path)
    env.environ = {**env.environ, "PATH": "/usr/bin:/bin"} | {"MINIKUBE": "", "HELM": ""}
    for system in install.SYSTEMS:
        for machine in ("x86_64", "arm64"):
            publish(there, MINIKUBE, says("v1.38.1"), system, machine)
            publish(there, HELM, archive(says("v4.1.4"), system, machine), system, machine)
    return env


def says(version: str) -> bytes:
    return f"#!/bin/sh\necho {version}\n".encode()


def archive(content: bytes, system: str, machine: str) -> bytes:
    """As Helm is published."""
    _, member = install.published(HELM, "4.1.4", system, machine)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in ((member.replace("helm", "LICENSE"), b"Apache"), (member, content)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def publish(there: Mirror, tool: versions.Tool, content: bytes, system: str, machine: str) -> None:
    version = {"minikube": "1.38.1", "helm": "4.1.4"}[tool.name]
    url, _ = install.published(tool, version, system, machine)
    there.put(content, url)
    # minikube publishes the digest alone, Helm the digest and the file's name.
    named = f"  {url.rpartition('/')[2]}" if tool is HELM else ""
    there.put(f"{sha256(content)}{named}\n".encode(), url + tool.checksum)


def test_both_are_downloaded_once_and_then_found(fresh: Env, there: Mirror) -> None:
    closed = stage.check(fresh)
    assert closed is not None
    assert closed.code == "tool-missing"
    stage.apply(fresh)
    assert stage.check(fresh) is None
    assert versions.program(fresh, "minikube") == str(versions.cached(fresh, MINIKUBE))
    assert len(there.asked) == 4
    kept = {path.name for path in (downloads.cache(fresh) / "tools").iterdir() if not path.name.startswith(".")}
    assert kept == {"minikube-v1.38.1", "helm-v4.1.4"}
    there.files.clear()
    stage.apply(fresh)
    assert len(there.asked) == 4, "nothing is asked of the network where nothing is to do"


def test_two_runs_at_once_download_once(fresh: Env, there: Mirror) -> None:
    there.before.clear()
    waits = threading.Event()
    fresh.notify = lambda text: waits.set() if "another inv" in text else None
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(install.obtain(fresh, "helm"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert waits.wait(10)
    there.before.set()
    for thread in threads:
        thread.join()
    assert got == [str(versions.cached(fresh, HELM))] * 2
    assert len(there.asked) == 2, "the file and its checksum"


def test_one_of_another_version_is_left_alone_and_said(fresh: Env, tmp_path: Path) -> None:
    said: list[str] = []
    fresh.notify = said.append
    old = program(tmp_path / "bin" / "helm", "v3.18.4")
    fresh.environ = {**fresh.environ, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    stage.apply(fresh)
    assert versions.program(fresh, "helm") == str(versions.cached(fresh, HELM))
    assert f"{old} is helm 3.18.4. helm 4.1.4 is taken instead" in said


def test_a_broken_one_in_the_cache_is_made_anew(fresh: Env) -> None:
    program(versions.cached(fresh, HELM), "half of it is lost")
    stage.apply(fresh)
    assert stage.check(fresh) is None


def test_every_problem_is_told(fresh: Env, there: Mirror) -> None:
    there.files = {path: content for path, content in there.files.items() if "minikube" not in path}
    for path in there.files:
        if path.endswith(HELM.checksum):
            there.files[path] = b"<html>Please log in</html>"
    with pytest.raises(ProblemsFound) as failed:
        stage.apply(fresh)
    assert [problem.code for problem in failed.value.problems] == ["download-not-found", "checksum-unreadable"]
    assert "Please log in" in failed.value.problems[1].evidence


def test_what_was_published_and_is_no_such_program(fresh: Env, there: Mirror) -> None:
    for path in list(there.files):
        if "minikube" in path and not path.endswith(MINIKUBE.checksum):
            there.files[path] = b"#!/bin/sh\nexit 1\n"
            there.files[path + MINIKUBE.checksum] = sha256(there.files[path]).encode()
    with pytest.raises(ProblemsFound) as failed:
        stage.apply(fresh)
    assert [problem.code for problem in failed.value.problems] == ["tool-broken"]


@pytest.mark.closes("preflight (minikube)", "each tool is there or can be had", "download-offline")
def test_offline_it_is_told_before_anything_is_tried(fresh: Env, there: Mirror) -> None:
    assert list(install.obtainable(fresh)) == []
    fresh.environ = {**fresh.environ, "INV_OFFLINE": "1"}
    assert [problem.code for problem in install.obtainable(fresh)] == ["download-offline"] * 2
    program(versions.cached(fresh, HELM), "v4.1.4")
    assert len(list(install.obtainable(fresh))) == 1
    fresh.environ = {**fresh.environ, "HELM": "/gone/helm"}
    assert [problem.code for problem in install.obtainable(fresh)] == ["download-offline", "tool-missing"]
    assert not there.asked


def test_where_they_are_published() -> None:
    assert install.published(HELM, "4.1.4", "Darwin", "arm64") == (
        "https://get.helm.sh/helm-v4.1.4-darwin-arm64.tar.gz",
        "darwin-arm64/helm",
    )
    url, member = install.published(MINIKUBE, "1.38.1", "Linux", "aarch64")
    assert url == "https://github.com/kubernetes/minikube/releases/download/v1.38.1/minikube-linux-arm64"
    assert member == ""
    with pytest.raises(ProblemsFound) as failed:
        install.published(HELM, "4.1.4", "Windows", "x86_64")
    assert failed.value.problems[0].code == "platform-unsupported"


# --- the real ones


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.real(name)) for name in versions.TOOLS],
)
def test_the_real_one_is_accepted(name: str, env: Env) -> None:
    env.environ = {**env.environ, name.upper(): PARTS[name](os.environ) or ""}
    path = versions.program(env, name)
    assert versions.is_accepted(versions.version(env, versions.TOOLS[name], path), versions.TOOLS[name].pinned(env))
