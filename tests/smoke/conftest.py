"""The smoke suite's tools: `app`, and stories that begin before the first test.

`inv up` and `inv verify` run the suite and tell it, in INV_URLS, the base URL of each service as JSON.
INV_SMOKE_DEADLINE, in seconds, gives a slow machine more time.
"""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.smoke.app import DEADLINE, App


def pytest_configure(config: pytest.Config) -> None:
    if "INV_URLS" not in os.environ:
        raise pytest.UsageError("The smoke tests need the running app's addresses: run them with ./inv verify.")
    config.addinivalue_line(
        "markers", "story(begin): begin(app) starts before the first test; the fixture `story` is its future"
    )
    # Told to end, the suite still deletes its tasks.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def app() -> Iterator[App]:
    """The running app."""
    with App(json.loads(os.environ["INV_URLS"]), float(os.environ.get("INV_SMOKE_DEADLINE", DEADLINE))) as app:
        yield app


@pytest.fixture(scope="session", autouse=True)
def _stories(app: App, request: pytest.FixtureRequest) -> "Iterator[dict[str, Future[Any]]]":
    # Most of a smoke test is waiting: those that take long do it side by side.
    marked = {item.nodeid: mark for item in request.session.items if (mark := item.get_closest_marker("story"))}
    with ThreadPoolExecutor(max_workers=max(1, len(marked))) as threads:
        try:
            yield {nodeid: threads.submit(mark.kwargs["begin"], app) for nodeid, mark in marked.items()}
        finally:
            app.stop()


@pytest.fixture
def story(request: pytest.FixtureRequest, _stories: "dict[str, Future[Any]]") -> "Future[Any]":
    """The test's story: `result()` waits for what it returns, and raises what it raises."""
    return _stories[request.node.nodeid]
