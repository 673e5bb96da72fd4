"""Secrets as they stand in real texts and documents."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
secrets = st.builds(
    lambda word, odd, rest: f"Zq{word}{odd}{rest}x9",
    st.text(LETTERS, min_size=6, max_size=20),
    st.sampled_from(["", "!", "$", "%", "&", "*", "+", ".", "~", "^", "#", "-", "_"]),
    st.text(LETTERS, min_size=4, max_size=20),
)
"""Values that stand nowhere by accident."""

TEXTS: dict[str, Callable[[str], str]] = {
    "assignment": lambda s: f"export POSTGRES_PASSWORD={s}\nnext line",
    "colon": lambda s: f"could not log in, password: {s} was refused",
    "quoted": lambda s: f'connectionString="host=db user=app {s} more words" and so on',
    "single": lambda s: f"api_key = '{s} with words'",
    "yaml": lambda s: f"client-secret: {s}\nname: shop",
    "yaml block": lambda s: f"token: |\n  {s}\n  {s}\nname: shop",
    "json": lambda s: json.dumps({"outer": {"accessKey": s}, "n": 1}),
    "json in json": lambda s: json.dumps({"message": json.dumps({"token": f"{s} and more"})}),
    "flag": lambda s: f"daprd --dapr-api-token {s} --log-level info",
    "flag with =": lambda s: f"helm upgrade --set auth.password={s}",
    "header": lambda s: f"> Authorization: Bearer {s}\n> Accept: */*",
    "basic": lambda s: f"sent Basic {base64.b64encode(f'user:{s}'.encode()).decode()} to it",
    "cookie": lambda s: f"Set-Cookie: session={s}; HttpOnly",
    "url": lambda s: f"cannot reach postgresql://app:{quote(s)}@postgres:5432/app",
    "url of an index": lambda s: f"Looking in indexes: https://{quote(s)}@index.example/simple",
    "dsn": lambda s: f"host=postgres user=app password={s} dbname=app",
    "private key": lambda s: f"-----BEGIN RSA PRIVATE KEY-----\n{s}\n{s}\n-----END RSA PRIVATE KEY-----",
    "cut off key": lambda s: f"-----BEGIN PRIVATE KEY-----\n{s}",
    "query": lambda s: f"GET /path?access_token={quote(s)}&x=1",
}
"""What a tool may print about a secret that nobody told us, by its shape."""

DOCUMENTS: dict[str, Callable[[str], Any]] = {
    "key": lambda s: {"spec": {"password": s}},
    "list": lambda s: {"tokens": [s, s]},
    "below": lambda s: {"credentials": {"user": {"is": s}}},
    "variable": lambda s: {"env": [{"name": "DATABASE_PASSWORD", "value": s}]},
    "text inside": lambda s: {"message": f"password={s}"},
    "annotation": lambda s: {"metadata": {"annotations": {"dapr.io/api-token": s}}},
}
"""Documents that hold one."""


def encodings(secret: str) -> tuple[str, ...]:
    """The secret as it is, and as it stands in URLs and in Secrets."""
    return (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode())
