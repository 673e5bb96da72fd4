"""Files that are no manifest at all, and the lines of keys in every way to write TOML."""

from pathlib import Path

import pytest

from bootstrap.manifest import load
from bootstrap.manifest.lines import Lines, Location
from bootstrap.problems.problem import Problem, ProblemsFound


def problem_of(path: Path, content: bytes | str) -> Problem:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ProblemsFound) as failed:
        load(path)
    (problem,) = failed.value.problems
    assert problem.final
    assert problem.remedy
    return problem


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "environment.toml"


def test_missing(path: Path) -> None:
    with pytest.raises(ProblemsFound) as failed:
        load(path)
    (problem,) = failed.value.problems
    assert (problem.code, problem.where) == ("manifest-missing", "environment.toml")
    assert str(path.parent) in problem.summary


def test_folder_in_its_place(path: Path) -> None:
    path.mkdir()
    with pytest.raises(ProblemsFound) as failed:
        load(path)
    (problem,) = failed.value.problems
    assert problem.code == "manifest-unreadable"
    assert "directory" in problem.summary


@pytest.mark.parametrize(
    ("text", "line", "said", "remedy"),
    [
        ("a = 1\n\nname = shop\n", 3, "invalid value", '# environment.toml:3 should read:\nname = "shop"'),
        ("v = 1.36.2\n", 1, "expected newline", '# environment.toml:1 should read:\nv = "1.36.2"'),
        ('a = 1\na = "2"\n', 2, "overwrite", '# remove environment.toml:2, or what it repeats:\n# a = "2"'),
        ("[a]\nb=1\n[a]\n", 3, "declare", "# remove environment.toml:3, or what it repeats:\n# [a]"),
        ("[a\nb=1\n", 1, "expected", "# correct environment.toml:1:\n# [a"),
        ("a = 1\nb = [1,\n\n", 2, "invalid value", "# correct environment.toml:2:\n# b = [1,"),
        ('a = 1\nb = "x\n', 2, "illegal character", '# correct environment.toml:2:\n# b = "x'),
        ("a = 1\rb = 2", 1, "expected newline", "# correct environment.toml:1:\n# a = 1�b = 2"),
    ],
)
def test_syntax(path: Path, text: str, line: int, said: str, remedy: str) -> None:
    problem = problem_of(path, text)
    assert (problem.code, problem.where) == ("manifest-syntax", f"environment.toml:{line}")
    assert said in problem.summary
    assert problem.remedy == remedy


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'a = 1\nb = "caf\xe9"\n', 2),
        ("a = 1\n".encode("utf-16"), 1),
        (b"a = 1\n\nb = " + b"9" * 5000, 3),
        (b"a = 1\nb = " + b"[" * 60 + b"]" * 60, 2),
        (b"a = 1\nb = " + b"[" * 9000 + b"]" * 9000, 2),
        (b"a = 1\n[" + b"b." * 3000 + b"b]\n", 2),
        (b"a = 1\nb = " + b"{b=" * 60 + b"1" + b"}" * 60, 2),
    ],
    ids=["latin-1", "utf-16", "long number", "deep", "very deep", "deep header", "deep tables"],
)
def test_what_no_editor_should_write(path: Path, content: bytes, line: int) -> None:
    problem = problem_of(path, content)
    assert (problem.code, problem.where) == ("manifest-syntax", f"environment.toml:{line}")


def test_byte_order_mark_and_windows_line_ends_are_fine(path: Path, checkout: Path, manifest_text: str) -> None:
    path = checkout / "environment.toml"
    path.write_bytes(b"\xef\xbb\xbf" + manifest_text.replace("\n", "\r\n").encode())
    assert load(path).name == "shop"


TOML = '''\
# a comment = 1
top = """
[not.a.table]
key = 1
"""
after = 'x # = y' # c
"quoted.key" . 'sub' = 1
[table]
dotted.key.deep = 1
date = 1979-05-27 07:32:00
float = 1.5
array = [
  "a]", # ]
  [ 1, { in = 2 } ],
  { x = 1, y.z = [3,
    4] },
]
[ table . "two words" ]
a="\\"]"
[[list]]
a = 1
[[list]]
a = 2
[list.inner]
b = 3
'''


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("top",), 2),
        (("after",), 6),
        (("quoted.key",), 7),
        (("quoted.key", "sub"), 7),
        (("table",), 8),
        (("table", "dotted", "key"), 9),
        (("table", "date"), 10),
        (("table", "float"), 11),
        (("table", "array", 0), 13),
        (("table", "array", 1, 0), 14),
        (("table", "array", 1, 1, "in"), 14),
        (("table", "array", 2, "x"), 15),
        (("table", "array", 2, "y", "z", 1), 16),
        (("table", "two words", "a"), 19),
        (("list", 0, "a"), 21),
        (("list", 1, "a"), 23),
        (("list", 1, "inner", "b"), 25),
        (("list", 1, "absent"), 22),
        (("absent",), 1),
    ],
)
def test_lines(location: Location, line: int) -> None:
    assert Lines(TOML).of(location) == line
