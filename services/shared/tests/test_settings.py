from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskapp.settings import Settings, http_url, origins, port_number, variable

GOOD = {"PORT": "8081", "APP_ID": "x", "VERSION": "abc"}


@dataclass(frozen=True, kw_only=True)
class Own(Settings):
    page: str = variable("PAGE_URL", http_url)
    allowed: tuple[str, ...] = variable("ALLOWED_ORIGINS", origins, default=())


def test_defaults() -> None:
    settings = Settings.from_env(GOOD)
    assert (settings.host, settings.port, settings.log_level) == ("127.0.0.1", 8081, "INFO")
    assert (settings.dapr_http_port, settings.dapr_grpc_port) == (None, None)


def test_a_service_adds_its_own() -> None:
    env = {**GOOD, "PAGE_URL": "http://127.0.0.1:8080/", "ALLOWED_ORIGINS": "http://a:1, https://b,"}
    settings = Own.from_env({**env, "DAPR_HTTP_PORT": "3500", "DAPR_GRPC_PORT": "50001", "LOG_LEVEL": "debug"})
    assert settings.page == "http://127.0.0.1:8080"
    assert settings.allowed == ("http://a:1", "https://b")
    assert (settings.dapr_http_port, settings.dapr_grpc_port, settings.log_level) == (3500, 50001, "DEBUG")


def test_every_error_at_once_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        Own.from_env({"APP_ID": "shop", "PORT": "80800", "LOG_LEVEL": "loud", "ALLOWED_ORIGINS": "*"})
    assert exit_.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "shop: PORT must be a port between 1 and 65535, but is '80800'",
        "shop: VERSION is not set",
        "shop: LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, but is 'loud'",
        "shop: PAGE_URL is not set",
        "shop: ALLOWED_ORIGINS must list exact origins such as http://127.0.0.1:8080, but has '*'",
    ]


def test_one_dapr_port_alone_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Settings.from_env({**GOOD, "DAPR_HTTP_PORT": "3500"})
    assert "must be set together" in capsys.readouterr().err


@given(st.text() | st.text("htps:/[]*,1").map("http://".__add__))
@example("http://[")
def test_no_text_breaks_a_parser(value: str) -> None:
    for parse in (port_number, http_url, origins):
        try:
            parse(value)
        except ValueError as error:
            assert str(error).startswith("must ")  # noqa: PT017 - it may or may not raise
