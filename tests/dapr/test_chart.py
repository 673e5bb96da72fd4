"""Where Dapr's chart comes from: named, cached, or downloaded and held to its published digest."""

import errno
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.core.env import Env
from bootstrap.dapr import chart as dapr_chart
from bootstrap.problems.problem import ProblemsFound
from tests.dapr.conftest import VERSION, archive
from tests.tools.mirror import Mirror, mirror, sha256

INDEX = "https://dapr.github.io/helm-charts/index.yaml"
FILE = f"https://dapr.github.io/helm-charts/dapr-{VERSION}.tgz"


@pytest.fixture
def site() -> Iterator[Mirror]:
    with mirror() as found:
        yield found


@pytest.fixture
def env(env: Env, site: Mirror, tmp_path: Path) -> Env:
    """Without INV_DAPR_CHART, and with a cache and a mirror of its own."""
    env.environ = {
        "PATH": env.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "INV_MIRROR": site.address,
    }
    return env


def publish(site: Mirror, folder: Path, **other: str) -> bytes:
    """Publishes the chart of the pinned version; `other` is said of it instead."""
    content = archive(folder).read_bytes()
    entry = {"version": VERSION, "digest": sha256(content), "urls": [FILE]} | other
    site.put(yaml.safe_dump({"entries": {"dapr": [entry, {**entry, "version": "1.17.9"}]}}).encode(), INDEX)
    site.put(content, FILE)
    return content


def code(env: Env) -> str:
    with pytest.raises(ProblemsFound) as failed:
        dapr_chart.find(env)
    [problem] = failed.value.problems
    assert "{" not in problem.cause + problem.remedy
    return problem.code


def test_it_is_downloaded_once(env: Env, site: Mirror, tmp_path: Path) -> None:
    content = publish(site, tmp_path)
    found = dapr_chart.find(env)
    assert found == dapr_chart.place(env)
    assert found.read_bytes() == content
    site.files.clear()
    env.environ = {**env.environ, "INV_OFFLINE": "1"}
    assert dapr_chart.find(env) == found


def test_an_archive_that_is_not_the_published_one_is_refused(env: Env, site: Mirror, tmp_path: Path) -> None:
    publish(site, tmp_path, digest="0" * 64)
    assert code(env) == "download-corrupt"
    assert not dapr_chart.place(env).exists()


def test_a_version_that_does_not_exist_is_named_with_those_that_do(env: Env, site: Mirror, tmp_path: Path) -> None:
    publish(site, tmp_path, version="1.18.0")
    assert code(env) == "dapr-version-unknown"


@pytest.mark.parametrize("text", ["<html>Sign in</html>", "entries: {}", "entries: {dapr: [1]}", "a: : b", ""])
def test_a_page_in_the_place_of_the_index_is_told(env: Env, site: Mirror, text: str) -> None:
    site.put(text.encode(), INDEX)
    assert code(env) == "dapr-index-unusable"


def test_offline_without_it_is_told(env: Env) -> None:
    env.environ = {**env.environ, "INV_OFFLINE": "1"}
    assert code(env) == "download-offline"


def test_a_named_archive_is_taken_without_the_network(env: Env, tmp_path: Path) -> None:
    env.environ = {**env.environ, "INV_OFFLINE": "1", "INV_DAPR_CHART": str(tmp_path / "none.tgz")}
    assert code(env) == "dapr-chart-missing"
    env.environ = {**env.environ, "INV_DAPR_CHART": str(archive(tmp_path))}
    assert dapr_chart.find(env) == tmp_path / f"dapr-{VERSION}.tgz"


def test_definitions_name_the_namespace_of_the_webhook_and_nothing_that_the_operator_writes(
    env: Env, tmp_path: Path
) -> None:
    chart = dapr_chart.unpack(env, archive(tmp_path), tmp_path / "out")
    found = {document["spec"]["names"]["kind"]: document for document in dapr_chart.crds(chart, "dapr-system")}
    client = found["Subscription"]["spec"]["conversion"]["webhook"]["clientConfig"]
    assert client["service"]["namespace"] == "dapr-system"
    assert "caBundle" not in client
    assert "conversion" not in found["Component"]["spec"]


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00cut"])
def test_an_archive_that_cannot_be_read_is_named(env: Env, tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.tgz"
    broken.write_bytes(content)
    with pytest.raises(ProblemsFound) as failed:
        dapr_chart.unpack(env, broken, tmp_path / "out")
    assert failed.value.problems[0].code == "dapr-chart-unusable"
    assert str(broken) in failed.value.problems[0].summary


def test_an_archive_of_another_version_is_named(env: Env, tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound) as failed:
        dapr_chart.unpack(env, archive(tmp_path, version="1.17.9"), tmp_path / "out")
    assert "1.17.9, and environment.toml pins 1.18.1" in failed.value.problems[0].summary


def test_an_archive_writes_nowhere_else(env: Env, tmp_path: Path) -> None:
    evil = archive(tmp_path, more={"../../escaped": "x"})
    with pytest.raises(ProblemsFound) as failed:
        dapr_chart.unpack(env, evil, tmp_path / "deep" / "out")
    assert failed.value.problems[0].code == "dapr-chart-unusable"
    assert not (tmp_path / "escaped").exists()


def refusal(env: Env, file: Path, into: Path) -> str | None:
    """The code of the problem for which the archive is refused; None for one that is unpacked."""
    try:
        dapr_chart.unpack(env, file, into)
    except ProblemsFound as failed:
        return failed.problems[0].code
    return None


def with_entry(folder: Path, name: str, kind: bytes, link: str = "", content: bytes = b"") -> Path:
    """A good archive and after it one entry more, of any kind."""
    target = folder / "with-entry.tar"
    with tarfile.open(archive(folder)) as good, tarfile.open(target, "w") as packed:
        for member in good:
            packed.addfile(member, good.extractfile(member))
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.size = kind, link, len(content)
        packed.addfile(entry, io.BytesIO(content))
    return target


@pytest.mark.parametrize("name", ["../escaped", "dapr/../../escaped", "/escaped", "dapr/templates/../../../escaped"])
def test_a_path_that_leads_out_is_refused(env: Env, tmp_path: Path, name: str) -> None:
    shown = name if not name.startswith("/") else f"{tmp_path}/escaped"
    evil = with_entry(tmp_path, shown, tarfile.REGTYPE, content=b"x")
    with pytest.raises(ProblemsFound) as failed:
        dapr_chart.unpack(env, evil, tmp_path / "deep" / "out")
    [problem] = failed.value.problems
    assert problem.code == "dapr-chart-unusable"
    assert "is not a path below the chart" in problem.evidence
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "Chart.yaml"),
        (tarfile.LNKTYPE, "../../escaped"),
        (tarfile.LNKTYPE, "dapr/Chart.yaml"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_links_and_devices_are_refused(env: Env, tmp_path: Path, kind: bytes, link: str) -> None:
    evil = with_entry(tmp_path, "dapr/other", kind, link)
    with pytest.raises(ProblemsFound) as failed:
        dapr_chart.unpack(env, evil, tmp_path / "out")
    [problem] = failed.value.problems
    assert problem.code == "dapr-chart-unusable"
    assert "is neither a file nor a folder" in problem.evidence
    assert not (tmp_path / "out" / "dapr" / "other").is_symlink()


@pytest.mark.parametrize("text", ["[]", "", "a: : b", "name: dapr", "\x00"])
def test_a_chart_that_states_no_version_is_named(env: Env, tmp_path: Path, text: str) -> None:
    broken = archive(tmp_path, more={"dapr/Chart.yaml": text})
    with pytest.raises(ProblemsFound) as failed:
        dapr_chart.unpack(env, broken, tmp_path / "out")
    assert failed.value.problems[0].code == "dapr-chart-unusable"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.data())
def test_whatever_happened_to_an_archive_it_is_unpacked_or_named(env: Env, tmp_path: Path, data: st.DataObject) -> None:
    good = archive(tmp_path)
    with tarfile.open(good) as packed, tarfile.open(tmp_path / "plain.tar", "w", format=tarfile.PAX_FORMAT) as plain:
        for member in packed:
            member.pax_headers = {"comment": "x" * 8}
            plain.addfile(member, packed.extractfile(member))
    content = bytearray((tmp_path / data.draw(st.sampled_from([good.name, "plain.tar"]))).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    mangled = tmp_path / "mangled.tgz"
    mangled.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with env.scratch() as scratch:
        said = refusal(env, mangled, scratch)
    assert said in (None, "dapr-chart-unusable")


def test_a_full_disk_says_nothing_about_the_archive(env: Env, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        return  # Linux alone has it
    (tmp_path / "out" / "dapr" / "crds").mkdir(parents=True)
    (tmp_path / "out" / "dapr" / "crds" / "all.yaml").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as full:
        dapr_chart.unpack(env, archive(tmp_path), tmp_path / "out")
    assert full.value.errno == errno.ENOSPC


@pytest.mark.parametrize("without", ["urls", "digest"])
def test_an_index_that_does_not_say_where_the_chart_is(env: Env, site: Mirror, without: str) -> None:
    entry = {"version": VERSION, "digest": "0" * 64, "urls": [FILE]}
    del entry[without]
    site.put(yaml.safe_dump({"entries": {"dapr": [entry]}}).encode(), INDEX)
    assert code(env) == "dapr-index-unusable"
