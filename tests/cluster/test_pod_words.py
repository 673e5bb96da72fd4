"""The words about pods that the recorded states of a cluster do not have: programs' and sidecars' last ones."""

from pathlib import Path

import pytest

from bootstrap.problems.catalogue import recognise

RECORDED = Path(__file__).parents[1] / "recorded"
PHASES = ("admission", "config", "log", "mount", "pull", "schedule", "start", "volume")
WORDS = [
    (where, path)
    for where in (*(f"pod-{phase}" for phase in PHASES), "daprd-log", "daprd-wait")
    for path in (RECORDED / where).glob("*.txt")
]
FACTS = {"service": "shop", "pod": "shop-1", "container": "shop", "kubectl": "kubectl", "previous": "false"}
FACTS |= {"namespace": "small", "claim": "data", "context": "small", "kubeconfig": "k", "image": "shop:1"}


@pytest.mark.parametrize(("where", "path"), WORDS, ids=lambda value: value if isinstance(value, str) else value.stem)
def test_recorded_words_are_recognised(where: str, path: Path) -> None:
    tool, _, phase = where.partition("-")
    found = recognise(tool, phase, path.read_text(), "x", **FACTS)
    if path.name.startswith("none-"):
        assert found is None
    else:
        assert found is not None
        assert found.code == path.name.partition(".")[0]
        assert "{" not in found.cause + found.remedy, "a placeholder stays open"


@pytest.mark.parametrize(
    ("tool", "file", "cause"),
    [
        ("pod-log", "pod-import-broken.txt", "The module json is there, and has no loadz"),
        ("pod-log", "pod-code-unreadable.txt", "Python cannot read /app/syn.py, line 1."),
        ("pod-log", "pod-setting-wrong.txt", "the environment variable PORT"),
        ("daprd-log", "daprd-component-unreachable.txt", "component pubsub stands for"),
        ("daprd-log", "daprd-component-unreachable.postgresql.txt", "component statestore stands for"),
        ("daprd-log", "daprd-component-invalid.type.txt", "cannot use the component statestore"),
        ("daprd-wait", "sidecar-waits-for-app.txt", "listens on port 57407"),
    ],
)
def test_the_cause_names_what_the_words_name(tool: str, file: str, cause: str) -> None:
    of, _, phase = tool.partition("-")
    found = recognise(of, phase, (RECORDED / tool / file).read_text(), "x", **FACTS)
    assert found is not None
    assert cause in found.cause
