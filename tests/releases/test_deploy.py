"""Releases by the real Helm, against the double of the API server."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.clients.command import Cancelled
from bootstrap.core.env import owner_of
from bootstrap.helm import releases, storage
from bootstrap.problems.problem import ProblemsFound
from tests.apiserver.server import ApiServer
from tests.apiserver.statuses import Refused
from tests.releases.conftest import Deploying

pytestmark = pytest.mark.real("helm")


def test_the_first_time_installs_with_the_values_of_both_kinds(shop: Deploying) -> None:
    assert shop.deploy() == "installed"
    live = shop.live()
    assert live is not None
    assert live["spec"]["replicas"] == 2, "values-local.yaml wins over values.yaml"
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "small/app:one", "what is passed wins"
    assert shop.said == []


def test_the_second_time_changes_nothing_and_starts_no_helm(shop: Deploying) -> None:
    shop.deploy()
    before = len(shop.api.requests)
    assert shop.deploy() == "unchanged"
    assert shop.wrote(before) == []
    assert len(shop.api.requests) - before <= 4
    assert len(shop.secrets()) == 1


def test_an_edited_template_is_deployed_though_version_and_values_are_the_same(shop: Deploying) -> None:
    shop.deploy()
    template = shop.chart / "templates" / "deployment.yaml"
    template.write_text(template.read_text().replace("64Mi", "96Mi"))
    assert shop.deploy() == "upgraded"
    live = shop.live()
    assert live is not None
    assert live["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"] == "96Mi"
    assert shop.deploy() == "unchanged"


@pytest.mark.parametrize("where", ["passed", "file"])
def test_a_changed_value_is_deployed(shop: Deploying, where: str) -> None:
    shop.deploy()
    if where == "passed":
        shop.values["replicas"] = 3
    else:
        (shop.chart / "values-local.yaml").write_text("replicas: 3\n")
    assert shop.deploy() == "upgraded"
    live = shop.live()
    assert live is not None
    assert live["spec"]["replicas"] == 3


def test_what_a_chart_no_longer_has_goes_away(shop: Deploying) -> None:
    shop.deploy()
    (shop.chart / "templates" / "service.yaml").unlink()
    assert shop.deploy() == "upgraded"
    assert shop.api.get("v1", "services", "small", "shop") is None


@pytest.mark.parametrize(
    ("version", "kind", "named"), [("apps/v1", "deployments", "Deployment"), ("v1", "services", "Service")]
)
def test_what_somebody_deleted_is_made_again_and_said(shop: Deploying, version: str, kind: str, named: str) -> None:
    shop.deploy()
    shop.api.remove(version, kind, "small", "shop")
    assert shop.deploy() == "upgraded"
    assert shop.api.get(version, kind, "small", "shop")
    assert shop.said == [f"shop is not as it was deployed ({named} shop is gone): it is deployed again."]
    assert shop.deploy() == "unchanged"


def test_what_somebody_changed_by_hand_is_taken_back_and_said(shop: Deploying) -> None:
    shop.deploy()
    live = shop.live()
    assert live is not None
    live["spec"]["replicas"] = 0
    shop.api.put(live)
    assert shop.deploy() == "upgraded"
    live = shop.live()
    assert live is not None
    assert live["spec"]["replicas"] == 2
    assert "has another spec.replicas" in shop.said[0]


@pytest.mark.parametrize("status", storage.INTERRUPTED)
def test_an_interrupted_release_is_recovered_said_and_nothing_that_runs_is_stopped(
    shop: Deploying, status: str
) -> None:
    shop.deploy()
    if status != "pending-install":
        shop.values["tag"] = "two"
        shop.deploy()
    shop.mark(status)
    before = len(shop.api.requests)
    assert shop.deploy() == "recovered"
    assert status in shop.said[0]
    assert [one for one in shop.wrote(before) if one.startswith("DELETE") and "secrets" not in one] == []
    assert shop.deploy() == "unchanged"


def test_what_an_interrupted_helm_makes_late_is_taken_over(shop: Deploying) -> None:
    shop.deploy()
    shop.mark("pending-install")
    late = shop.live()
    assert late is not None
    shop.api.remove("apps/v1", "deployments", "small", "shop")

    def arrive(api: ApiServer, written: dict[str, Any]) -> None:
        if written["kind"] == "Secret" and shop.live() is None:  # Helm has looked at what is there
            api.put(late)

    shop.api.react(arrive)
    assert shop.deploy() == "recovered"
    assert "Deployment shop was made by somebody else while Helm was at work" in shop.said[-1]
    assert shop.deploy() == "unchanged"


def test_an_interrupted_removal_is_completed(shop: Deploying) -> None:
    shop.deploy()
    shop.mark("uninstalling")
    assert shop.deploy() == "recovered"
    assert shop.live()
    assert shop.deploy() == "unchanged"


def test_a_helm_that_is_ended_in_the_middle_is_recovered_by_the_next_run(shop: Deploying) -> None:
    slow = shop.api.fault(path="deployments", method="PATCH", seconds=3)

    def interrupt(_: ApiServer, written: dict[str, Any]) -> None:
        if written["kind"] == "Secret":  # Helm has noted what it is about to do
            shop.env.cancelled.set()

    shop.api.react(interrupt)
    with pytest.raises(Cancelled):
        shop.deploy()
    slow.times = 0
    shop.api.store.reactions.clear()
    shop.env.cancelled.clear()
    assert shop.deploy() in ("recovered", "upgraded")
    assert shop.live()
    assert shop.deploy() == "unchanged"


def test_a_failed_release_is_deployed_again(shop: Deploying) -> None:
    shop.api.fault(path="deployments", method="PATCH", refused=Refused(500, "the disk of etcd is full"), times=1)
    with pytest.raises(ProblemsFound) as caught:
        shop.deploy()
    assert caught.value.problems[0].code == "release-failed"
    assert "the disk of etcd is full" in caught.value.problems[0].evidence
    assert releases.current(shop.env)["shop"]["status"] == "failed"
    assert shop.deploy() == "upgraded"
    assert shop.deploy() == "unchanged"


def test_the_history_is_bounded(shop: Deploying) -> None:
    for tag in ("a", "b", "c", "d", "e"):
        shop.values["tag"] = tag
        shop.deploy()
    assert len(shop.secrets()) <= 3


def test_a_release_of_another_checkout_becomes_ours(shop: Deploying) -> None:
    shop.deploy()
    secret = shop.secrets()[-1]
    secret["metadata"]["labels"][storage.OWNER] = "0" * 16
    shop.api.put(secret)
    assert releases.current(shop.env) == {}
    assert shop.deploy() == "upgraded"
    assert list(releases.current(shop.env)) == ["shop"]


def test_six_at_once(shop: Deploying) -> None:
    names = ["a", "b", "c", "d", "e", "f"]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda name: replace(shop, name=name).deploy(), names))
    assert done == ["installed"] * 6
    assert all(shop.live(name) for name in names)


def test_all_releases_are_known_by_one_call(shop: Deploying) -> None:
    shop.deploy()
    shop.values["tag"] = "two"
    shop.deploy()
    before = len(shop.api.requests)
    known = releases.current(shop.env)
    assert len(shop.api.requests) - before == 1
    wanted = releases.digest("shop", shop.chart, shop.values, "small", [shop.chart / "values-local.yaml"])
    assert known["shop"] | {"updated": 0} == {"revision": 2, "status": "deployed", "digest": wanted, "updated": 0}
    assert known["shop"]["updated"] > 1.7e9


def test_only_what_is_ours_and_no_longer_wanted_is_removed(shop: Deploying) -> None:
    for name in ("shop", "mailer", "old", "foreign"):
        replace(shop, name=name).deploy()
    foreign = next(one for one in shop.secrets() if one["metadata"]["labels"]["name"] == "foreign")
    foreign["metadata"]["labels"][storage.OWNER] = "f" * 16
    shop.api.put(foreign)
    assert releases.prune(shop.env, ("shop", "mailer")) == ("old",)
    assert shop.live("old") is None
    assert all(shop.live(name) for name in ("shop", "mailer", "foreign"))
    assert shop.said == ["old is no longer in environment.toml: its release is removed."]


def test_a_taken_node_port_is_named(shop: Deploying) -> None:
    words = (
        'Service "shop" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated'
    )
    shop.api.fault(path="services/shop", method="PATCH", refused=Refused(422, words))
    with pytest.raises(ProblemsFound) as caught:
        shop.deploy()
    (found,) = caught.value.problems
    assert (found.code, found.final) == ("node-port-taken", True)
    assert "30080" in found.cause
    assert f"--context {shop.env.context}" in found.remedy


def test_a_broken_template_is_named_as_the_charts_gate_names_it(shop: Deploying) -> None:
    (shop.chart / "templates" / "service.yaml").write_text("{{ .Values.a.b }}")
    with pytest.raises(ProblemsFound) as caught:
        shop.deploy()
    assert caught.value.problems[0].code == "chart-template-broken"


def test_a_cluster_that_does_not_answer_is_named(shop: Deploying) -> None:
    shop.api.refuse_connections()
    with pytest.raises(ProblemsFound) as caught:
        shop.deploy()
    assert caught.value.problems[0].code == "cluster-unreachable"


def test_the_release_carries_the_mark_of_its_checkout(shop: Deploying) -> None:
    shop.deploy()
    assert shop.secrets()[0]["metadata"]["labels"][storage.OWNER] == owner_of(shop.env.root)
