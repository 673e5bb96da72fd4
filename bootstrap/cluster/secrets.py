"""The password of the database, made once and kept in Secrets of the cluster alone; and what is derived from it."""

import base64
import hashlib
import secrets

from bootstrap.clients.kubernetes_api import Document, path, translate_errors
from bootstrap.core.env import Env

POSTGRES = "postgres"  # the Secret with the password, the Service, the user, and the database
PASSWORD, URL, CONNECTION = "password", "url", "connectionString"  # keys in Secrets
PORT = 5432
STATESTORE = "statestore"
OURS = {"app.kubernetes.io/managed-by": "inv"}


def ensure(env: Env) -> None:
    """Makes the password where there is none, and every Secret that is derived from it."""
    namespace = env.manifest.namespace
    password = _password(env)
    if not password:
        password = secrets.token_urlsafe(32)
        env.secrets.add(password)
        with translate_errors(f"The Secret {POSTGRES} cannot be made."):
            # Applied, not created: one without the key `password` is mended too.
            env.cluster.apply(path("v1", "secrets", namespace, POSTGRES), _secret(POSTGRES, {PASSWORD: password}))
    for name, data in derived(env, password).items():
        env.secrets.update(data.values())
        if _data(env, name) != data:
            with translate_errors(f"The Secret {name} cannot be made."):
                env.cluster.apply(path("v1", "secrets", namespace, name), _secret(name, data))


def missing(env: Env) -> list[str]:
    """The names of the Secrets that are not there, or do not hold the password of now."""
    password = _password(env)
    if not password:
        return [POSTGRES]
    return [name for name, data in derived(env, password).items() if _data(env, name) != data]


def checksum(env: Env) -> str:
    """Changes when the password does, and tells nothing about it: it has 256 random bits. Empty without one."""
    password = _password(env)
    return hashlib.sha256(password.encode()).hexdigest()[:12] if password else ""


def derived(env: Env, password: str) -> dict[str, dict[str, str]]:
    """Secret → its keys: an address of the database for each service with one, another for Dapr's state store."""
    host = f"{POSTGRES}:{PORT}/{POSTGRES}"
    services = env.manifest.services.items()
    found = {
        f"{name}-database": {URL: f"postgresql+psycopg://{POSTGRES}:{password}@{host}"}
        for name, service in services
        if service.database
    }
    if any(service.state for _, service in services):
        found[STATESTORE] = {CONNECTION: f"postgresql://{POSTGRES}:{password}@{host}?connect_timeout=10"}
    return found


def _password(env: Env) -> str:
    return _data(env, POSTGRES).get(PASSWORD, "")


def _data(env: Env, name: str) -> dict[str, str]:
    with translate_errors(f"The Secret {name} cannot be read."):
        found = env.cluster.find(path("v1", "secrets", env.manifest.namespace, name)) or {}
    data = {key: base64.b64decode(value).decode() for key, value in (found.get("data") or {}).items()}
    env.secrets.update(data.values())
    return data


def _secret(name: str, data: dict[str, str]) -> Document:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": name, "labels": OURS}
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": encoded}
