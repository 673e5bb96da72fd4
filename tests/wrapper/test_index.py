"""uv gets the indexes, mirrors and certificates that the user has stated for pip."""

from pathlib import Path

import pytest

from bootstrap.tools.package_index import uv_environment

PIP_CONF = """\
[global]
index-url = https://mirror.example/simple
extra-index-url =
    https://a.example/simple
    https://b.example/simple
trusted-host = mirror.example
[install]
find_links = /wheels /more
"""


def of_uv(environ: dict[str, str], home: Path) -> dict[str, str]:
    found = uv_environment({"HOME": str(home)} | environ, home / "spare")
    return {name: value for name, value in found.items() if name.startswith(("UV_", "SSL_"))}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, {}),
        ({"PIP_INDEX_URL": "https://m/simple"}, {"UV_DEFAULT_INDEX": "https://m/simple"}),
        ({"PIP_FIND_LINKS": "/a /b"}, {"UV_FIND_LINKS": "/a,/b"}),
        ({"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/a"}, {"UV_OFFLINE": "1", "UV_FIND_LINKS": "/a"}),
        ({"PIP_CERT": "/ca.pem", "PIP_DEFAULT_TIMEOUT": "9"}, {"SSL_CERT_FILE": "/ca.pem", "UV_HTTP_TIMEOUT": "9"}),
        (
            {"PIP_EXTRA_INDEX_URL": "https://a/simple https://b/simple"},
            {"UV_INDEX": "https://a/simple https://b/simple", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
        (
            {"PIP_INDEX_URL": "https://m/simple", "UV_INDEX_URL": "https://u/simple"},
            {"UV_INDEX_URL": "https://u/simple"},
        ),
    ],
)
def test_variables(tmp_path: Path, environ: dict[str, str], wanted: dict[str, str]) -> None:
    assert of_uv({"PIP_CONFIG_FILE": "/dev/null"} | environ, tmp_path) == wanted


@pytest.mark.parametrize("place", [".config/pip/pip.conf", ".pip/pip.conf", "elsewhere.conf"])
def test_files(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PIP_CONF, encoding="utf-8")
    environ = {"PIP_CONFIG_FILE": str(file)} if place == "elsewhere.conf" else {}
    found = of_uv(environ | {"PIP_INDEX_URL": "https://before.example/simple"}, tmp_path)
    assert found["UV_DEFAULT_INDEX"] == "https://before.example/simple"
    assert found["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert found["UV_FIND_LINKS"] == "/wheels,/more"
    assert found["UV_INSECURE_HOST"] == "mirror.example"


@pytest.mark.parametrize("text", ["index-url = no section", "[global]\nindex-url: \xff%(x)s\n", "[global"])
def test_broken_file_is_left_to_pip(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pip.conf"
    file.write_bytes(text.encode("latin-1"))
    assert isinstance(of_uv({"PIP_CONFIG_FILE": str(file)}, tmp_path), dict)


def test_own_settings_of_uv_come_first(tmp_path: Path) -> None:
    (tmp_path / ".config/uv").mkdir(parents=True)
    (tmp_path / ".config/uv/uv.toml").touch()
    assert "UV_DEFAULT_INDEX" not in of_uv({"PIP_INDEX_URL": "https://m/simple"}, tmp_path)


def test_another_environment_is_left_behind(tmp_path: Path) -> None:
    found = uv_environment({"HOME": str(tmp_path), "VIRTUAL_ENV": "/v", "PYTHONPATH": "/p", "LANG": "C"}, tmp_path)
    assert found == {"HOME": str(tmp_path), "LANG": "C"} | {
        k: v for k, v in found.items() if k.startswith(("UV", "SSL"))
    }


def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    found = uv_environment({"HOME": "/dev/null"}, tmp_path)
    assert (found["UV_CACHE_DIR"], found["PIP_CACHE_DIR"]) == (str(tmp_path / "uv"), str(tmp_path / "pip"))
    chosen = uv_environment({"HOME": "/dev/null", "UV_CACHE_DIR": "/chosen"}, tmp_path)
    assert chosen["UV_CACHE_DIR"] == "/chosen"
