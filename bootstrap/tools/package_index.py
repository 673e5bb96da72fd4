"""The user's settings for package indexes, for uv. Standard library only: it is read before there is anything else.

uv has its own settings and ignores pip's. Where the user has stated an index, mirror, certificate or folder of wheels
for pip alone, uv gets the same.
"""

import configparser
import tempfile
from collections.abc import Mapping
from pathlib import Path

_OF_ANOTHER = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
_INDEXES = ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_OFFLINE")
_SETTINGS = ("index-url", "extra-index-url", "find-links", "trusted-host", "cert", "no-index", "timeout")


def uv_environment(environ: Mapping[str, str], cache: Path) -> dict[str, str]:
    """The environment for uv and pip. `cache`: folder for their caches when the home cannot be written."""
    result = {name: value for name, value in environ.items() if name not in _OF_ANOTHER}
    pip = pip_settings(environ)
    if not any(environ.get(name) for name in _INDEXES) and not _uv_is_configured(environ):
        result |= {name: value for name, value in _translated(pip) if value}
    if "cert" in pip:
        result.setdefault("SSL_CERT_FILE", pip["cert"])
    if "timeout" in pip:
        result.setdefault("UV_HTTP_TIMEOUT", pip["timeout"])
    if "trusted-host" in pip:
        result.setdefault("UV_INSECURE_HOST", " ".join(pip["trusted-host"].split()))
    for tool in ("uv", "pip"):
        variable = f"{tool.upper()}_CACHE_DIR"
        home_cache = Path(environ.get("XDG_CACHE_HOME") or _home(environ) / ".cache") / tool
        if variable not in environ and not _writable(home_cache):
            result[variable] = str(cache / tool)
    return result


def _translated(pip: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        ("UV_DEFAULT_INDEX", pip.get("index-url", "")),
        ("UV_INDEX", " ".join(pip.get("extra-index-url", "").split())),
        # pip takes the best of all indexes; uv, unless told, only looks at the first that has the package.
        ("UV_INDEX_STRATEGY", "unsafe-best-match" if "extra-index-url" in pip else ""),
        ("UV_FIND_LINKS", ",".join(pip.get("find-links", "").split())),
        ("UV_OFFLINE", "1" if pip.get("no-index", "").lower() in ("1", "true", "yes", "on") else ""),
    ]


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip would use: its files, the later ones before the earlier, then the variables."""
    found: dict[str, str] = {}
    home = _home(environ)
    files = [
        Path("/etc/pip.conf"),
        Path("/Library/Application Support/pip/pip.conf"),
        home / ".pip/pip.conf",
        home / "Library/Application Support/pip/pip.conf",
        Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf",
    ]
    if chosen := environ.get("PIP_CONFIG_FILE"):
        files = [*files, Path(chosen)] if chosen != "/dev/null" else []
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):  # pip itself will say so, if it is ever asked
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    variables = {name: environ.get(f"PIP_{name.upper().replace('-', '_')}", "") for name in _SETTINGS}
    variables["timeout"] = variables["timeout"] or environ.get("PIP_DEFAULT_TIMEOUT", "")
    found |= {name: value for name, value in variables.items() if value}
    return {name: found[name] for name in _SETTINGS if found.get(name)}


def _uv_is_configured(environ: Mapping[str, str]) -> bool:
    config = Path(environ.get("XDG_CONFIG_HOME") or _home(environ) / ".config")
    return "UV_CONFIG_FILE" in environ or any(
        _is_file(file) for file in (config / "uv/uv.toml", Path("/etc/uv/uv.toml"))
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or "/nonexistent")


def _writable(folder: Path) -> bool:
    """Whether files can be made there: asked by making one, as permissions alone do not tell."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
