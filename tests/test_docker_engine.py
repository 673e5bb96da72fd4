"""The door for Docker: which engine is taken, and how one that cannot be used is named."""

import gc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.clients import docker_engine
from bootstrap.problems.problem import Problem, ProblemsFound
from tests.docker_doubles import said


def refusal(environ: dict[str, str]) -> Problem:
    with pytest.raises(ProblemsFound) as failed:
        docker_engine.connect(environ)
    (found,) = failed.value.problems
    return found


@pytest.mark.parametrize(
    "address",
    [
        *("", "/run/docker.sock", "unix:///run/docker.sock", "http+unix:///run/docker.sock", "npipe:////./pipe/docker"),
        *(
            "tcp://127.0.0.1:2375",
            "tcp://localhost:2375",
            "http://127.0.0.1:2375",
            "tcp://[::1]:2375",
            "localhost:2375",
        ),
    ],
)
def test_engines_of_this_machine(address: str) -> None:
    assert docker_engine.is_local(address)


@pytest.mark.parametrize(
    "address",
    [
        *("tcp://192.168.49.2:2376", "ssh://user@build.example", "https://docker.example:2376", "docker.example:2375"),
        *("tcp://127.0.0.1.example:2375", "tcp://localhost@docker.example:2375", "ssh://localhost"),
    ],
)
def test_an_engine_of_another_machine_is_refused_before_it_is_asked(address: str) -> None:
    found = refusal({"DOCKER_HOST": address})
    assert found.code == "docker-elsewhere"
    assert address in found.summary
    assert "unset DOCKER_HOST" in found.remedy


@given(st.text(max_size=40))
def test_any_address_is_local_or_not(address: str) -> None:
    assert docker_engine.is_local(address) in (True, False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_an_engine_that_is_away(tmp_path: Path) -> None:
    assert refusal({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}).code == "docker-not-running"
    # The SDK leaves the socket open that found nobody.
    gc.collect()


def test_an_address_that_is_none() -> None:
    assert refusal({"DOCKER_HOST": "unix//run/docker.sock"}).code == "docker-elsewhere"


@pytest.mark.parametrize(
    ("case", "code"),
    [("daemon-not-running", "docker-not-running"), ("socket-permission-denied", "docker-forbidden")],
)
def test_the_way_to_the_engine(case: str, code: str) -> None:
    with pytest.raises(ProblemsFound) as failed, docker_engine.translate_errors("Docker cannot be used."):
        raise said(case)
    (found,) = failed.value.problems
    assert (found.code, found.summary) == (code, "Docker cannot be used.")
    assert found.evidence == str(said(case))


def test_words_of_the_engine_do_not_speak_of_the_way_to_it() -> None:
    with (
        pytest.raises(ProblemsFound) as failed,
        docker_engine.translate_errors("The image cannot be pulled.", image="some:v1"),
    ):
        raise said("pull-registry-unreachable")
    assert failed.value.problems[0].code == "registry-unreachable"
    assert "connection refused" in failed.value.problems[0].evidence


def test_a_bug_is_no_statement_about_the_users_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"auths": {"registry.example": {}}, "credsStore": "desktop"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    def broken(**params: object) -> None:
        raise TypeError("direct() got an unexpected keyword argument 'new'")

    with pytest.raises(TypeError, match="argument 'new'"):
        docker_engine.connect({}, client_at=broken)  # type: ignore[arg-type]
