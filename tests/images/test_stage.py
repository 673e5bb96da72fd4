"""The stage `images` on scripted doors: what is built, what is proven, and how each failure is named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.clients.command import Cancelled, Completed
from bootstrap.core.env import Env
from bootstrap.images import layout
from bootstrap.problems.catalogue import is_unknown
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import images
from tests.docker_doubles import FakeEngine as Machine
from tests.docker_doubles import said
from tests.doubles import Shell, small_env
from tests.images.doubles import FakeEngine, image

RECORDED = Path(__file__).parents[1] / "recorded"
DOCKERFILE = """\
FROM python AS build
RUN pip install --user uvicorn
FROM python
COPY --from=build /root/.local /root/.local
USER 10001
"""


class Builds(Shell):
    """The door for commands: a build puts an image into the engine, unless it is told what to answer."""

    def __init__(self, engine: FakeEngine) -> None:
        super().__init__()
        self.engine = engine
        self.made = image()
        self.environ: dict[str, str] = {}
        self.answer("git", "describe", stdout="0123abc\n")
        self.answer("git", "config", exit=1)

    def __call__(self, argv: object, **more: object) -> Completed:
        words = [str(word) for word in argv] if isinstance(argv, list) else []
        if words[:2] == ["docker", "build"] and not any("build" in answer[0] for answer in self.answers):
            self.ran.append(tuple(words))
            self.environ = dict(more["environ"]) if isinstance(more["environ"], dict) else {}
            tag = next(word for word in words if word.startswith("--tag=")).removeprefix("--tag=")
            labels = dict(word.removeprefix("--label=").split("=", 1) for word in words if word.startswith("--label="))
            self.engine.held[tag] = replace(self.made, labels=labels)
            return Completed(tuple(words), 0, "", "", 12.0)
        return super().__call__(words, **more)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def builds(engine: FakeEngine) -> Builds:
    return Builds(engine)


@pytest.fixture
def on_line() -> list[str]:
    return []


@pytest.fixture
def env(tmp_path: Path, builds: Builds, on_line: list[str]) -> Env:
    made = small_env(tmp_path, runner=builds, notify=on_line.append)
    for name in ("shop", "mailer"):
        (tmp_path / "services" / name / "Dockerfile").write_text(DOCKERFILE)
    return made


@pytest.fixture
def refusal(env: Env, engine: FakeEngine) -> Callable[[], Problem]:
    """The one problem of building and proving `shop`."""

    def refused() -> Problem:
        with pytest.raises(ProblemsFound) as failed:
            images.one(env, engine.door, "shop")
        (found,) = failed.value.problems
        assert "{" not in found.cause + found.remedy, "a placeholder stays open"
        assert found.final
        return found

    return refused


@pytest.mark.closes("images", "the image is there under the tag of its content", "image-missing")
def test_all_images_are_built_and_proven_once(env: Env, engine: FakeEngine, builds: Builds, on_line: list[str]) -> None:
    stage = images.stage(lambda _: engine.door, ())
    missing = stage.check(env)
    assert missing is not None
    assert missing.code == "image-missing"
    stage.apply(env)
    assert stage.check(env) is None
    assert sorted(engine.held) == sorted(layout.reference(env, name) for name in ("shop", "mailer"))
    assert builds.environ["DOCKER_HOST"] == "unix:///scripted.sock"
    assert builds.environ["DOCKER_BUILDKIT"] == "1"
    assert any("143 MB; there was none before" in line for line in on_line)
    assert engine.there == [], "no container stays"
    ran, created = len(builds.ran), len(engine.created)
    stage.apply(env)
    assert (len(builds.ran), len(engine.created)) == (ran, created), "nothing was to do"


def test_a_build_says_what_changed(env: Env, engine: FakeEngine, builds: Builds, on_line: list[str]) -> None:
    images.one(env, engine.door, "shop")
    (env.root / "services/shop/shop/__init__.py").write_text("x = 1\n")
    builds.made = image(2)
    images.one(env, engine.door, "shop")
    assert on_line[-1].endswith("changed: services/shop")


def test_what_changed_is_not_known_for_an_image_of_somebody_else(
    env: Env, engine: FakeEngine, on_line: list[str]
) -> None:
    engine.held["small/shop:old"] = image(labels={"small.inputs": "no json"})
    images.one(env, engine.door, "shop")
    assert "another build" in on_line[-1]


def test_secrets_of_the_index_are_in_no_argument(env: Env, engine: FakeEngine, builds: Builds) -> None:
    environ = {**env.environ, "PIP_INDEX_URL": "https://user:word@index.example/simple", "HTTPS_PROXY": "http://u:w@p"}
    images.one(replace(env, environ=environ), engine.door, "shop")
    build = " ".join(builds.ran[-1])
    assert "word" not in build
    assert "u:w" not in build
    assert "id=pip.conf,src=" in build
    assert "--build-arg HTTPS_PROXY" in build


@pytest.mark.parametrize("variable", ["INV_MIRROR", "INV_OFFLINE", "INV_KEEP"])
def test_a_built_image_is_kept_on_this_machine_where_a_variable_asks_for_it(
    env: Env, engine: FakeEngine, variable: str
) -> None:
    machine: Any = Machine()
    env.docker_of = lambda _: machine
    images.one(env, engine.door, "shop")
    assert not machine.image_names
    env.environ = {**env.environ, variable: "1"}
    images.one(env, engine.door, "shop")
    assert machine.image_names == {layout.reference(env, "shop")}


@pytest.mark.closes("images", "this very image was proven", "image-not-proven")
def test_another_image_under_the_tag_is_not_proven(env: Env, engine: FakeEngine) -> None:
    images.one(env, engine.door, "shop")
    engine.held[layout.reference(env, "shop")] = image(3)
    found = images.check_one(env, engine.door, "shop")
    assert found is not None
    assert found.code == "image-not-proven"


@pytest.mark.closes("images", "its user is a number and not root", "image-user-root", "image-user-not-numeric")
@pytest.mark.parametrize(
    ("user", "code", "line"),
    [
        *(("", "image-user-root", 5), ("root", "image-user-root", 5), ("0:10001", "image-user-root", 5)),
        *(("00", "image-user-root", 5), ("app", "image-user-not-numeric", 5), ("app:1", "image-user-not-numeric", 5)),
    ],
)
def test_the_user(refusal: Callable[[], Problem], builds: Builds, user: str, code: str, line: int) -> None:
    builds.made = image(user=user)
    found = refusal()
    assert (found.code, found.where) == (code, f"services/shop/Dockerfile:{line}")
    assert "USER 10001:10001" in found.remedy


def recorded(case: str) -> str:
    return (RECORDED / "docker" / case / "stderr.txt").read_text()


CLOSED = b'["/root/.local/bin/uvicorn", "/root", "drwx------", 0]'


@pytest.mark.closes("images", "as a pod will run it, it starts", "image-file-not-readable")
def test_a_file_that_is_closed(refusal: Callable[[], Problem], engine: FakeEngine) -> None:
    engine.ends, engine.log, engine.seen = 2, recorded("run-as-uid-permission-denied"), CLOSED
    found = refusal()
    assert (found.code, found.where) == ("image-file-not-readable", "services/shop/Dockerfile:4")
    assert "/root/.local/bin/uvicorn" in found.summary
    assert "uid 10001: /root has the mode drwx------ and belongs to uid 0" in found.summary
    assert engine.there == []


def test_a_module_that_is_there_and_closed(refusal: Callable[[], Problem], engine: FakeEngine) -> None:
    engine.ends, engine.log = 1, "ModuleNotFoundError: No module named 'uvicorn'"
    engine.seen = b'["/root/.local/lib/python3.11/site-packages/uvicorn", "/root", "drwx------", 0]'
    found = refusal()
    assert (found.code, found.where) == ("image-file-not-readable", "services/shop/Dockerfile:4")


@pytest.mark.closes("images", "as a pod will run it, it starts", "image-module-not-on-path")
def test_a_module_where_python_does_not_look(refusal: Callable[[], Problem], engine: FakeEngine) -> None:
    engine.ends, engine.log = 1, "ModuleNotFoundError: No module named 'uvicorn'"
    engine.seen = b'["/root/.local/lib/python3.11/site-packages/uvicorn"]'
    found = refusal()
    assert (found.code, found.where) == ("image-module-not-on-path", "services/shop/Dockerfile:4")
    assert "ENV PYTHONPATH=/root/.local/lib/python3.11/site-packages" in found.remedy


@pytest.mark.closes("images", "as a pod will run it, it starts", "image-module-missing")
@pytest.mark.parametrize("seen", [b"", b"null", b"[1]", said("image-not-found")])
def test_a_module_that_is_not_there(
    refusal: Callable[[], Problem], engine: FakeEngine, seen: bytes | Exception
) -> None:
    engine.ends, engine.log, engine.seen = 1, recorded("run-module-not-found"), seen
    found = refusal()
    assert found.code == "image-module-missing"
    assert "imports dapr" in found.cause
    assert "services/shop/requirements.txt" in found.remedy
    assert found.where == "services/shop/consumer.py:5"


@pytest.mark.closes("images", "as a pod will run it, it starts", "image-writes-root")
def test_writing_where_nothing_can_be_written(refusal: Callable[[], Problem], engine: FakeEngine) -> None:
    engine.ends, engine.log = 1, recorded("run-read-only-fs")
    found = refusal()
    assert found.code == "image-writes-root"
    assert "/app/data" in found.cause


def test_settings_that_are_refused(refusal: Callable[[], Problem], engine: FakeEngine) -> None:
    engine.ends, engine.log = 2, "shop: ALLOWED_ORIGINS must list exact origins"
    assert refusal().code == "service-settings"


@pytest.mark.closes("images", "as a pod will run it, it starts", "image-run-failed")
def test_an_unknown_end(env: Env, refusal: Callable[[], Problem], engine: FakeEngine) -> None:
    engine.ends, engine.log = 3, "Segmentation fault"
    found = refusal()
    assert (found.code, found.evidence) == ("image-run-failed", "Segmentation fault")
    assert "exit code 3" in found.summary
    assert f'(eval "$(minikube docker-env -p {env.context} --shell=bash)" && docker run --rm ' in found.remedy


TRACE = """\
Traceback (most recent call last):
  File "<frozen runpy>", line 198, in _run_module_as_main
  File "/app/shop/__main__.py", line 7, in <module>
    main.start()
  File "/app/shop/main.py", line 12, in start
    raise ValueError("token=abc: no such colour")
ValueError: token=abc: no such colour"""


@pytest.mark.closes("images", "as a pod will run it, it starts", "image-service-raises")
@pytest.mark.parametrize(
    "log", [TRACE, json.dumps({"level": "CRITICAL", "message": "it ends", "exception": TRACE}), TRACE.split("\n", 1)[1]]
)
def test_an_error_of_the_service_s_own_code(refusal: Callable[[], Problem], engine: FakeEngine, log: str) -> None:
    engine.ends, engine.log = 1, log
    found = refusal()
    assert (found.code, found.where) == ("image-service-raises", "services/shop/shop/main.py:12")
    assert found.summary == (
        "shop ends at its start: services/shop/shop/main.py:12 raises ValueError: token=<removed> no such colour"
    )
    assert "services/shop/shop/main.py:12" in found.remedy
    assert not is_unknown(found.code), "it is the developer's own, nothing to report"


def test_an_error_outside_of_the_service_s_own_code_is_unknown(
    refusal: Callable[[], Problem], engine: FakeEngine
) -> None:
    engine.ends, engine.log = 1, TRACE.replace("/app/", "/opt/venv/lib/")
    assert is_unknown(refusal().code)


@pytest.mark.closes("images", "as a pod will run it, it starts", "image-entry-point-missing")
def test_an_entry_point_that_is_not_there(refusal: Callable[[], Problem], engine: FakeEngine) -> None:
    engine.start_error = said("program-not-in-image")
    found = refusal()
    assert found.code == "image-entry-point-missing"
    assert "/nothing" in found.cause


def test_it_is_asked_until_it_answers(env: Env, engine: FakeEngine) -> None:
    engine.answers_at = 3
    images.one(env, engine.door, "shop")
    assert engine.asked == 3


@pytest.mark.closes("images", "as a pod will run it, it answers", "image-not-alive")
def test_it_never_answers(env: Env, engine: FakeEngine) -> None:
    engine.answers_at, engine.log = 10**6, "waiting for a file"
    found = proof_within(env, engine, 0.5)
    assert found.code == "image-not-alive"
    assert found.evidence == "ConnectionRefusedError: refused\nwaiting for a file"


def proof_within(env: Env, engine: FakeEngine, seconds: float) -> Problem:
    from bootstrap.images import build, proof

    build.build(env, engine.door, "shop")
    with pytest.raises(ProblemsFound) as failed:
        proof.prove(env, engine.door, "shop", seconds)
    return failed.value.problems[0]


def test_ctrl_c_leaves_no_container(env: Env, engine: FakeEngine) -> None:
    engine.answers_at = 10**6
    env.cancelled.set()
    with pytest.raises(Cancelled):
        images.one(env, engine.door, "shop")
    assert engine.there == []


def test_what_a_killed_run_left_is_removed(env: Env, engine: FakeEngine) -> None:
    left = engine.containers.create(**layout.container(env, "shop"))
    others = engine.containers.create(**layout.container(env, "mailer"))
    images.one(env, engine.door, "shop")
    assert left not in engine.there
    assert engine.there == [others]


def test_every_failure_is_told_and_the_others_are_made(env: Env, engine: FakeEngine, builds: Builds) -> None:
    engine.ends, engine.log = 3, "bad luck"
    with pytest.raises(ProblemsFound) as failed:
        images.apply(env, lambda _: engine.door)
    assert [found.code for found in failed.value.problems] == ["image-run-failed", "image-run-failed"]
    assert len(engine.held) == 2


@pytest.mark.parametrize("path", sorted((RECORDED / "image-build").glob("build-*.txt")), ids=lambda path: path.stem)
def test_a_failed_build(refusal: Callable[[], Problem], builds: Builds, path: Path) -> None:
    builds.answer("docker", "build", exit=1, stderr=path.read_text())
    assert path.stem.partition(".")[0] == refusal().code


def test_what_keeps_all_images_from_being_built_is_one_problem(
    env: Env, engine: FakeEngine, builds: Builds, on_line: list[str]
) -> None:
    builds.answer("docker", "build", exit=1, stderr=(RECORDED / "image-build" / "buildkit-missing.txt").read_text())
    with pytest.raises(ProblemsFound) as failed:
        images.apply(env, lambda _: engine.door)
    [found] = failed.value.problems
    assert (found.code, found.where) == ("buildkit-missing", "")
    assert found.summary in ("The image of shop, mailer cannot be built.", "The image of mailer, shop cannot be built.")


def test_an_engine_that_went_away_during_the_build_is_the_cause(
    refusal: Callable[[], Problem], builds: Builds, engine: FakeEngine
) -> None:
    builds.answer("docker", "build", exit=1, stderr="ERROR: failed to receive status: error reading from server: EOF")
    engine.away = ConnectionRefusedError("Connection refused")
    assert refusal().code == "docker-not-running"


def test_a_failed_build_names_the_line(env: Env, refusal: Callable[[], Problem], builds: Builds) -> None:
    words = "#7 ERROR: executor failed running [/bin/sh -c pip install --user uvicorn]: exit code: 1"
    builds.answer("docker", "build", exit=1, stderr=words)
    found = refusal()
    assert (found.code, found.where) == ("build-failed", "services/shop/Dockerfile:2")
    assert json.dumps(found.evidence).startswith('"ERROR: executor')
