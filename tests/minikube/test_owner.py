"""Whose a profile is: between checkouts of one user, at one time and one after the other."""

import fcntl
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.core.env import Env
from bootstrap.minikube import ownership
from bootstrap.problems.problem import ProblemsFound
from tests.doubles import small_env
from tests.minikube.conftest import World


@pytest.fixture
def other(world: World, tmp_path: Path) -> Env:
    """A second checkout of the same user, with a profile of the same name."""
    root = tmp_path / "other"
    root.mkdir()
    return replace(small_env(root), environ=world.env.environ)


def refused(env: Env, exists: bool) -> str:
    with pytest.raises(ProblemsFound) as failed:
        ownership.claim(env, exists)
    (found,) = failed.value.problems
    assert (found.code, found.final) == ("profile-not-ours", True)
    return found.summary


def test_a_profile_belongs_to_the_checkout_that_made_it(world: World, other: Env) -> None:
    ownership.claim(world.env, exists=False)
    assert str(world.env.root) in refused(other, exists=True)
    ownership.claim(world.env, exists=True)
    assert ownership.is_ours(world.env)
    assert not ownership.is_ours(other)


def test_a_profile_that_nobody_recorded_is_the_users(world: World) -> None:
    assert "no checkout" in refused(world.env, exists=True)


def test_a_profile_that_is_gone_can_be_made_by_another(world: World, other: Env) -> None:
    ownership.claim(world.env, exists=False)
    ownership.claim(other, exists=False)
    assert ownership.is_ours(other)
    assert not ownership.is_ours(world.env)


def test_a_profile_that_another_checkout_is_about_to_make_is_its_own(world: World, other: Env) -> None:
    ownership.claim(world.env, exists=False)
    with (world.env.state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(other, exists=False)
    ownership.claim(other, exists=False)


def test_the_profile_of_a_checkout_that_is_gone_is_taken_over_and_told(world: World, other: Env) -> None:
    ownership.claim(other, exists=False)
    ownership.note_up(other)
    shutil.rmtree(other.root)
    ownership.claim(world.env, exists=True)
    assert ownership.came_up(world.env), "what it may hold is not forgotten"
    assert world.said == [
        f"The minikube profile small was made by {other.root}, which is gone: it is this checkout's now."
    ]


def test_what_was_deleted_by_hand_never_came_up(world: World) -> None:
    ownership.claim(world.env, exists=False)
    ownership.note_up(world.env)
    ownership.claim(world.env, exists=False)
    assert not ownership.came_up(world.env)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"small": 1}', '{"small": {"since": 1}}'])
def test_a_record_that_cannot_be_read_is_none(world: World, text: str) -> None:
    path = ownership.file(world.env)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    refused(world.env, exists=True)
    ownership.claim(world.env, exists=False)
    assert ownership.is_ours(world.env)


def test_it_lies_where_the_user_wants_state(world: World, tmp_path: Path) -> None:
    world.env.environ = {**world.env.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    assert ownership.file(world.env) == tmp_path / "state" / "inv" / "profiles.json"


def test_a_folder_that_cannot_be_written_is_told(world: World, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")
    world.env.environ = {**world.env.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    with pytest.raises(ProblemsFound) as failed:
        ownership.claim(world.env, exists=False)
    assert failed.value.problems[0].code == "state-not-writable"


def test_claims_at_one_time_are_kept_all(world: World) -> None:
    def claim(name: str) -> None:
        wanted = world.env.manifest.cluster.model_copy(update={"profile": name})
        env = replace(world.env, manifest=world.env.manifest.model_copy(update={"cluster": wanted}))
        env.manifest._root = world.env.root
        ownership.claim(env, exists=False)

    names = [f"profile-{number}" for number in range(8)]
    threads = [threading.Thread(target=claim, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = ownership.file(world.env).read_text()
    assert all(name in text for name in names)
