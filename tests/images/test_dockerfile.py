"""Which line of a Dockerfile put a file into the image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.images import dockerfile

LOCAL_BIN = """\
# packages of root
FROM python:3.11-slim AS build
RUN pip install --user \\
    # what it needs
    --requirement requirements.txt

FROM python:3.11-slim
WORKDIR /app
COPY --from=build /root/.local /root/.local
COPY . .
RUN mkdir -p /data && chmod 700 /data
ENV PATH=/root/.local/bin:$PATH
USER 1000
CMD ["uvicorn", "main:app"]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/root/.local/bin/uvicorn", 9),
        ("/root/.local", 9),
        ("/app/main.py", 10),
        ("/data/x", 11),
        ("/root/.localized", 0),
        ("/usr/bin/python", 0),
    ],
)
def test_origin(path: str, line: int) -> None:
    assert dockerfile.origin(LOCAL_BIN, path) == line


def test_packages_of_root_without_a_copy() -> None:
    text = "FROM python\nRUN pip install --user uvicorn\nUSER 1000\n"
    assert dockerfile.origin(text, "/root/.local/bin/uvicorn") == 2


def test_the_line_of_a_step() -> None:
    assert dockerfile.naming(LOCAL_BIN, "mkdir -p /data && chmod 700 /data") == 11
    assert dockerfile.naming(LOCAL_BIN, "pip install --user     --requirement requirements.txt") == 3
    assert dockerfile.naming(LOCAL_BIN, "") == dockerfile.naming(LOCAL_BIN, "rm") == 0


def test_the_line_of_the_user() -> None:
    assert dockerfile.user(LOCAL_BIN) == 13
    assert dockerfile.user("FROM a\nUSER 1\nFROM b\nRUN x\n") == 3
    assert dockerfile.user("") == 0


@given(st.text(), st.text())
def test_any_text_is_read(text: str, path: str) -> None:
    lines = len(text.splitlines())
    assert 0 <= dockerfile.origin(text, f"/{path}") <= lines
    assert 0 <= dockerfile.user(text) <= lines
    assert all(1 <= each.line <= lines for each in dockerfile.instructions(text))
