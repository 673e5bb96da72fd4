"""What counts as changed in the cluster, and what does not."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.helm.drift import differences

STATED: dict[str, Any] = {
    "replicas": 1,
    "paused": False,
    "template": {
        "containers": [
            {"name": "app", "image": "a:1", "cpu": "0.5", "args": ["--x", "1"], "env": [{"name": "A", "value": "1"}]}
        ]
    },
}
LIVE: dict[str, Any] = {
    "replicas": 1,
    "strategy": {"type": "RollingUpdate"},
    "template": {
        "containers": [
            {"name": "first", "image": "b:1"},
            {
                "name": "app",
                "image": "a:1",
                "cpu": "500m",
                "args": ["--x", "1"],
                "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
                "terminationMessagePath": "/dev/termination-log",
            },
        ]
    },
}


def test_what_the_api_adds_leaves_out_and_writes_otherwise_is_no_difference() -> None:
    assert list(differences(STATED, LIVE, "spec")) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("replicas",), 0, "spec.replicas"),
        (("paused",), True, "spec.paused"),
        (("template", "containers", 1, "image"), "a:2", "spec.template.containers[0].image"),
        (("template", "containers", 1, "cpu"), "600m", "spec.template.containers[0].cpu"),
        (("template", "containers", 1, "args"), ["--x"], "spec.template.containers[0].args[1]"),
        (("template", "containers", 1, "env"), [], "spec.template.containers[0].env[0]"),
        (("template", "containers"), None, "spec.template.containers"),
    ],
)
def test_a_changed_field_is_named(path: tuple[Any, ...], value: object, said: str) -> None:
    live: Any = deepcopy(LIVE)
    at = live
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    assert list(differences(STATED, live, "spec")) == [said]


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_nothing_differs_from_itself(document: object) -> None:
    assert list(differences(document, deepcopy(document), "spec")) == []
