"""dapr: the control plane has a root certificate that is valid, and new pods get it."""

import pytest

from bootstrap.cluster import trust
from bootstrap.core.env import Env
from bootstrap.dapr import canary
from bootstrap.problems.catalogue import recognise
from tests.apiserver import ApiServer
from tests.dapr.conftest import CHECKOUT, OTHER_ROOT, ROOT, bundle

pytestmark = pytest.mark.usefixtures("injector")


@pytest.mark.closes("dapr", "there is a root certificate", "dapr-trust-missing")
@pytest.mark.parametrize("text", ["", "nonsense"])
def test_no_root_certificate(env: Env, api: ApiServer, text: str) -> None:
    api.put(bundle(text))
    found = canary.rehearse(env)
    assert found is not None
    assert found.code == "dapr-trust-missing"


@pytest.mark.closes("dapr", "the injector has it", "injector-trust-outdated")
def test_an_injector_with_a_former_root_certificate_is_waited_for(env: Env, api: ApiServer) -> None:
    api.put(bundle(OTHER_ROOT))
    found = canary.rehearse(env)
    assert found is not None
    assert (found.code, found.final) == ("injector-trust-outdated", False)


@pytest.mark.closes("dapr", "it is valid now", "dapr-certificate-expired", "dapr-certificate-early")
@pytest.mark.parametrize(
    ("now", "code"),
    [("2099-01-01T00:00:00Z", "dapr-certificate-expired"), ("2019-01-01T00:00:00Z", "dapr-certificate-early")],
)
def test_a_root_certificate_that_is_not_valid_at_the_cluster_s_time(env: Env, now: str, code: str) -> None:
    found = trust.check(env, {"metadata": {"creationTimestamp": now}, "spec": {"containers": []}})
    assert found is not None
    assert (found.code, found.final) == (code, True)


def test_line_ends_and_order_make_no_other_certificate() -> None:
    assert trust.certificates(f"{ROOT}\r\n{OTHER_ROOT}") == trust.certificates(OTHER_ROOT.replace("\n", "\r\n") + ROOT)


@pytest.mark.parametrize("code", ["daprd-trust-differs", "daprd-certificate-expired"])
def test_the_last_words_of_daprd(code: str) -> None:
    words = (CHECKOUT / "tests" / "recorded" / "daprd-log" / f"{code}.txt").read_text()
    found = recognise("daprd", "log", words, "It ended.")
    assert found is not None
    assert found.code == code
