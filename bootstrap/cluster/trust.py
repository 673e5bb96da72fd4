"""Dapr's root certificate: the one that its control plane publishes, and the one that a sidecar was started with.

Sentry makes it when it first starts, and publishes it in the ConfigMap `dapr-trust-bundle`. The injector copies it into
the environment of each daprd, which never reads it again (`pkg/security/security.go` of Dapr 1.18). Its private key is
in a Secret, which nothing here reads.
"""

import re
import ssl
from datetime import UTC, datetime
from typing import Any

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.cluster.namespaces import SYSTEM
from bootstrap.cluster.pods.case import kubectl
from bootstrap.cluster.pods.summary import container
from bootstrap.core.env import Env
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

BUNDLE, KEY = "dapr-trust-bundle", "ca.crt"
ANCHORS = "DAPR_TRUST_ANCHORS"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def published(env: Env) -> frozenset[str]:
    """Return the root certificates of the control plane, PEM without whitespace; none before Sentry has made one.

    Raises `ProblemsFound`.
    """
    return certificates(_bundle(env))


def of(pod: Document) -> frozenset[str]:
    """Return the root certificates that the daprd of a pod was started with."""
    found = container(pod, "daprd") or {}
    return certificates("".join(one.get("value", "") for one in found.get("env", ()) if one["name"] == ANCHORS))


def certificates(text: str) -> frozenset[str]:
    """Return the certificates of a PEM text, in a form that is the same for the same certificate."""
    return frozenset("".join(one.split()) for one in _CERTIFICATE.findall(text))


def check(env: Env, made: Document) -> Problem | None:
    """Whether a pod that is `made` now trusts the control plane of now. `made` is what the API answered a dry run.

    Raises `ProblemsFound`.
    """
    text = _bundle(env)
    facts: dict[str, Any] = {"kubectl": kubectl(env, SYSTEM)}
    if not certificates(text):
        summary = f"The ConfigMap {BUNDLE} of {SYSTEM} holds no root certificate."
        return problem("dapr-trust-missing", summary, **facts)
    if found := _out_of_date(text, made["metadata"].get("creationTimestamp"), facts):
        return found
    if of(made) != certificates(text):
        summary = f"The injector gives new pods another root certificate than the one in the ConfigMap {BUNDLE}."
        return problem("injector-trust-outdated", summary, **facts)
    return None


def _out_of_date(text: str, now: str | None, facts: dict[str, Any]) -> Problem | None:
    """Whether no certificate of the bundle is valid at `now`, the time of the cluster's API."""
    at = datetime.fromisoformat(now) if now else datetime.now(UTC)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=text)
    except ssl.SSLError as error:
        summary = f"The ConfigMap {BUNDLE} of {SYSTEM} holds no root certificate that can be read."
        return problem("dapr-trust-missing", summary, evidence=str(error), **facts)
    spans = [(_time(str(one["notBefore"])), _time(str(one["notAfter"]))) for one in context.get_ca_certs()]
    if not spans or any(start <= at <= end for start, end in spans):
        return None
    evidence = "\n".join(f"valid from {start} to {end}; the cluster's clock says {at}" for start, end in spans)
    if all(at > end for _, end in spans):
        summary = f"Dapr's root certificate expired on {max(end for _, end in spans):%Y-%m-%d}."
        return problem("dapr-certificate-expired", summary, evidence=evidence, final=True, **facts)
    summary = f"Dapr's root certificate is not valid before {min(start for start, _ in spans):%Y-%m-%d %H:%M}."
    return problem("dapr-certificate-early", summary, evidence=evidence, final=True, **facts)


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _bundle(env: Env) -> str:
    with translate_errors(f"The ConfigMap {BUNDLE} cannot be read."):
        found = env.cluster.find(path("v1", "configmaps", SYSTEM, BUNDLE)) or {}
    return str((found.get("data") or {}).get(KEY, ""))
