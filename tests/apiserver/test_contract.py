"""The double, and a real API server where one is at hand, answer as the real one was recorded to."""

import http.client
import json
import os
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.apiserver import ApiServer
from tests.apiserver.contract import RECORDED, STEPS, Step, played, within
from tests.apiserver.real import RealServer, send

ANSWERS = {answer["step"]: answer for answer in (json.loads(path.read_text()) for path in RECORDED.glob("*.json"))}


class Double(ApiServer):
    """The double, asked as the real one is."""

    def __enter__(self) -> "Double":
        return self

    def send(self, step: Step) -> tuple[int, Any]:
        return send(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10), step, {})


SERVERS = [Double, *([RealServer] if os.environ.get("KUBEBUILDER_ASSETS") else [])]


@pytest.mark.parametrize("server", SERVERS)
def test_it_answers_as_recorded(server: type[AbstractContextManager[Any]]) -> None:
    with server() as api:
        differences = {
            name: [code, *found]
            for name, code, body in played(api.send)
            if (found := within(body, ANSWERS[name]["body"])) or code != ANSWERS[name]["code"]
        }
    assert differences == {}


def test_every_step_is_recorded() -> None:
    assert ANSWERS.keys() == {step.name for step in STEPS}
