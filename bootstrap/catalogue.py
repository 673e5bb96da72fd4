"""Every problem this project can name: its code, its cause, its remedy, and the foreign words that mean it.

Rows with a `pattern` turn the words of a tool into a problem, scoped by tool and phase so that no pattern can match
where it was not meant. `docs/troubleshooting.md` is generated from these rows.
"""

import re
import shlex
from pathlib import Path

from bootstrap import (
    catalogue_broker,
    catalogue_charts,
    catalogue_dapr,
    catalogue_docker,
    catalogue_doors,
    catalogue_images,
    catalogue_kubernetes,
    catalogue_machine,
    catalogue_minikube,
    catalogue_pods,
    catalogue_reach,
    catalogue_releases,
    catalogue_run,
    catalogue_services,
    catalogue_smoke,
    catalogue_sources,
    catalogue_tools,
    redaction,
)
from bootstrap.problem import Problem, Row

__all__ = ["AREAS", "ROWS", "Row", "is_unknown", "problem", "recognise"]

AREAS: dict[str, tuple[Row, ...]] = {
    "The command": catalogue_run.ROWS,
    "This machine": catalogue_machine.ROWS,
    "Tools and downloads": catalogue_tools.ROWS,
    "Requirements and code": catalogue_sources.ROWS,
    "Docker, and Redpanda in it": catalogue_docker.ROWS,
    "Images": catalogue_images.ROWS,
    "Charts, before anything is deployed": catalogue_charts.ROWS,
    "minikube and its cluster": catalogue_minikube.ROWS,
    "The API of the cluster": catalogue_kubernetes.ROWS,
    "Broker and topics": catalogue_broker.ROWS,
    "Pods and the broker": catalogue_reach.ROWS,
    "Dapr and PostgreSQL on the cluster": catalogue_dapr.ROWS,
    "Releases": catalogue_releases.ROWS,
    "Pods": catalogue_pods.ROWS,
    "Services as processes of this machine": catalogue_services.ROWS,
    "Doors and logs": catalogue_doors.ROWS,
    "Smoke tests": catalogue_smoke.ROWS,
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
