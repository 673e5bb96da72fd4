"""Downloads: whole, checked, gone on with after every kind of cut, and every failure by its name."""

import errno
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.clients.command import Cancelled
from bootstrap.core.env import Env
from bootstrap.problems.problem import Problem, ProblemsFound
from bootstrap.tools import downloads
from tests.tools.mirror import URL, Mirror, env_with, mirror, sha256

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def there() -> Iterator[Mirror]:
    with mirror() as found:
        found.put(CONTENT)
        yield found


@pytest.fixture
def env(there: Mirror, tmp_path: Path) -> Env:
    return env_with(there, tmp_path)


def fetch(env: Env, content: bytes = CONTENT) -> Path:
    return downloads.fetch(env, URL, sha256(content), Path("tools/tool"), what="the tool")


def refused(env: Env) -> Problem:
    with pytest.raises(ProblemsFound) as failed:
        fetch(env)
    [problem] = failed.value.problems
    assert "{" not in problem.cause + problem.remedy, "a placeholder stays open"
    return problem


def left(env: Env) -> list[str]:
    """What lies in the cache, without locks."""
    folder = downloads.cache(env) / "tools"
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_it_lies_in_the_cache_and_is_downloaded_once(env: Env, there: Mirror) -> None:
    said: list[str] = []
    env.notify = said.append
    path = fetch(env)
    assert path == Path(env.environ["XDG_CACHE_HOME"]) / "inv" / "tools" / "tool"
    assert path.read_bytes() == CONTENT
    assert fetch(env) == path
    assert len(there.asked) == 1
    assert left(env) == ["tool"]
    assert len(said) == 1
    assert said[0].startswith("downloading the tool: ")


def test_other_contents_in_the_cache_are_replaced(env: Env) -> None:
    fetch(env).write_bytes(CONTENT[:-1])
    assert fetch(env).read_bytes() == CONTENT


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5000), max_size=6))
def test_wherever_it_is_cut_it_goes_on_from_there(cuts: list[int]) -> None:
    with mirror() as there, tempfile.TemporaryDirectory() as folder:
        there.put(CONTENT)
        there.cuts = [*cuts]
        env = env_with(there, Path(folder))
        assert fetch(env).read_bytes() == CONTENT
        assert there.sent == len(CONTENT), "no byte comes twice"
        assert left(env) == ["tool"]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, len(CONTENT)), st.sampled_from(["yes", "no", "wrong"]))
def test_what_a_killed_run_left_is_gone_on_with_whatever_the_server_makes_of_it(at: int, ranges: str) -> None:
    with mirror() as there, tempfile.TemporaryDirectory() as folder:
        there.put(CONTENT)
        there.ranges = ranges
        env = env_with(there, Path(folder))
        part(env, CONTENT).write_bytes(CONTENT[:at])
        assert fetch(env).read_bytes() == CONTENT
        assert left(env) == ["tool"]
        if at == len(CONTENT):
            assert not there.asked, "it was killed just before its end"


def part(env: Env, content: bytes) -> Path:
    path = downloads.cache(env) / "tools" / f".tool.{sha256(content)[:16]}.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.mark.parametrize("garbage", [b"x" * 100, b"x" * (len(CONTENT) + 1)], ids=["shorter", "longer"])
def test_a_part_of_another_file_is_thrown_away(env: Env, garbage: bytes) -> None:
    part(env, CONTENT).write_bytes(garbage)
    assert fetch(env).read_bytes() == CONTENT


def test_a_file_that_is_not_the_published_one_is_deleted(env: Env, there: Mirror) -> None:
    there.put(b"something else")
    found = refused(env)
    assert (found.code, found.final) == ("download-corrupt", True)
    assert sha256(CONTENT) in found.evidence
    assert sha256(b"something else") in found.evidence
    assert left(env) == []


@pytest.mark.parametrize(
    ("status", "code", "final", "asked"),
    [
        (404, "download-not-found", True, 1),
        (403, "download-failed", True, 1),
        (407, "download-proxy", True, 1),
        (503, "download-failed", False, 3),
    ],
)
def test_a_refusal(env: Env, there: Mirror, status: int, code: str, final: bool, asked: int) -> None:
    there.status = status
    found = refused(env)
    assert (found.code, found.final) == (code, final)
    assert str(status) in found.evidence
    assert len(there.asked) == asked


def test_a_server_that_never_gets_further_is_given_up_and_what_came_is_kept(env: Env, there: Mirror) -> None:
    there.cuts = [1000, 0, 0, 0]
    assert refused(env).code == "download-failed"
    assert part(env, CONTENT).read_bytes() == CONTENT[:1000]
    assert fetch(env).read_bytes() == CONTENT
    assert there.asked[-1][1] == "bytes=1000-"


def test_nobody_listens(env: Env) -> None:
    with mirror() as gone:
        pass
    env.environ = {**env.environ, "INV_MIRROR": gone.address}
    found = refused(env)
    assert (found.code, found.final) == ("download-unreachable", False)
    assert "refused" in found.evidence
    env.environ = {**env.environ, "http_proxy": gone.address}
    assert refused(env).code == "download-proxy"


def test_a_proxy_of_the_environment_is_used_unless_no_proxy_has_the_host(env: Env, there: Mirror) -> None:
    mine = {"INV_MIRROR": "http://mirror.example", "http_proxy": there.address}
    there.files["/mirror.example/files.example/releases/tool"] = CONTENT
    env.environ = {**env.environ, **mine, "NO_PROXY": "other.example, 10.0.0.0/8"}
    assert fetch(env).read_bytes() == CONTENT
    env.environ = {**env.environ, **mine, "http_proxy": "socks9://nowhere"}
    fetch(env).unlink()
    found = refused(env)
    assert (found.code, found.final) == ("download-proxy", True)
    # Not through the proxy: straight to the mirror of this machine.
    env.environ = {**env.environ, "INV_MIRROR": there.address, "NO_PROXY": "127.0.0.1"}
    assert fetch(env).read_bytes() == CONTENT


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=own", "-days", "2"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")]
    subprocess.run(made, check=True, capture_output=True)
    own.write_text((tmp_path / "key").read_text() + (tmp_path / "cert").read_text())
    with mirror(own) as there:
        there.put(CONTENT)
        env = env_with(there, tmp_path)
        found = refused(env)
        assert (found.code, found.final) == ("download-certificate", True)
        env.environ = {**env.environ, "SSL_CERT_FILE": str(tmp_path / "gone")}
        assert refused(env).code == "download-certificate"
        env.environ = {**env.environ, "SSL_CERT_FILE": str(tmp_path / "cert")}
        assert fetch(env).read_bytes() == CONTENT


def test_offline_only_what_is_in_the_cache(env: Env, there: Mirror) -> None:
    env.environ = {**env.environ, "INV_OFFLINE": "1"}
    found = refused(env)
    assert (found.code, found.final) == ("download-offline", True)
    with pytest.raises(ProblemsFound):
        downloads.text(env, URL, "the list")
    assert not there.asked
    env.environ = {**env.environ, "INV_OFFLINE": ""}
    fetch(env)
    env.environ = {**env.environ, "INV_OFFLINE": "1"}
    assert fetch(env).read_bytes() == CONTENT


def test_two_at_once_download_once(env: Env, there: Mirror) -> None:
    there.before.clear()
    waits = threading.Event()
    env.notify = lambda text: waits.set() if "another inv" in text else None
    threads = [threading.Thread(target=fetch, args=(env,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert waits.wait(10)
    there.before.set()
    for thread in threads:
        thread.join()
    assert len(there.asked) == 1
    assert fetch(env).read_bytes() == CONTENT


def test_a_run_that_ends_leaves_what_came(env: Env, there: Mirror) -> None:
    env.cancelled.set()
    with pytest.raises(Cancelled):
        fetch(env)
    with downloads.locked(env, downloads.cache(env) / "tools" / "tool", "x"), pytest.raises(Cancelled):
        fetch(env)
    env.cancelled.clear()
    assert fetch(env).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(env: Env) -> None:
    Path(env.environ["XDG_CACHE_HOME"]).write_text("in the way")
    found = refused(env)
    assert (found.code, found.final) == ("cache-not-writable", True)
    full = downloads.not_writable(env, OSError(errno.ENOSPC, "No space left on device", "tool"))
    assert (full.code, full.final) == ("disk-full", True)


def test_a_login_in_the_mirror_s_address_is_not_shown(env: Env, there: Mirror) -> None:
    env.environ = {**env.environ, "INV_MIRROR": there.address.replace("://", "://me:secret@")}
    assert fetch(env).read_bytes() == CONTENT
    there.status = 404
    fetch(env).unlink()
    assert "secret" not in str(vars(refused(env)))


def test_small_texts(env: Env, there: Mirror) -> None:
    there.put("é: 1\n".encode())
    assert downloads.text(env, URL, "the list") == "é: 1\n"
    there.put(b"x" * (downloads.LARGEST_TEXT_BYTES + 1))
    with pytest.raises(ProblemsFound) as failed:
        downloads.text(env, URL, "the list")
    assert failed.value.problems[0].code == "download-failed"


def test_the_cache_is_the_user_s(env: Env) -> None:
    home = Path(env.environ["HOME"])
    for named in ("", "relative"):
        env.environ = {**env.environ, "XDG_CACHE_HOME": named}
        assert downloads.cache(env) in (home / ".cache" / "inv", home / "Library" / "Caches" / "inv")
