"""The real sidecar, `daprd`: where it is on this machine, and how it is started in standalone mode."""

import os
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

# Seconds that daprd may take to finish what is under way.
GRACE_S = 3
INTERNAL_PORT = "--dapr-internal-grpc-port"


def find(environ: Mapping[str, str]) -> Path | None:
    """The daprd to use: the one that DAPRD names, else one on PATH, else that of `dapr init`; None when there is none.

    `DAPRD=` (empty) means that none is wanted.
    """
    if (named := environ.get("DAPRD")) is not None:
        return Path(named) if named and os.access(named, os.X_OK) else None
    if found := shutil.which("daprd", path=environ.get("PATH", "")):
        return Path(found)
    own = Path(environ.get("HOME") or "/nonexistent") / ".dapr" / "bin" / "daprd"
    return own if os.access(own, os.X_OK) else None


def argv(
    binary: Path,
    *,
    app_id: str,
    app_port: int,
    http_port: int,
    grpc_port: int,
    internal_port: int,
    resources: Path,
) -> list[str]:
    """The command: three ports, all on loopback; no placement, no scheduler, no mTLS, no metrics, no mDNS.

    `resources` is a folder that `bootstrap.dapr.resources.write_local` wrote; its `configuration.yaml` names the
    resolver. `internal_port` is where other daprds reach this one.
    """
    return [
        *(str(binary), "--app-id", app_id, "--mode", "standalone"),
        *("--app-channel-address", "127.0.0.1", "--app-port", str(app_port), "--app-protocol", "http"),
        *("--dapr-listen-addresses", "127.0.0.1", "--dapr-internal-grpc-listen-address", "127.0.0.1"),
        *("--dapr-http-port", str(http_port), "--dapr-grpc-port", str(grpc_port)),
        *(INTERNAL_PORT, str(internal_port)),
        *("--enable-metrics=false", "--enable-profiling=false", "--enable-mtls=false"),
        *("--placement-host-address", "", "--scheduler-host-address", ""),
        # While the app is away nothing is delivered, so that a restart costs no event its attempts.
        *("--enable-app-health-check", "--app-health-check-path", "/healthz"),
        *(
            "--app-health-probe-interval",
            "1",
            "--app-health-probe-timeout",
            "900",
            "--app-health-threshold",
            "3",
        ),
        *("--dapr-graceful-shutdown-seconds", str(GRACE_S), "--log-as-json"),
        *("--resources-path", str(resources), "--config", str(resources / "configuration.yaml")),
    ]


def internal_port(command: Sequence[str]) -> str:
    """Where other daprds reach the one that runs with that command; "" for any other program."""
    return command[command.index(INTERNAL_PORT) + 1] if INTERNAL_PORT in command else ""


def is_named(names: Path, port: str) -> bool:
    """Whether other daprds find the one with that internal port: it has entered its address into the file `names`.

    The table is that of Dapr's name resolver `sqlite`, version 1.
    """
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{names.as_uri()}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT 1 FROM hosts WHERE address LIKE '%:' || ?", (port,))
        return rows.fetchone() is not None
    return False


def forget(names: Path, port: str) -> None:
    """Takes out what a daprd with that internal port entered and, killed, left there: it leads nowhere, and the next
    one is not to be taken for it.
    """
    with suppress(sqlite3.Error), closing(sqlite3.connect(names, isolation_level=None)) as database:
        database.execute("DELETE FROM hosts WHERE address LIKE '%:' || ?", (port,))
