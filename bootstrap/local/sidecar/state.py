"""The state store: one SQLite file for all apps, with the very table of Dapr's `state.sqlite`."""

import base64
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from bootstrap.local.sidecar import errors

_TABLE = """CREATE TABLE IF NOT EXISTS state (
    key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, is_binary BOOLEAN NOT NULL, etag TEXT NOT NULL,
    expiration_time TIMESTAMP DEFAULT NULL, update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)"""
_GET = """SELECT value, is_binary, etag FROM state
    WHERE key = ? AND (expiration_time IS NULL OR expiration_time > CURRENT_TIMESTAMP)"""
_DELETE = "DELETE FROM state WHERE key = :key AND (:old = '' OR etag = :old)"
_UPDATE = """UPDATE state SET value = :value, etag = :new, is_binary = :binary, update_time = CURRENT_TIMESTAMP,
        expiration_time = CASE WHEN :ttl > 0 THEN DATETIME(CURRENT_TIMESTAMP, '+' || :ttl || ' seconds') END
    WHERE key = :key AND etag = :old AND (expiration_time IS NULL OR expiration_time > CURRENT_TIMESTAMP)"""
_INSERT = """INSERT OR REPLACE INTO state (key, value, is_binary, etag, expiration_time, update_time)
    SELECT :key, :value, :binary, :new,
        CASE WHEN :ttl > 0 THEN DATETIME(CURRENT_TIMESTAMP, '+' || :ttl || ' seconds') END, CURRENT_TIMESTAMP
    WHERE NOT (:first AND EXISTS (SELECT 1 FROM state
        WHERE key = :key AND (expiration_time IS NULL OR expiration_time > CURRENT_TIMESTAMP)))"""
BUSY_TIMEOUT_S = 2.0  # seconds to wait for another process that writes


class EtagMismatch(Exception):
    """Somebody else was first."""

    def __init__(self) -> None:
        super().__init__("possible etag mismatch. error from state store: ")


@dataclass(frozen=True)
class Entry:
    """What is stored under a key; `value` is None and `etag` empty when nothing is."""

    key: str
    value: bytes | None = None
    etag: str = ""


@dataclass(frozen=True)
class Change:
    """One write. `value` None deletes; `text` keeps it as JSON text instead of bytes; `ttl` is in seconds.

    With an `etag`, only that version is changed; with `first` and no etag, only a key that does not exist is made.
    """

    key: str
    value: bytes | None
    etag: str = ""
    first: bool = False
    text: bool = False
    ttl: int = 0


class Store:
    """State of one app. Keys are prefixed with the app id, as daprd does it. Calls block for about a millisecond."""

    def __init__(self, path: str, app: str) -> None:
        self._app = app
        self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(_TABLE)

    def close(self) -> None:
        self._db.close()

    def get(self, keys: Sequence[str]) -> list[Entry]:
        """One entry for each key, in that order."""
        entries = []
        for key in keys:
            row = self._db.execute(_GET, (self._key(key),)).fetchone()
            if row is None:
                entries.append(Entry(key))
            else:
                value = base64.b64decode(row[0]) if row[1] else str(row[0]).encode()
                entries.append(Entry(key, value, row[2]))
        return entries

    def change(self, changes: Sequence[Change]) -> None:
        """Each change for itself, all of them tried. Raises EtagMismatch or sqlite3.Error for the first that failed."""
        failed: Exception | None = None
        for change in changes:
            try:
                self._apply(change)
            except (EtagMismatch, sqlite3.Error) as error:
                failed = failed or error
        if failed:
            raise failed

    def transact(self, changes: Sequence[Change]) -> None:
        """All changes or none. Raises EtagMismatch or sqlite3.Error."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for change in changes:
                self._apply(change)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _apply(self, change: Change) -> None:
        row = {"key": self._key(change.key), "old": change.etag, "first": change.first, "ttl": change.ttl}
        if change.value is None:
            if not self._db.execute(_DELETE, row).rowcount and change.etag:
                raise EtagMismatch
            return
        row |= {"binary": not change.text, "new": str(uuid.uuid4())}
        row["value"] = change.value.decode() if change.text else base64.b64encode(change.value).decode()
        if not self._db.execute(_UPDATE if change.etag else _INSERT, row).rowcount:
            raise EtagMismatch

    def _key(self, key: str) -> str:
        if "||" in key:
            raise errors.key_invalid(key)
        return f"{self._app}||{key}"
