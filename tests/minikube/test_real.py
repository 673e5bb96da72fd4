"""The real minikube, as far as it speaks without a cluster: what the scripted one must be like."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.clients import command
from bootstrap.core.env import Env
from bootstrap.manifest import load
from bootstrap.minikube import cache, docker_env, events, profile, settings, start
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import ProblemsFound
from tests import parts
from tests.doubles import small_env
from tests.engine import docker_environ
from tests.minikube.doubles import NODE_DIGEST, NODE_IMAGE, config

__all__ = ["docker_environ"]

pytestmark = pytest.mark.real("minikube")

KNOWN = "1.35.1"  # a Kubernetes that needs no look-up in a network


def no_engine(_: object) -> Any:
    """As the SDK, which leaves a socket open where nothing answers."""
    raise ProblemsFound(problem("docker-not-running", "This machine's Docker Engine does not answer."))


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """A small environment with the real minikube, in a home of its own, with no engine."""
    root = tmp_path / "checkout"
    root.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MINIKUBE": parts.minikube(os.environ) or "",
        "DOCKER_HOST": "unix:///nowhere/docker.sock",  # nothing here is about this machine's engine
    }
    found = replace(small_env(root, place="minikube", runner=command.run), environ=environ, docker_of=no_engine)
    wanted = found.manifest.cluster.model_copy(update={"kubernetes": KNOWN})
    found.manifest = found.manifest.model_copy(update={"cluster": wanted})
    found.manifest._root = root
    found.minikube.mkdir(parents=True)
    return found


def leave_profile(tmp_path: Path, **changes: object) -> None:
    """What an interrupted start leaves: a profile and no machine."""
    folder = tmp_path / ".minikube" / "profiles" / "small"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config(**changes)))


def test_a_profile_that_is_not_there(env: Env) -> None:
    assert profile.config(env) is None
    assert profile.status(env) == {}
    with pytest.raises(ProblemsFound) as failed:
        docker_env.variables(env)
    assert failed.value.problems[0].code == "docker-env-failed"
    assert "small" in failed.value.problems[0].evidence


def test_the_node_image_is_told_with_its_digest(env: Env) -> None:
    assert cache.node_image_name(env) == (NODE_IMAGE, NODE_DIGEST)


@pytest.mark.real("minikube", "docker", "busybox")
def test_a_filled_cache_is_taken_without_asking_anybody(env: Env, docker_environ: dict[str, str]) -> None:
    """Each program and each image, by the names that minikube wants; every way out leads to a closed port."""
    paths = [cache._binary_path(env, name) for name in cache.BINARIES]
    paths += [cache._image_path(env, reference) for reference in cache.images(env)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("anything")
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    env.environ = {**env.environ, **nowhere, "DOCKER_HOST": docker_environ.get("DOCKER_HOST", "")}
    told = ["--download-only", "--force", "--preload=false", "--alsologtostderr"]  # `--force`: tests may run as root
    done = profile.run(env, "start", *settings.arguments(env), *told, timeout=120)
    assert "Download complete!" in done.stdout
    for path in paths[len(cache.BINARIES) :]:
        assert f"{path} exists" in done.stderr
    assert done.stderr.count("Not caching binary, using") == len(cache.BINARIES) + 1  # kubectl is for this machine too
    assert {path.read_text() for path in paths} == {"anything"}


def test_a_profile_is_listed_with_what_makes_it(env: Env, tmp_path: Path) -> None:
    leave_profile(tmp_path, KubernetesVersion=f"v{KNOWN}")
    found = profile.config(env)
    assert found is not None
    assert settings.differences(env, found) == []
    assert not settings.is_older(env, found)


def test_a_profile_without_its_machine_has_no_status(env: Env, tmp_path: Path) -> None:
    leave_profile(tmp_path)
    assert profile.status(env).get("Host") in (None, "Nonexistent")


def test_all_arguments_are_understood(env: Env) -> None:
    """A dry run gets past its arguments: it ends for want of an engine."""
    done = profile.run(env, "start", *settings.arguments(env), "--dry-run")
    said = events.refusal(done)
    known = recognise("minikube", "start", said, "x", profile="small", kubernetes=KNOWN)
    assert known is not None, said
    assert known.code == "minikube-without-docker"


@pytest.mark.parametrize("pinned", [load(Path(__file__).parents[2] / "environment.toml").cluster.kubernetes, "1.34.0"])
def test_the_default_kubernetes_and_the_minor_before_it_need_no_look_up(env: Env, pinned: str) -> None:
    env.environ = {**env.environ, "HTTPS_PROXY": "http://127.0.0.1:9"}
    arguments = [word.replace(KNOWN, pinned) for word in settings.arguments(env)]
    said = events.refusal(profile.run(env, "start", *arguments, "--dry-run"))
    assert start.GITHUB not in said
    assert "PROVIDER_DOCKER" in said, "it came to the want of an engine"


def test_without_githubs_word_on_a_newer_kubernetes_it_goes_on_only_when_forced(env: Env) -> None:
    env.environ = {**env.environ, "HTTPS_PROXY": "http://127.0.0.1:9"}
    arguments = [*(word.replace(KNOWN, "1.36.2") for word in settings.arguments(env)), "--dry-run"]
    assert start.GITHUB in events.refusal(profile.run(env, "start", *arguments))
    said = events.refusal(profile.run(env, "start", *arguments, "--force"))
    assert start.GITHUB not in said
    assert "Docker is running" in said, "it came to the want of an engine"


def test_to_delete_forgets_which_profile_the_user_chose(env: Env, tmp_path: Path) -> None:
    leave_profile(tmp_path)
    assert profile.run(env, "config", "get", "profile").exit
    profile.run(env, "config", "set", "profile", "theirs")
    assert profile.run(env, "config", "get", "profile").stdout == "theirs\n"
    profile.run(env, "delete", "--output=json")
    assert profile.run(env, "config", "get", "profile").exit


def test_a_kubernetes_that_it_does_not_make_is_told(env: Env) -> None:
    arguments = [
        f"{word.partition('=')[0]}=v1.20.0" if "kubernetes" in word else word for word in settings.arguments(env)
    ]
    done = profile.run(env, "start", *arguments, "--dry-run")
    found = profile.failed(env, done, "x").problems[0]
    assert found.code == "kubernetes-not-supported"


def test_neither_the_users_kubeconfig_nor_their_minikube_is_written(env: Env, tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    theirs = tmp_path / ".kube" / "config"
    theirs.write_text("current-context: production\n")
    env.environ = {**env.environ, "KUBECONFIG": str(theirs)}
    profile.run(env, "start", *settings.arguments(env), "--dry-run")
    assert theirs.read_text() == "current-context: production\n"


def test_what_is_not_there_is_deleted_without_a_complaint(env: Env) -> None:
    done = profile.run(env, "delete", "--output=json", timeout=60)
    assert done.exit in (0, profile.NO_PROFILE)
