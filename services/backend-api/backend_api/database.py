"""The database: SQLite on a developer's machine, PostgreSQL on a cluster."""

import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, event, func, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from backend_api.models import metadata
from taskapp.errors import TransientError

MIGRATIONS: tuple[Callable[[Connection], None], ...] = (metadata.create_all,)
"""The history of the schema: entry n makes version n+1 of version n.

To change the schema, change models.py and append a function that runs the DDL, which both databases must
understand (`ALTER TABLE tasks ADD COLUMN …`). Never change an entry that has been released. During a rollout old
and new code share the database: add first, remove in a later release. (The first entry creates today's tables;
with the second one it has to become the DDL of its own time.)
"""

_MIGRATION_LOCK = 7_303_014_001  # any number; one for each purpose
_schema_version = Table("schema_version", MetaData(), Column("version", Integer, primary_key=True))


def database_url(value: str) -> str:
    """Check the variable DATABASE_URL. Raises ValueError, without the value: it may hold a password."""
    try:
        driver = make_url(value).drivername
    except ArgumentError:
        driver = ""
    if driver not in ("sqlite", "postgresql+psycopg"):
        raise ValueError("must be a URL such as sqlite:////path/to/file or postgresql+psycopg://user@host/name")
    return value


class Database:
    """Transactions. Use from worker threads; every failure to reach the database is a TransientError."""

    def __init__(self, url: str) -> None:
        self.is_postgres = make_url(url).get_backend_name() == "postgresql"
        if self.is_postgres:
            self._engine = create_engine(
                url,
                pool_pre_ping=True,
                pool_size=10,
                max_overflow=10,
                pool_timeout=2,
                connect_args={"connect_timeout": 2, "options": "-c lock_timeout=4s -c statement_timeout=4s"},
            )
        else:
            self._engine = create_engine(url, connect_args={"timeout": 5}, pool_size=10, max_overflow=30)
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        # SQLite has one writer at a time, and waiting for it by polling is not fair.
        self._writers = nullcontext() if self.is_postgres else threading.Lock()
        self.migrated = False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises TransientError."""
        self._require_schema()
        with _reaching(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; committed at the end, undone by an exception. Raises TransientError."""
        self._require_schema()
        with self._transaction() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._writers, _reaching(), self._engine.connect() as plain:
            connection = plain.execution_options(writes=True)
            with connection.begin():
                yield connection

    def _require_schema(self) -> None:
        if not self.migrated:
            raise TransientError("database: the schema is not ready yet")

    def try_lock(self, name: str) -> Callable[[], None] | None:
        """Take the lock `name`, held by one replica at a time: a function that gives it back, or None if it is taken.

        The lock goes when its holder dies. On SQLite there is one replica, and nothing to lock.
        """
        if not self.is_postgres:
            return lambda: None
        with _reaching():
            connection = self._engine.connect()
            try:
                taken = connection.scalar(select(func.pg_try_advisory_xact_lock(zlib.crc32(name.encode()))))
            except BaseException:
                connection.close()
                raise
        if not taken:
            connection.close()
            return None
        return connection.close

    def migrate(self) -> None:
        """Bring the schema up to date. Safe when several replicas start at once: one does it, the others wait."""
        with self._transaction() as connection:
            if self.is_postgres:
                connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            _schema_version.create(connection, checkfirst=True)
            version = connection.scalar(select(func.max(_schema_version.c.version))) or 0
            for number, step in enumerate(MIGRATIONS[version:], version + 1):
                step(connection)
                connection.execute(insert(_schema_version).values(version=number))
        self.migrated = True

    def check(self) -> None:
        """Raise TransientError or DatabaseError unless the database can be used now, with its tables still there."""
        with self.read() as connection:
            connection.execute(select(_schema_version.c.version))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise TransientError(f"database: {str(error.orig).strip().partition(chr(10))[0]}") from error
    except PoolTimeout as error:
        raise TransientError("database: all connections are busy") from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Transactions are begun by _begin_sqlite alone.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another one wrote in between.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
