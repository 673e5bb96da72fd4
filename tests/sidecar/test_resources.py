"""What each app may see, from the manifest of this repository to what its sidecar reads."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bootstrap.dapr import daprd
from bootstrap.dapr import resources as dapr
from bootstrap.local.sidecar import resources
from bootstrap.manifest import Manifest, load

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "infrastructure" / "dapr"


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return load(ROOT / "environment.toml")


def write(manifest: Manifest, target: Path) -> dict[str, Path]:
    return dapr.write_local(manifest, STATIC, target, "127.0.0.1:9092", target / "state.db")


def test_every_app_reads_what_the_manifest_says(manifest: Manifest, tmp_path: Path) -> None:
    for name, folder in write(manifest, tmp_path).items():
        service = manifest.services[name]
        assert service.app_id
        known = resources.load(folder, service.app_id)
        assert {s.topic: s.dead_letter for s in known.subscriptions} == {
            topic: manifest.topics[topic].dead_letter or "" for topic in service.subscribes
        }
        assert (known.statestore is not None) == service.state
        if known.pubsub is None:
            continue
        dead = {manifest.topics[topic].dead_letter for topic in service.subscribes}
        for topic in (*manifest.topics, "unheard-of"):
            assert known.may("publishingScopes", topic) == (topic in service.publishes or topic in dead)
            assert known.may("subscriptionScopes", topic) == (topic in service.subscribes)
        assert known.pubsub.metadata["brokers"] == "127.0.0.1:9092"
        assert known.pubsub.metadata["consumerGroup"] == service.app_id
        assert known.inbound.retry.times > 0
        assert known.invoking.timeout


def test_writing_again_changes_nothing_and_forgets_what_is_gone(manifest: Manifest, tmp_path: Path) -> None:
    folders = write(manifest, tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.yaml")}
    folder = next(iter(folders.values()))
    (folder / "subscription-old.yaml").write_text("kind: Subscription\n")
    write(manifest, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.yaml")} == stamps
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def test_a_cluster_gets_each_document_once_with_its_scopes(manifest: Manifest) -> None:
    documents = dapr.resources(manifest, STATIC)
    names = [(d["kind"], d["metadata"]["name"]) for d in documents]
    assert len(names) == len(set(names))
    assert {d["metadata"]["namespace"] for d in documents} == {manifest.namespace}
    states = [service.app_id for service in manifest.services.values() if service.state]
    (store,) = [d for d in documents if d["metadata"]["name"] == "statestore"]
    assert store["scopes"] == states
    (connection,) = [f for f in store["spec"]["metadata"] if f["name"] == "connectionString"]
    assert "value" not in connection


def test_the_real_sidecar_is_found(tmp_path: Path) -> None:
    own = tmp_path / ".dapr" / "bin" / "daprd"
    own.parent.mkdir(parents=True)
    assert daprd.find({"PATH": "", "HOME": str(tmp_path)}) is None
    own.write_text("")
    own.chmod(0o755)
    assert daprd.find({"PATH": "", "HOME": str(tmp_path)}) == own
    assert daprd.find({"PATH": str(own.parent)}) == own
    assert daprd.find({"PATH": str(own.parent), "DAPRD": ""}) is None
    assert daprd.find({"PATH": "", "DAPRD": str(tmp_path / "none")}) is None


def test_the_real_sidecar_is_told_to_stay_on_loopback() -> None:
    argv = daprd.argv(
        Path("daprd"), app_id="a", app_port=1, http_port=2, grpc_port=3, internal_port=4, resources=Path("r")
    )
    assert argv[argv.index("--dapr-listen-addresses") + 1] == "127.0.0.1"
    assert argv[argv.index("--dapr-internal-grpc-listen-address") + 1] == "127.0.0.1"
    assert "--enable-metrics=false" in argv


def test_no_two_sidecars_meet_over_the_making_of_a_file(manifest: Manifest, tmp_path: Path) -> None:
    write(manifest, tmp_path)
    for path in (dapr.names(tmp_path), tmp_path / "state.db"):
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
