"""Facts of the rendered charts: what each pod must have, whatever else changes."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from bootstrap.core.env import Env
from bootstrap.helm import charts
from bootstrap.helm import program as helm
from bootstrap.lint import charts as lint

pytestmark = pytest.mark.real("helm")


def documents(env: Env, name: str, told: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """The documents of a chart by kind; `told` is merged into what the manifest gives the service."""
    known: dict[str, Any] = {}
    if name in env.manifest.services:
        known = charts.values(env.manifest, name, lint.images(env)[name], lint.urls(env))
        for key, value in (told or {}).items():
            old = known["service"].get(key)
            known["service"][key] = {**old, **value} if isinstance(old, dict) else value
    rendered = charts.render(env, helm.program(env), name, known)
    return {document["kind"]: document for document in yaml.safe_load_all(rendered.text)}


def environment(deployment: Mapping[str, Any]) -> dict[str, Any]:
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in container["env"]}


def test_every_service_follows_the_manifest(env: Env) -> None:
    for name, service in env.manifest.services.items():
        made = documents(env, name)
        deployment, port = made["Deployment"], made["Service"]["spec"]
        pod = deployment["spec"]["template"]
        [container] = pod["spec"]["containers"]
        variables = environment(deployment)
        tag = lint.images(env)[name].rpartition(":")[2]
        assert deployment["metadata"]["namespace"] == env.manifest.namespace
        assert container["image"] == lint.images(env)[name]
        assert container["imagePullPolicy"] == "Never"
        assert variables["VERSION"] == tag == pod["metadata"]["labels"]["app.kubernetes.io/version"]
        assert (variables["HOST"], variables["PORT"]) == ("0.0.0.0", str(service.port))  # noqa: S104
        assert variables["APP_ID"] == (service.app_id or name)
        assert set(service.env) <= set(variables)
        assert not any("{url:" in str(value) for value in variables.values())
        assert ("DATABASE_URL" in variables) == service.database
        assert port["type"] == ("NodePort" if service.node_port else "ClusterIP")
        assert port["ports"][0].get("nodePort") == service.node_port
        assert port["ports"][0]["port"] == container["ports"][0]["containerPort"] == service.port
        assert port["selector"].items() <= pod["metadata"]["labels"].items()
        assert deployment["spec"]["selector"]["matchLabels"] == port["selector"]


def test_every_container_states_its_own_user_and_no_pod_does(env: Env) -> None:
    for name in charts.names(env):
        made = documents(env, name)
        workload = made.get("Deployment") or made["StatefulSet"]
        spec = workload["spec"]["template"]["spec"]
        assert not {"runAsUser", "runAsGroup", "runAsNonRoot"} & set(spec.get("securityContext") or {})
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            security = container["securityContext"]
            user = 10001 if name in env.manifest.services else 999
            assert security == {
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": user,
                "readOnlyRootFilesystem": True,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            }
            assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]
            assert container["resources"]["limits"]["memory"]
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)


def test_sidecars_are_where_the_manifest_has_an_app_id(env: Env) -> None:
    for name, service in env.manifest.services.items():
        deployment = documents(env, name)["Deployment"]
        annotations = deployment["spec"]["template"]["metadata"].get("annotations") or {}
        assert annotations.get("dapr.io/app-id") == service.app_id
        assert ("DAPR_HTTP_PORT" in environment(deployment)) == bool(service.app_id)
        if service.app_id:
            assert annotations["dapr.io/enabled"] == "true"
            assert annotations["dapr.io/app-port"] == str(service.port)
            assert annotations["dapr.io/sidecar-seccomp-profile-type"] == "RuntimeDefault"
            assert annotations["dapr.io/sidecar-memory-limit"]


def test_a_value_switches_the_sidecar_off(env: Env) -> None:
    deployment = documents(env, "backend-api", {"dapr": {"enabled": False}})["Deployment"]
    assert "annotations" not in deployment["spec"]["template"]["metadata"]
    assert "DAPR_HTTP_PORT" not in environment(deployment)
    assert environment(deployment)["APP_ID"] == "backend-api"


def test_the_password_is_never_in_what_is_rendered(env: Env) -> None:
    secret = {"secretKeyRef": {"name": "backend-api-database", "key": "url"}}
    assert environment(documents(env, "backend-api")["Deployment"])["DATABASE_URL"] == secret
    postgres = documents(env, "postgres")
    assert environment(postgres["StatefulSet"])["POSTGRES_PASSWORD"] == {
        "secretKeyRef": {"name": "postgres", "key": "password"}
    }
    assert "Secret" not in postgres


def test_a_browser_s_socket_is_served_by_one_instance_only(env: Env) -> None:
    spec = documents(env, "websocket-service")["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_a_change_of_the_image_changes_the_pod(env: Env) -> None:
    name = "audit-service"
    before = documents(env, name)["Deployment"]["spec"]["template"]
    after = documents(env, name, {"image": {"tag": "another"}})["Deployment"]["spec"]["template"]
    assert before != after
