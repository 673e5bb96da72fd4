"""The user's settings for pip, as secrets of a build."""

import csv
from pathlib import Path

from bootstrap.images import pip


def handed(environ: dict[str, str], folder: Path) -> dict[str, str]:
    """What each secret holds, as docker reads its arguments."""
    found = {}
    arguments = pip.secrets(environ, folder)
    assert arguments[::2] == ["--secret"] * (len(arguments) // 2)
    for fields in csv.reader(arguments[1::2]):
        told = dict(field.split("=", 1) for field in fields)
        found[told["id"]] = Path(told["src"]).read_text()
        assert Path(told["src"]).stat().st_mode & 0o077 == 0 or told["id"] == "ca.pem"
    return found


def test_index_and_certificates(tmp_path: Path) -> None:
    (tmp_path / "own, ca.pem").write_text("certificate")
    found = handed(
        {
            "HOME": str(tmp_path),
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": "https://user:word%40@index.example/simple",
            "PIP_CERT": str(tmp_path / "own, ca.pem"),
            "PIP_FIND_LINKS": "/opt/wheels https://wheels.example/",
        },
        tmp_path,
    )
    assert found["ca.pem"] == "certificate"
    assert "index-url = https://user:word%40@index.example/simple\n" in found["pip.conf"]
    assert "cert = /run/secrets/ca.pem\n" in found["pip.conf"]
    assert "find-links = https://wheels.example/\n" in found["pip.conf"]


def test_a_mirror_that_is_stated_for_uv_alone(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}
    found = handed({**environ, "UV_DEFAULT_INDEX": "https://mirror.example/simple"}, tmp_path)
    assert "index-url = https://mirror.example/simple" in found["pip.conf"]


def test_nothing_stated(tmp_path: Path) -> None:
    assert handed({"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", "PIP_CERT": "/nowhere.pem"}, tmp_path) == {}


def test_proxies_are_named_and_not_told() -> None:
    environ = {"HTTPS_PROXY": "http://user:word@proxy.example", "no_proxy": "localhost", "HTTP_PROXY": ""}
    assert pip.proxies(environ) == ["--build-arg", "HTTPS_PROXY", "--build-arg", "no_proxy"]
