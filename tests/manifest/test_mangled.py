"""However a manifest is broken, it is told in problems: never a traceback, always a place and a remedy."""

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.manifest import Manifest, load
from bootstrap.manifest.toml import key_text, value_text
from bootstrap.problems.problem import ProblemsFound

# A busy machine is no failure
EXAMPLES = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)
scalars = (
    st.booleans()
    | st.integers()
    | st.integers(min_value=2**80)
    | st.floats()
    | texts
    | st.sampled_from(["latest", "{url:}", "{url:{url:stock}}", "../..", ".", "\0", "a" * 300, "[key]", "root"])
    | st.just(datetime(2026, 1, 2, tzinfo=UTC))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.just("[key]"), inner, max_size=3),
    max_leaves=6,
)


def loaded(folder: Path, content: bytes) -> Manifest | ProblemsFound:
    path = folder / "environment.toml"
    path.write_bytes(content)
    try:
        return load(path)
    except ProblemsFound as error:
        failed = error
    assert failed.problems
    for problem in failed.problems:
        assert problem.code.startswith("manifest-")
        assert problem.where.startswith("environment.toml:")
        assert 1 <= int(problem.where.partition(":")[2]) <= content.count(b"\n") + 1
        assert problem.summary.isprintable()
        assert problem.cause.isprintable()
        assert problem.remedy
    return failed


@EXAMPLES
@given(data=st.data())
def test_lines_deleted_repeated_moved_and_replaced(checkout: Path, manifest_text: str, data: st.DataObject) -> None:
    lines = manifest_text.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        other = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["delete", "repeat", "swap", "replace", "cut"])):
            case "delete" if len(lines) > 1:
                del lines[at]
            case "repeat":
                lines.insert(other, lines[at])
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
            case "replace":
                lines[at] = data.draw(texts)
            case _:
                lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
    loaded(checkout, "\n".join(lines).encode())


@EXAMPLES
@given(data=st.data())
def test_any_value_anywhere(checkout: Path, manifest_text: str, data: st.DataObject) -> None:
    lines = manifest_text.replace("[\n    ", "[").replace(",\n]", "]").splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from([n for n, line in enumerate(lines) if " = " in line]))
        key = lines[at].partition(" = ")[0]
        name = data.draw(st.sampled_from([key, key, key + "s", "[key]", "root"]) | texts)
        lines[at] = f"{name if name == key else key_text(name)} = {value_text(data.draw(values))}"
    loaded(checkout, "\n".join(lines).encode())


ODD_SERVICE = """\
path = "x"
port = 8081
node_port = 30081
state = true
invokes = ["x", "x"]
env = { PORT = "{url:stock}" }
"""


@EXAMPLES
@given(name=texts | st.sampled_from(["[key]", "", "a.b", ".", ".."]), table=st.sampled_from(["topics", "services"]))
def test_any_name_of_a_table(checkout: Path, manifest_text: str, name: str, table: str) -> None:
    loaded(checkout, f"{manifest_text}\n[{table}.{key_text(name)}]\n{ODD_SERVICE}".encode())


@EXAMPLES
@given(noise=st.binary(max_size=40), data=st.data())
def test_any_bytes_anywhere(checkout: Path, manifest_text: str, noise: bytes, data: st.DataObject) -> None:
    content = manifest_text.encode()
    at = data.draw(st.integers(0, len(content)))
    loaded(checkout, content[:at] + noise + content[at + data.draw(st.integers(0, 40)) :])


@EXAMPLES
@given(value=values)
def test_written_values_read_back(checkout: Path, value: object) -> None:
    """What a remedy writes is TOML: the value in it comes back, as the wrong type that it has."""
    failed = loaded(checkout, f"name = {value_text([value])}\n".encode())
    assert isinstance(failed, ProblemsFound)
    assert "manifest-syntax" not in {problem.code for problem in failed.problems}
