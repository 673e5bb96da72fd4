"""The user's settings for pip, handed to a build as secrets: an index may hold a password, and no layer keeps these."""

import configparser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bootstrap import index

CA = "/run/secrets/ca.pem"  # where the Dockerfiles mount the certificates
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@contextmanager
def secrets(environ: Mapping[str, str]) -> Iterator[list[str]]:
    """Arguments for `docker build` with pip's index, mirrors and certificates. The files are gone afterwards."""
    pip = index.pip_settings(environ)
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
    with TemporaryDirectory(prefix="inv-build-") as folder:
        certificates = Path(pip.get("cert") or environ.get("SSL_CERT_FILE") or "")
        if certificates.is_file():
            kept["cert"] = CA
            arguments += ["--secret", f"id=ca.pem,src={_copy(certificates, Path(folder) / 'ca.pem')}"]
        if kept:
            arguments += ["--secret", f"id=pip.conf,src={_write(kept, Path(folder) / 'pip.conf')}"]
        yield arguments


def _copy(source: Path, target: Path) -> Path:
    # A path with a comma in it cannot be stated to docker; this one has none.
    with suppress(OSError):
        target.write_bytes(source.read_bytes())
    return target


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
