"""The password of the database: made once, in Secrets alone, and the same in all of them."""

import base64

import pytest
import yaml

from bootstrap.cluster import secrets
from bootstrap.core.env import Env
from bootstrap.dapr import loaded
from tests.apiserver import ApiServer

NAMESPACE = "small"


@pytest.fixture
def env(env: Env) -> Env:
    """`shop` has the database, `mailer` state."""
    table = (env.root / "environment.toml").read_text()
    (env.root / "environment.toml").write_text(table.replace('app_id = "shop"', 'app_id = "shop"\ndatabase = true'))
    from bootstrap.manifest import load

    env.manifest = load(env.root / "environment.toml")
    return env


def value(api: ApiServer, name: str, key: str) -> str:
    found = api.get("v1", "secrets", NAMESPACE, name)
    assert found
    return base64.b64decode(found["data"][key]).decode()


def test_every_secret_holds_the_same_password(env: Env, api: ApiServer) -> None:
    assert secrets.missing(env) == ["postgres"]
    secrets.ensure(env)
    password = value(api, "postgres", "password")
    assert len(password) >= 32
    url, connection = value(api, "shop-database", "url"), value(api, "statestore", "connectionString")
    assert url == f"postgresql+psycopg://postgres:{password}@postgres:5432/postgres"
    assert connection.startswith(f"postgresql://postgres:{password}@postgres:5432/postgres?")
    assert secrets.missing(env) == []


def test_it_is_made_once(env: Env, api: ApiServer) -> None:
    secrets.ensure(env)
    first = value(api, "postgres", "password")
    api.requests.clear()
    secrets.ensure(env)
    assert value(api, "postgres", "password") == first
    assert {request.method for request in api.requests} == {"GET"}


@pytest.mark.parametrize("name", ["shop-database", "statestore"])
def test_a_lost_address_is_made_again_from_the_password(env: Env, api: ApiServer, name: str) -> None:
    secrets.ensure(env)
    before = api.get("v1", "secrets", NAMESPACE, name)
    api.remove("v1", "secrets", NAMESPACE, name)
    assert secrets.missing(env) == [name]
    secrets.ensure(env)
    after = api.get("v1", "secrets", NAMESPACE, name)
    assert before
    assert after
    assert before["data"] == after["data"]


def test_a_changed_password_rolls_out_what_uses_it_and_nothing_else(env: Env, api: ApiServer) -> None:
    secrets.ensure(env)
    before = {name: loaded.annotations(env, name) for name in ("shop", "mailer")}
    changed = base64.b64encode(b"another").decode()
    metadata = {"name": "postgres", "namespace": NAMESPACE}
    api.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": changed}})
    assert secrets.missing(env) == ["shop-database", "statestore"]
    secrets.ensure(env)
    assert ":another@" in value(api, "shop-database", "url")
    for name, old in before.items():
        assert loaded.annotations(env, name) != old


def test_the_password_is_nowhere_but_in_secrets(env: Env, api: ApiServer) -> None:
    said: list[str] = []
    env.notify = said.append
    secrets.ensure(env)
    password = value(api, "postgres", "password")
    told = yaml.safe_dump([loaded.annotations(env, name) for name in env.manifest.services])
    assert password not in told + "".join(said)
    assert all(password not in file.read_text() for file in env.state.rglob("*") if file.is_file())
    assert not any(password in request.path for request in api.requests)
