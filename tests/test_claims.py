"""Every claim of every gate has a test in which it is false and the gate closes; docs/gates.md says which."""

from collections.abc import Callable

import pytest

from bootstrap import pipeline
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import ROWS
from tests.claims import PAGE, gates, made, marks, page

GATES = {gate.name: gate for gate in gates()}


def test_every_code_of_every_claim_has_a_test_that_closes_the_gate_with_it(
    record_property: Callable[[str, object], None],
) -> None:
    proven = {(mark.gate, mark.claim, code) for mark in marks() for code in mark.codes}
    claimed = {(name, claim, code) for name, g in GATES.items() for claim, codes in g.claims.items() for code in codes}
    assert sorted(claimed - proven) == [], 'mark a test: @pytest.mark.closes("gate", "claim", "code")'
    assert sorted(proven - claimed) == [], "write these claims in tests/claims.toml"
    claims, ways = sum(len(gate.claims) for gate in GATES.values()), len(claimed)
    figures = f"{claims} claims of {len(GATES)} gates: each, false alone, closes its gate with its code, in {ways} ways"
    record_property("figures", figures)
    assert figures in (PAGE.parent / "verified.md").read_text(encoding="utf-8")


def test_every_marked_test_names_the_codes_that_it_says_it_sees() -> None:
    for mark in marks():
        assert set(mark.codes) <= mark.says, mark.test
        assert mark.codes, mark.test


@pytest.mark.parametrize("module", sorted({module for gate in GATES.values() for module in gate.modules}))
def test_every_problem_that_a_gate_can_tell_belongs_to_a_claim(module: str) -> None:
    claimed = set().union(*(gate.codes for gate in GATES.values() if module in gate.modules))
    assert sorted(made(module) - claimed) == [], "claim it in tests/claims.toml, or list it as one of the work"


def test_every_code_is_in_the_catalogue() -> None:
    known = {row.code for row in ROWS}
    assert [code for g in GATES.values() for codes in g.claims.values() for code in codes if code not in known] == []


@pytest.mark.parametrize("place", ["minikube", "local"])
@pytest.mark.parametrize("broker", ["wheel", "redpanda"])
def test_every_gate_of_the_pipeline_has_claims(cluster_env: Env, place: str, broker: str) -> None:
    """And every claim is of a gate in the pipeline: found by the module in which a stage's `check` is written."""
    env = cluster_env
    env.place = place
    env.local.mkdir(parents=True, exist_ok=True)
    (env.local / "broker").write_text(broker)
    made = {(s.check.__module__.rpartition(".")[2], s.name) for s in pipeline.stages(env)}
    services = set(env.manifest.services)
    mine = {(module, "" if name in services else name) for module, name in made}
    told = {(gate.module, gate.stage) for gate in GATES.values() if place in gate.places}
    if place == "local":
        told -= {("broker" if broker == "redpanda" else "redpanda", "broker")}
    assert mine == told


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: .venv/bin/python -m tests.claims"
