"""What a user types after `./inv`, as it is taken apart."""

import pytest
from invoke.collection import Collection
from invoke.parser import Parser

import tasks


@pytest.mark.parametrize(("typed", "service"), [("open audit-service", "audit-service"), ("logs broker -f", "broker")])
def test_the_name_of_a_service_needs_no_flag(typed: str, service: str) -> None:
    contexts = Collection.from_module(tasks).to_contexts()
    (parsed,) = Parser(contexts=contexts).parse_argv(typed.split())
    assert parsed.args["service"].value == service
