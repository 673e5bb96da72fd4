"""All six images, really built and run; and broken ones, each stopped by its name. In order: the first test builds."""

import gzip
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from bootstrap.core.env import Env
from bootstrap.images import build, layout
from bootstrap.images.layout import Engine
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.stages import images
from tests import wheels
from tests.doubles import Shell
from tests.images.index import Index

pytestmark = pytest.mark.real("docker", "busybox", "buildkit", "debootstrap")

BROKEN = "frontend"
VENV = "COPY --from=dependencies /opt/venv /opt/venv"
CODE = "COPY --chmod=755 frontend/frontend ./frontend"
USER = "USER 10001:10001"
START = 'ENTRYPOINT ["python", "-m", "frontend"]'
OF_ROOT = "COPY --from=dependencies /opt/venv /root/.local"
PACKAGES = "/root/.local/lib/python3.11/site-packages"


@pytest.fixture
def frontend_as_it_was(real_env: Env) -> Iterator[None]:
    path = layout.dockerfile(real_env, BROKEN)
    before = path.read_text()
    yield
    path.write_text(before)


def test_all_images_are_built_and_run_as_a_pod_will_run_them(real_env: Env, real_engine: Engine) -> None:
    stage = images.stage(lambda _: real_engine, ())
    stage.apply(real_env)
    assert stage.check(real_env) is None
    for name in real_env.manifest.services:
        image = real_engine.client.images.get(layout.reference(real_env, name))
        assert image.attrs["Config"]["User"] == "10001:10001"
        assert image.labels["org.opencontainers.image.title"] == name
        history = str(image.history())
        assert "index-url" not in history
        assert "PIP_INDEX_URL" not in history
    left = real_engine.client.containers.list(all=True, filters={"label": layout.mark(real_env)})
    assert left == []


def test_nothing_is_done_twice(real_env: Env, real_engine: Engine) -> None:
    before = {image.id for image in real_engine.client.images.list()}
    idle = replace(real_env, runner=Shell())  # which refuses every command
    images.apply(idle, lambda _: real_engine)
    assert {image.id for image in real_engine.client.images.list()} == before


def test_only_what_runs_is_in_the_image(real_env: Env, real_engine: Engine) -> None:
    listed = real_engine.client.containers.run(
        layout.reference(real_env, "backend-api"),
        entrypoint=["python", "-c", "import os; print(sorted(os.listdir('/app')), os.path.exists('/etc/pip.conf'))"],
        command=[],
        network_mode="none",
        remove=True,
    )
    assert listed.decode().strip() == "['backend_api', 'taskapp'] False"


def test_a_removed_image_is_missed(real_env: Env, real_engine: Engine) -> None:
    reference = layout.reference(real_env, BROKEN)
    real_engine.client.images.remove(reference)
    found = images.check_one(real_env, real_engine, BROKEN)
    assert found is not None
    assert found.code == "image-missing"
    images.one(real_env, real_engine, BROKEN)
    assert images.check_one(real_env, real_engine, BROKEN) is None


def broken(env: Env, engine: Engine, *changes: tuple[str, str]) -> Problem:
    """What the frontend's image, with these changes of its Dockerfile, is refused for."""
    path = layout.dockerfile(env, BROKEN)
    text = path.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)
    with pytest.raises(ProblemsFound) as failed:
        images.one(env, engine, BROKEN)
    (found,) = failed.value.problems
    return found


def line(env: Env, words: str) -> str:
    """Where the Dockerfile has these words."""
    lines = layout.dockerfile(env, BROKEN).read_text().splitlines()
    return f"services/{BROKEN}/Dockerfile:{1 + next(n for n, each in enumerate(lines) if words in each)}"


@pytest.mark.usefixtures("frontend_as_it_was")
class TestBroken:
    def test_root(self, real_env: Env, real_engine: Engine) -> None:
        found = broken(real_env, real_engine, (USER, "USER root"))
        assert (found.code, found.where) == ("image-user-root", line(real_env, "USER root"))

    def test_a_user_by_name(self, real_env: Env, real_engine: Engine) -> None:
        assert broken(real_env, real_engine, (USER, "USER nobody")).code == "image-user-not-numeric"

    def test_a_program_below_root(self, real_env: Env, real_engine: Engine) -> None:
        start = 'ENTRYPOINT ["python", "/root/.local/bin/uvicorn"]'
        found = broken(real_env, real_engine, (VENV, OF_ROOT), (START, start))
        assert (found.code, found.where) == ("image-file-not-readable", line(real_env, OF_ROOT))
        assert "/root/.local/bin/uvicorn in the image" in found.summary
        assert "uid 10001: /root has the mode drwx------ and belongs to uid 0" in found.summary

    def test_packages_below_root(self, real_env: Env, real_engine: Engine) -> None:
        found = broken(real_env, real_engine, (VENV, OF_ROOT), ("PYTHONPATH=/app", f"PYTHONPATH=/app:{PACKAGES}"))
        assert (found.code, found.where) == ("image-file-not-readable", line(real_env, OF_ROOT))
        assert f"{PACKAGES}/" in found.summary
        assert "No module named" in found.evidence

    def test_packages_where_python_does_not_look(self, real_env: Env, real_engine: Engine) -> None:
        """The other half of a changed place: PATH and PYTHONPATH still name the old one."""
        moved = "COPY --from=dependencies /opt/venv /srv/packages"
        found = broken(real_env, real_engine, (VENV, moved))
        assert (found.code, found.where) == ("image-module-not-on-path", line(real_env, moved))
        assert "/srv/packages/lib/python3.11/site-packages/" in found.summary
        assert "ENV PYTHONPATH=/srv/packages/lib/python3.11/site-packages" in found.remedy

    def test_an_import_that_no_requirement_provides(self, real_env: Env, real_engine: Engine) -> None:
        """What the gate of the sources stops first."""
        missing = layout.dockerfile(real_env, BROKEN).parent / "requirements.txt"
        before = missing.read_text()
        missing.write_text("".join(row for row in before.splitlines(keepends=True) if not row.startswith("dapr")))
        try:
            client = f"{CODE}\nRUN sed -i '1i from dapr.clients import DaprClient' /app/frontend/main.py"
            found = broken(real_env, real_engine, (CODE, client))
        finally:
            missing.write_text(before)
        assert found.code == "image-module-missing"
        assert "imports dapr" in found.cause
        assert f"services/{BROKEN}/requirements.txt" in found.remedy
        assert found.where == f"services/{BROKEN}/frontend/main.py:1"

    def test_a_module_that_nobody_put_there(self, real_env: Env, real_engine: Engine) -> None:
        shared = "COPY --chmod=755 shared/taskapp ./taskapp"
        found = broken(real_env, real_engine, (shared, ""))
        assert found.code == "image-module-missing"
        assert "imports taskapp" in found.cause

    def test_a_file_that_only_root_may_read(self, real_env: Env, real_engine: Engine) -> None:
        found = broken(real_env, real_engine, (CODE, f"{CODE}\nRUN chmod 600 /app/frontend/main.py"))
        assert (found.code, found.where) == ("image-file-not-readable", line(real_env, "chmod 600"))
        assert "/app/frontend/main.py has the mode -rw-------" in found.summary

    def test_a_source_that_is_not_there(self, real_env: Env, real_engine: Engine) -> None:
        found = broken(real_env, real_engine, (CODE, "COPY --chmod=755 frontend/gone ./frontend"))
        assert (found.code, found.where) == ("build-copy-source-missing", line(real_env, "frontend/gone"))

    def test_a_step_that_fails(self, real_env: Env, real_engine: Engine) -> None:
        found = broken(real_env, real_engine, (CODE, f'{CODE}\nRUN echo "bad luck" && false'))
        assert (found.code, found.where) == ("build-failed", line(real_env, "bad luck"))
        assert "bad luck" in found.evidence


def files(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """All that an exported image holds, the files of its layers among it."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            if member.isreg() and (opened := members.extractfile(member)):
                content = opened.read()
                content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
                if content[257:262] == b"ustar":
                    yield from files(content)
                yield member.name, content


@pytest.mark.usefixtures("frontend_as_it_was")
def test_planted_secrets_are_in_no_image(
    real_env: Env, real_engine: Engine, index: Index, record_property: Callable[[str, object], None]
) -> None:
    """Of the index, of the proxies, of git's remote, of the user's variables, and in files beside the code."""
    wheels.make(index.folder, "planted", "1.0")
    where, user = layout.dockerfile(real_env, BROKEN).parent, "http://user:pLantedProxy@127.0.0.1:9"
    planted = [index.password, "pLantedProxy", "pLantedRemote", "pLantedVariable", "pLantedFile"]
    environ = {
        **real_engine.environ,
        "PIP_INDEX_URL": index.url,
        "UV_DEFAULT_INDEX": index.url,
        "GITHUB_TOKEN": planted[3],
        "HTTPS_PROXY": user,
        "https_proxy": user,
        "HTTP_PROXY": user,
        "http_proxy": user,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    told: list[str] = []
    env = replace(real_env, environ={**real_env.environ, **environ}, notify=told.append)
    engine = replace(real_engine, environ={**environ, "PATH": env.environ["PATH"]})
    remote = f"https://user:{planted[2]}@git.example/team/app.git"
    for words in (["init", "--quiet"], ["remote", "add", "origin", remote]):
        subprocess.run(["git", *words], cwd=env.root, check=True)
    for name in (".env", ".env.local", "tls.key", "tls.pem"):
        (where / BROKEN / name).write_text(planted[4])
        (where.parent / "shared/taskapp" / name).write_text(planted[4])
    wanted = where / "requirements.txt"
    before = wanted.read_text()
    try:
        wanted.write_text("planted==1.0\n")
        build.build(env, engine, BROKEN)
        wanted.write_text("no-such-distribution-anywhere==1.0\n")
        with pytest.raises(ProblemsFound) as failed:
            build.build(env, engine, BROKEN)
        wanted.write_text("planted==1.0\n")
        image = engine.client.images.get(layout.reference(env, BROKEN))
    finally:
        wanted.write_text(before)
    assert failed.value.problems[0].code == "build-requirement-not-found"
    assert index.asked > 1
    assert image.labels["org.opencontainers.image.source"] == "https://git.example/team/app.git"
    told += [json.dumps(image.history()), json.dumps(image.attrs), repr(failed.value.problems)]
    assert [secret for secret in planted if secret in "\n".join(told)] == []
    number, is_searched = 0, False
    for name, content in files(b"".join(image.save())):
        assert [secret for secret in planted if secret.encode() in content] == [], name
        number, is_searched = number + 1, is_searched or (name.endswith("planted/__init__.py") and b'"1.0"' in content)
    assert is_searched, "what is searched is the image"
    record_property(
        "figures",
        f"{len(planted)} planted secrets at a real build: in none of {number} files of the image, "
        "not in its history, its labels, or what was told of its build",
    )
