"""All six images, really built and run; and broken ones, each stopped by its name. In order: the first test builds."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bootstrap.env import Env
from bootstrap.images import layout
from bootstrap.images.layout import Engine
from bootstrap.problem import Failed, Problem
from bootstrap.stages import images
from tests.doubles import Shell

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
    with pytest.raises(Failed) as failed:
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
