"""Every problem this project can name: its code, its cause, its remedy, and the foreign words that mean it.

Rows with a `pattern` turn the words of a tool into a problem, scoped by tool and phase so that no pattern can match
where it was not meant. `docs/troubleshooting.md` is generated from these rows.
"""

import re
import shlex
from pathlib import Path

from bootstrap.problems import redaction
from bootstrap.problems.problem import Problem, Row
from bootstrap.problems.rows import (
    access,
    broker,
    broker_access,
    charts,
    cli,
    dapr,
    docker,
    images,
    kubernetes,
    machine,
    minikube,
    pods,
    releases,
    services,
    smoke,
    sources,
    tools,
)

__all__ = ["AREAS", "ROWS", "Row", "is_unknown", "problem", "recognise"]

AREAS: dict[str, tuple[Row, ...]] = {
    "The command": cli.ROWS,
    "This machine": machine.ROWS,
    "Tools and downloads": tools.ROWS,
    "Requirements and code": sources.ROWS,
    "Docker, and Redpanda in it": docker.ROWS,
    "Images": images.ROWS,
    "Charts, before anything is deployed": charts.ROWS,
    "minikube and its cluster": minikube.ROWS,
    "The API of the cluster": kubernetes.ROWS,
    "Broker and topics": broker.ROWS,
    "Pods and the broker": broker_access.ROWS,
    "Dapr and PostgreSQL on the cluster": dapr.ROWS,
    "Releases": releases.ROWS,
    "Pods": pods.ROWS,
    "Services as processes of this machine": services.ROWS,
    "Doors and logs": access.ROWS,
    "Smoke tests": smoke.ROWS,
}
"""The rows by what they are about, in the order in which an environment comes up."""

ROWS: tuple[Row, ...] = tuple(row for rows in AREAS.values() for row in rows)

_BY_CODE = {row.code: row for row in ROWS}


def is_unknown(code: str) -> bool:
    """Whether a problem of that code means words that nothing here knows."""
    return code in _BY_CODE and _BY_CODE[code].unknown


class _Facts(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def problem(
    code: str, summary: str, *, evidence: str = "", where: str = "", final: bool = False, **facts: object
) -> Problem:
    """The problem of that code, its cause and remedy filled with `facts`; a `Path` is one shell word of the remedy."""
    row = _BY_CODE[code]
    pasted = {name: shlex.quote(str(fact)) if isinstance(fact, Path) else fact for name, fact in facts.items()}
    return Problem(
        code=code,
        summary=summary,
        cause=row.cause.format_map(_Facts(facts)),
        remedy=row.remedy.format_map(_Facts(pasted)),
        evidence=redaction.text(evidence).strip(),
        where=where,
        final=final,
    )


def recognise(tool: str, phase: str, words: str, summary: str, *, where: str = "", **facts: object) -> Problem | None:
    """The first row of that tool and phase whose pattern is in `words`, as a final problem; else None."""
    for row in ROWS:
        if row.pattern and (row.tool, row.phase) == (tool, phase):
            match = re.search(row.pattern, words)
            if match:
                groups = {k: v for k, v in match.groupdict().items() if v is not None}
                return problem(row.code, summary, evidence=words, where=where, final=True, **{**facts, **groups})
    return None
