"""Content hashes: the same for the same program, another for any other."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.core.hashing import LEFT_OUT, digest, files

NAMES = st.text("ab.-_", min_size=1, max_size=4).filter(lambda name: set(name) != {"."})
TREES = st.dictionaries(NAMES, st.binary(max_size=3), max_size=4)


def write(folder: Path, tree: dict[str, bytes]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in tree.items():
        (folder / name).write_bytes(data)
    return folder


@given(one=TREES, two=TREES, more=st.lists(st.sampled_from(["", "x", "y"]), max_size=2))
def test_it_differs_exactly_when_something_differs(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, bytes], two: dict[str, bytes], more: list[str]
) -> None:
    base = tmp_path_factory.getbasetemp()
    first = digest([write(base / "here" / "shop", one)], *more)
    assert first == digest([write(base / "there" / "shop", one)], *more), "wherever the checkout lies"
    assert (first == digest([write(base / "there" / "shop", two)], *more)) == (one == two)
    assert first != digest([base / "here" / "shop"], *more, "z")


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_what_does_not_run_does_not_count(tmp_path: Path, name: str) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    before = digest([tmp_path])
    (tmp_path / "deep" / name).mkdir(parents=True)
    (tmp_path / "deep" / name / "file.py").write_text("y = 2\n")
    (tmp_path / "main.pyc").write_bytes(b"\x00")
    assert digest([tmp_path]) == before
    assert files(tmp_path) == [tmp_path / "main.py"]


def test_a_moved_file_and_a_renamed_folder_count(tmp_path: Path) -> None:
    (tmp_path / "a" / "sub").mkdir(parents=True)
    (tmp_path / "a" / "main.py").write_text("x = 1\n")
    before = digest([tmp_path / "a"])
    (tmp_path / "a" / "main.py").rename(tmp_path / "a" / "sub" / "main.py")
    assert digest([tmp_path / "a"]) != before
    (tmp_path / "a" / "sub" / "main.py").rename(tmp_path / "a" / "main.py")
    assert digest([tmp_path / "a"]) == before
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest([tmp_path / "b"]) != before


def test_single_files_count_too(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("1")
    (tmp_path / "two.txt").write_text("1")
    assert digest([tmp_path / "one.txt"]) != digest([tmp_path / "two.txt"])
    assert len(digest([tmp_path / "one.txt"])) == 12


def test_a_folder_that_is_called_as_one_left_out_may_hold_the_checkout(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "shop"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text("")
    assert files(folder) == [folder / "main.py"]
