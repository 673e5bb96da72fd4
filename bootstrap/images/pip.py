"""The user's settings for pip, handed to a build as secrets: an index may hold a password, and no layer keeps these."""

import configparser
from collections.abc import Mapping
from pathlib import Path

from bootstrap.clients.command import listed
from bootstrap.tools import package_index

CA = "/run/secrets/ca.pem"  # where the Dockerfiles mount the certificates
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def secrets(environ: Mapping[str, str], folder: Path) -> list[str]:
    """Arguments for `docker build` with pip's index, mirrors and certificates. What must be written is in `folder`."""
    pip = package_index.pip_settings(environ)
    kept: dict[str, str] = {
        key: pip[key] for key in ("index-url", "extra-index-url", "trusted-host", "timeout") if key in pip
    }
    if mirror := environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL"):
        kept.setdefault("index-url", mirror)
    # A folder of this machine is not in the build; a page of links is.
    links = [link for link in pip.get("find-links", "").split() if "://" in link and not link.startswith("file:")]
    if links:
        kept["find-links"] = " ".join(links)
    arguments = []
    certificates = Path(pip.get("cert") or environ.get("SSL_CERT_FILE") or "").absolute()
    if certificates.is_file():
        kept["cert"] = CA
        arguments += ["--secret", listed("id=ca.pem", f"src={certificates}")]
    if kept:
        arguments += ["--secret", listed("id=pip.conf", f"src={_write(kept, folder / 'pip.conf')}")]
    return arguments


def _write(settings: Mapping[str, str], target: Path) -> Path:
    parser = configparser.RawConfigParser()
    parser["global"] = {key: " ".join(value.split()) for key, value in settings.items()}
    target.touch(mode=0o600)
    with target.open("w", encoding="utf-8") as file:
        parser.write(file)
    return target


def proxies(environ: Mapping[str, str]) -> list[str]:
    """Arguments that pass the user's proxies on. Docker knows these names and keeps them out of the history."""
    return [word for name in PROXIES if environ.get(name) for word in ("--build-arg", name)]
