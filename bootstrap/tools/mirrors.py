"""Where downloads come from and go to (a mirror, a proxy, the cache), and why one failed."""

import ssl
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import ProblemsFound

if TYPE_CHECKING:
    import httpx

    from bootstrap.core.env import Env

MIRROR, OFFLINE = "INV_MIRROR", "INV_OFFLINE"
CONNECT_TIMEOUT_S, SILENCE_TIMEOUT_S = 10.0, 30.0  # seconds: to connect, and without a byte


class NotPartial(Exception):
    """The server's answer does not continue what is here."""


def cache(env: "Env") -> Path:
    """The per-user cache folder: XDG_CACHE_HOME/inv, ~/.cache/inv, or ~/Library/Caches/inv on macOS."""
    home = Path(env.environ.get("HOME") or Path.home())
    named = env.environ.get("XDG_CACHE_HOME", "")
    if Path(named).is_absolute():  # a relative one is invalid and ignored, by the XDG specification
        return Path(named) / "inv"
    return (home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache") / "inv"


def mirrored(env: "Env", url: str) -> str:
    """Where `url` is really taken from: with INV_MIRROR=BASE, https://HOST/PATH is BASE/HOST/PATH."""
    base = env.environ.get(MIRROR, "").rstrip("/")
    return f"{base}/{url.partition('://')[2]}" if base else url


def shown(env: "Env", url: str) -> str:
    """`mirrored`, without the name and password that it may carry."""
    at = urlsplit(mirrored(env, url))
    return at._replace(netloc=at.netloc.rpartition("@")[2]).geturl()


def proxy_of(environ: Mapping[str, str], url: SplitResult) -> str | None:
    """The proxy that the environment names for that address, unless NO_PROXY has its host."""

    def named(variable: str) -> str:
        return environ.get(variable) or environ.get(variable.upper()) or ""

    for each in named("no_proxy").split(","):
        domain = each.strip().lower().partition(":")[0].lstrip("*.") or each.strip()
        if domain == "*" or (domain and f".{url.hostname}".endswith(f".{domain}")):
            return None
    return named(f"{url.scheme}_proxy") or named("all_proxy") or None


def is_offline(env: "Env") -> bool:
    """Whether INV_OFFLINE says to do without the network."""
    return env.environ.get(OFFLINE, "") not in ("", "0")


def online(env: "Env", url: str, what: str) -> None:
    """Raises `ProblemsFound` (`download-offline`) where this machine is to do without the network."""
    if is_offline(env):
        summary = f"{what} is not in the cache, and {OFFLINE} is set."
        raise ProblemsFound(problem("download-offline", summary, url=url, cache=cache(env), final=True))


def client_of(env: "Env", url: str) -> "httpx.Client":
    """TLS verified by the system's certificates and Mozilla's; the proxy is the one of `env.environ`."""
    import httpx

    own = env.environ.get("SSL_CERT_FILE")
    try:
        trusted = httpx.create_ssl_context(trust_env=False)
        trusted.load_default_certs()
        if own:
            trusted.load_verify_locations(own)
    except OSError as error:
        raise finding("download-certificate", env, url, f"SSL_CERT_FILE={own} cannot be used.", str(error)) from error
    proxy = proxy_of(env.environ, urlsplit(mirrored(env, url)))
    try:
        return httpx.Client(
            proxy=proxy,
            trust_env=False,
            verify=trusted,
            follow_redirects=True,
            timeout=httpx.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            # The bytes of the file as they are published, not packed once more on the way.
            headers={"accept-encoding": "identity", "user-agent": "inv"},
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise finding("download-proxy", env, url, "The proxy of the environment cannot be used.", str(error)) from error


def finding(code: str, env: "Env", url: str, summary: str, words: str, final: bool = True) -> ProblemsFound:
    """The problem of that code about the download of `url`."""
    return ProblemsFound(problem(code, summary, evidence=words, final=final, **_facts(env, url)))


def refusals() -> tuple[type[Exception], ...]:
    """What a download raises when it cannot be had, whatever stands between."""
    import httpx

    return httpx.HTTPError, httpx.InvalidURL, NotPartial


def explain(env: "Env", url: str, what: str, error: Exception) -> ProblemsFound:
    """The failure that `error`, one of `refusals`, of a download is."""
    import httpx

    facts, causes = _facts(env, url), list(_chain(error))
    words = "\n".join(dict.fromkeys((f"GET {facts['url']}", *(str(each) or type(each).__name__ for each in causes))))
    words = words.replace(mirrored(env, url), facts["url"])
    about = (env, url, f"{what} cannot be downloaded from {facts['host']}.", words)
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else 0
    if status in (404, 410):
        return finding("download-not-found", *about)
    if status == 407 or isinstance(error, httpx.ProxyError):
        return finding("download-proxy", *about)
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        return finding("download-certificate", *about)
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        if facts["proxy"]:
            return finding("download-proxy", *about, final=False)
        return finding("download-unreachable", *about, final=False)
    refused = 400 <= status < 500 and status not in (408, 429)
    hopeless = isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects))
    return finding("download-failed", *about, final=refused or hopeless)


def _facts(env: "Env", url: str) -> dict[str, str]:
    at = urlsplit(mirrored(env, url))
    proxy = proxy_of(env.environ, at) or ""
    return {"url": shown(env, url), "host": at.hostname or shown(env, url), "proxy": proxy.rpartition("@")[2]}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
