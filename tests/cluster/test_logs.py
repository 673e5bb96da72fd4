"""What pods print: of one, of several, across restarts and rollouts; and why there is nothing to read."""

import threading
import time
from itertools import islice

from bootstrap.cluster.pods import logs_follow
from bootstrap.cluster.pods.logs import lines
from bootstrap.core.env import Env
from tests.apiserver import ApiServer, Refused
from tests.cluster.pod_documents import container, pod
from tests.failures import failure

ABSENT = {
    "waiting": {
        "reason": "ErrImageNeverPull",
        "message": 'Container image "small/x:1" is not present with pull policy of Never',
    }
}


def at(second: int, text: str) -> str:
    """A line with the time that the API puts before it."""
    return f"2026-01-01T00:00:{second:02}.000000000Z {text}\n"


def test_the_lines_of_one_pod_come_as_they_are(cluster_env: Env, api: ApiServer) -> None:
    api.put(pod("shop", "shop-1"))
    api.log("small", "shop-1", "shop", at(1, "one") + at(2, "2 two") + at(3, "three"))
    api.log("small", "shop-1", "daprd", at(1, "I am daprd"))
    assert list(lines(cluster_env, "shop")) == ["one", "2 two", "three"]
    assert list(lines(cluster_env, "shop", tail=1)) == ["three"]
    assert list(lines(cluster_env, "shop", sidecar=True)) == ["I am daprd"]


def test_the_lines_of_several_pods_are_told_apart_and_in_order(cluster_env: Env, api: ApiServer) -> None:
    for name, text in (("shop-1", at(1, "a") + at(4, "d")), ("shop-2", at(2, "b") + at(3, "c"))):
        api.put(pod("shop", name))
        api.log("small", name, "shop", text)
    api.put(pod("mailer", "mailer-1"))
    assert list(lines(cluster_env, "shop")) == ["shop-1  a", "shop-2  b", "shop-2  c", "shop-1  d"]


def test_a_line_without_a_time_is_kept(cluster_env: Env, api: ApiServer) -> None:
    api.put(pod("shop", "shop-1"))
    api.log("small", "shop-1", "shop", "unable to retrieve container logs\n")
    assert list(lines(cluster_env, "shop")) == ["unable to retrieve container logs"]


def test_what_was_printed_before_a_restart(cluster_env: Env, api: ApiServer) -> None:
    last = {"terminated": {"exitCode": 1, "reason": "Error"}}
    api.put(pod("shop", "shop-1", container("shop", restarts=1, lastState=last), container("daprd")))
    api.log("small", "shop-1", "shop", at(1, "last words"), previous=True)
    assert list(lines(cluster_env, "shop", previous=True)) == ["last words"]


def test_while_a_container_waits_for_its_next_start_its_last_words_are_those_of_now(
    cluster_env: Env, api: ApiServer
) -> None:
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
    api.put(pod("shop", "shop-1", container("shop", ended, restarts=4, lastState=ended), container("daprd")))
    api.log("small", "shop-1", "shop", at(2, "last words"))
    api.log("small", "shop-1", "shop", "unable to retrieve container logs for docker://1", previous=True)
    assert list(lines(cluster_env, "shop", previous=True)) == ["last words"]


def test_no_container_before_is_said(cluster_env: Env, api: ApiServer) -> None:
    api.put(pod("shop", "shop-1"))
    found = failure(lambda: list(lines(cluster_env, "shop", previous=True)))
    assert (found.code, found.final) == ("log-no-previous", True)
    assert "shop-1" in found.summary


def test_a_service_without_pods_is_said_with_where_to_look(cluster_env: Env) -> None:
    found = failure(lambda: list(lines(cluster_env, "shop")))
    assert found.code == "log-no-pod"
    assert "--context small" in found.remedy
    assert "app.kubernetes.io/name=shop" in found.remedy


def test_a_pod_without_its_sidecar_is_said(cluster_env: Env, api: ApiServer) -> None:
    api.put(pod("shop", "shop-1", container("shop")))
    for printed in (lines, logs_follow.lines):
        assert failure(printed(cluster_env, "shop", sidecar=True).__next__).code == "log-not-injected"


def test_a_sidecar_among_the_init_containers_is_one(cluster_env: Env, api: ApiServer) -> None:
    beside = [{"name": "daprd", "restartPolicy": "Always"}]
    api.put(pod("shop", "shop-1", container("shop"), initContainers=beside))
    api.log("small", "shop-1", "daprd", at(1, "beside"))
    assert list(lines(cluster_env, "shop", sidecar=True)) == ["beside"]


def test_a_container_that_has_not_started_is_said_by_what_keeps_it(cluster_env: Env, api: ApiServer) -> None:
    api.put(pod("shop", "shop-2", container("shop", ABSENT), container("daprd")))
    words = 'container "shop" in pod "shop-2" is waiting to start: ErrImageNeverPull'
    api.fault(path="/shop-2/log", refused=Refused(400, words))
    found = failure(lambda: list(lines(cluster_env, "shop")))
    assert found.code == "pod-image-absent"
    assert "shop-2" in found.summary


def test_one_pod_that_has_not_started_does_not_hide_the_other(cluster_env: Env, api: ApiServer) -> None:
    api.put(pod("shop", "shop-1"))
    api.log("small", "shop-1", "shop", at(1, "served"))
    api.put(pod("shop", "shop-2", container("shop", {"waiting": {"reason": "ContainerCreating"}})))
    api.fault(path="/shop-2/log", refused=Refused(400, 'container "shop" in pod "shop-2" is waiting to start'))
    printed = lines(cluster_env, "shop")
    assert next(printed) == "served"
    assert "shop-2" in failure(lambda: next(printed)).summary


def test_an_api_that_is_away_is_said(cluster_env: Env, api: ApiServer) -> None:
    api.refuse_connections()
    assert failure(lambda: list(lines(cluster_env, "shop"))).code == "cluster-unreachable"


def test_following_goes_on_with_the_pod_that_takes_the_place(cluster_env: Env, api: ApiServer) -> None:
    api.put(pod("shop", "shop-1"))
    api.log("small", "shop-1", "shop", at(1, "old"))
    printed = logs_follow.lines(cluster_env, "shop", every=0.01)
    assert next(printed) == "old"
    api.put(pod("shop", "shop-2", created="2026-01-01T00:01:00Z"))
    api.log("small", "shop-2", "shop", at(5, "new") + at(6, "newer"))
    api.remove("v1", "pods", "small", "shop-1")
    assert list(islice(printed, 2)) == ["shop-2  new", "shop-2  newer"]


def test_following_goes_on_after_a_restart(cluster_env: Env, api: ApiServer) -> None:
    api.put(pod("shop", "shop-1"))
    api.log("small", "shop-1", "shop", at(1, "before"))
    printed = logs_follow.lines(cluster_env, "shop", every=0.01)
    assert next(printed) == "before"
    api.log("small", "shop-1", "shop", at(3, "after"))
    api.put(pod("shop", "shop-1", container("shop", restarts=1), container("daprd")))
    assert next(printed) == "after"


def test_a_stream_that_breaks_is_read_on_without_a_line_twice(cluster_env: Env, api: ApiServer) -> None:
    api.put(pod("shop", "shop-1"))
    api.log("small", "shop-1", "shop", at(1, "one") + at(2, "two"))
    printed = logs_follow.lines(cluster_env, "shop", every=0.01)
    assert list(islice(printed, 2)) == ["one", "two"]
    api.fault(path="/pods", refused=Refused(500, "etcdserver: leader changed"), times=3)
    api.log("small", "shop-1", "shop", at(1, "one") + at(2, "two") + at(3, "three"))
    assert next(printed) == "three"
    asked = [request.query for request in api.requests if request.path.endswith("/log")]
    assert asked[0]["tailLines"] == "200"
    assert asked[-1]["sinceTime"] == "2026-01-01T00:00:02Z"


def test_following_waits_for_a_container_that_will_start(cluster_env: Env, api: ApiServer) -> None:
    creating = {"waiting": {"reason": "ContainerCreating"}}
    api.put(pod("shop", "shop-1", container("shop", creating), container("daprd", creating)))
    printed = logs_follow.lines(cluster_env, "shop", every=0.01)
    asked = len(api.requests)

    def start() -> None:
        while not any(request.path.endswith("/events") for request in api.requests[asked:]):
            time.sleep(0.01)  # until the first look found nothing to read
        api.log("small", "shop-1", "shop", at(1, "here I am"))
        api.put(pod("shop", "shop-1"))

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    assert next(printed) == "here I am"
    thread.join()


def test_following_ends_where_waiting_cannot_help(cluster_env: Env, api: ApiServer) -> None:
    api.put(pod("shop", "shop-1", container("shop", ABSENT), container("daprd", ABSENT)))
    found = failure(lambda: next(logs_follow.lines(cluster_env, "shop", every=0.01)))
    assert found.final
    assert "shop-1" in found.summary
