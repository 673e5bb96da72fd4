"""What a cluster gets from the manifest: who may invoke whom, and what makes pods start anew."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.dapr import resources as dapr
from bootstrap.manifest import Manifest
from tests.doubles import MANIFEST

STATIC = Path(__file__).resolve().parents[2] / "infrastructure" / "dapr"
TOPICS = ("orders", "orders-dead")
names = st.sampled_from(["one", "two", "three", "four"])


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Manifests of one to four services that invoke, publish and subscribe as it comes."""
    table: dict[str, Any] = tomllib.loads(MANIFEST)
    services = draw(st.lists(names, min_size=1, unique=True))
    sidecars = {name for name in services if draw(st.booleans())}
    table["services"] = {
        name: {"path": f"services/{name}", "port": 21710 + number}
        | (
            {
                "app_id": f"app-{name}",
                "state": draw(st.booleans()),
                "publishes": draw(st.lists(st.sampled_from(TOPICS), unique=True)),
                "subscribes": draw(st.sampled_from([[], ["orders"]])),
                "invokes": sorted(draw(st.sets(st.sampled_from(sorted(sidecars))))),
            }
            if name in sidecars
            else {}
        )
        for number, name in enumerate(services)
    }
    return Manifest.model_validate(table)


@given(manifests())
def test_who_may_invoke_whom_is_what_the_manifest_says_and_no_more(manifest: Manifest) -> None:
    apps = {service.app_id: name for name, service in manifest.services.items() if service.app_id}
    for app, name in apps.items():
        read = dapr.seen_by(dapr.resources(manifest, STATIC), app)
        [configuration] = [document for document in read if document["kind"] == "Configuration"]
        control = configuration["spec"]["accessControl"]
        callers = {policy["appId"] for policy in control["policies"]}
        assert configuration["metadata"]["name"] == app
        assert control["defaultAction"] == "deny"
        assert callers == {caller for caller, other in apps.items() if name in manifest.services[other].invokes}
        for policy in control["policies"]:
            assert policy["defaultAction"] == "allow"
            # Dapr ends with an error where one of the two is missing.
            assert (policy["namespace"], policy["trustDomain"]) == (manifest.namespace, control["trustDomain"])


@given(manifests())
def test_a_sidecar_reads_its_own_documents_alone(manifest: Manifest) -> None:
    documents = dapr.resources(manifest, STATIC)
    assert len({(d["kind"], d["metadata"]["name"]) for d in documents}) == len(documents)
    # To Dapr, a component without scopes is everybody's.
    assert all(d["scopes"] for d in documents if d["kind"] == "Component")
    for service in (service for service in manifest.services.values() if service.app_id):
        read = dapr.seen_by(documents, service.app_id or "")
        topics = {d["spec"]["topic"] for d in read if d["kind"] == "Subscription"}
        components = {d["metadata"]["name"] for d in read if d["kind"] == "Component"}
        assert topics == set(service.subscribes)
        assert ("pubsub" in components) == bool(service.publishes or service.subscribes)
        assert ("statestore" in components) == service.state


@given(manifests(), st.data())
def test_pods_start_anew_when_what_their_sidecar_reads_changes_and_only_then(
    manifest: Manifest, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(manifest.services)))
    service = manifest.services[name]
    changed = service.model_copy(update={"state": not service.state})
    later = manifest.model_copy(update={"services": {**manifest.services, name: changed}})
    for each, other in manifest.services.items():
        before, after = (dapr.annotations(one, STATIC, each) for one in (manifest, later))
        assert (before == after) == (each != name or not service.app_id)
        assert bool(before) == bool(other.app_id)


def test_another_version_of_dapr_rolls_out_every_sidecar() -> None:
    manifest = Manifest.model_validate(tomllib.loads(MANIFEST))
    later = manifest.model_copy(update={"dapr": manifest.dapr.model_copy(update={"version": "1.19.0"})})
    for name in manifest.services:
        assert dapr.annotations(manifest, STATIC, name) != dapr.annotations(later, STATIC, name)


@pytest.mark.parametrize("name", ["shop", "mailer"])
def test_nobody_checks_callers_where_there_is_no_mtls(name: str, tmp_path: Path) -> None:
    manifest = Manifest.model_validate(tomllib.loads(MANIFEST))
    documents = dapr.local_resources(manifest, STATIC, name, "127.0.0.1:1", tmp_path / "state", tmp_path / "names")
    [configuration] = [document for document in documents if document["kind"] == "Configuration"]
    assert "accessControl" not in configuration["spec"]
    assert configuration["spec"]["mtls"] == {"enabled": False}


def test_no_daprd_takes_out_the_names_of_the_others(tmp_path: Path) -> None:
    documents = dapr.local_resources(
        Manifest.model_validate(tomllib.loads(MANIFEST)), STATIC, "shop", "127.0.0.1:1", tmp_path / "s", tmp_path / "n"
    )
    (configuration,) = [document for document in documents if document["kind"] == "Configuration"]
    assert configuration["spec"]["nameResolution"]["configuration"]["cleanupInterval"] == "0"
