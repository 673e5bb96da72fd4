"""`docs/troubleshooting.md`, written from the problems themselves: `python -m bootstrap.problems.docs_page`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from bootstrap.problems import catalogue
from bootstrap.problems.problem import Row
from bootstrap.problems.rows import first_use

MANIFEST = (
    Row(
        "manifest-missing",
        "There is no environment.toml. It describes the environment; without it there is nothing to do.",
        "git checkout -- environment.toml",
    ),
    Row("manifest-unreadable", "environment.toml must be a file that you may read.", "ls -ld environment.toml"),
    Row(
        "manifest-syntax",
        "The file is not TOML, or not UTF-8. A key stands once in its table, a string is in quotes, every bracket is "
        "closed.",
        "# mend the line that the problem names, then:\n./inv up",
    ),
    Row(
        "manifest-missing-key",
        "Something that must be stated is not there; [the reference](configuration.md) lists every key.",
        "# add the lines that the problem shows, with your own values, then:\n./inv up",
    ),
    Row(
        "manifest-unknown-key",
        "A key that means nothing. It is an error, because a misspelt key would otherwise be silently ignored.",
        "# write the key that the problem names as the nearest, or remove it, then:\n./inv up",
    ),
    Row(
        "manifest-invalid-value",
        "A value of the wrong kind, or outside its range. The problem says what is valid, and the nearest such value.",
        "# write the line that the problem shows, then:\n./inv up",
    ),
    Row(
        "manifest-unknown-reference",
        "A name of a topic, a service or a folder that does not exist. The problem lists those that do.",
        "# write the line that the problem shows, then:\n./inv up",
    ),
    Row(
        "manifest-conflict",
        "Two things that contradict each other: a port or an app id taken twice, dead letters that go round in a "
        "circle, a reserved variable, a call to a service without an app id.",
        "# write the lines that the problem shows, then:\n./inv up",
    ),
)
FIRST_USE = (
    Row(
        "python-too-old",
        "There is no Python 3.11 or newer on PATH, or INV_PYTHON names an older one. ./inv needs nothing else.",
        "# install one, as by:\nsudo apt-get install python3 python3-venv\n"
        "# or name one that is elsewhere:\nINV_PYTHON=/path/to/python3 ./inv --list",
    ),
    *(Row(row.code, f"{row.summary} {row.cause}", row.remedy) for row in first_use.ROWS),
    Row(
        "first-use-failed",
        "The installer ended with an error that is not known here; its last words are shown.",
        "# run the command that the problem shows, to see all of its words",
    ),
    Row(
        "lock-missing",
        "There is no requirements.lock in the checkout. It names the packages of the project's own environment.",
        "git checkout -- requirements.lock",
    ),
    Row(
        "checkout-not-writable",
        "./inv keeps the environment in .venv and its state in .inv, both in the checkout.",
        "ls -ld . && df .\n# or work in a copy of your own:\ngit clone . ~/taskapp",
    ),
    Row(
        "venv-foreign",
        "There is a .venv that ./inv did not make, so it is left as it is.",
        "mv .venv .venv.mine",
    ),
)
_LATER = {row.code for row in catalogue.ROWS}
AREAS: dict[str, tuple[Row, ...]] = {
    "First use": tuple(row for row in FIRST_USE if row.code not in _LATER),
    "environment.toml": MANIFEST,
    **catalogue.AREAS,
}
"""Every row there is, each once, by what it is about."""
HEAD = """\
<!-- Written by `python -m bootstrap.problems.docs_page`; do not edit. -->
# Troubleshooting

Every failure shows its code in brackets, what is wrong, why, the tool's own words, and what to type. Here they are all
in one place. Words in capitals stand for what your problem names; the tool's words, where a cause says that they are
below, stand in your problem alone. Where `kubectl` or `minikube` is not on PATH, [the guide](guide.md#on-a-cluster)
says where they are. A problem without a code is a bug of this project.
"""
KUBECTL = "kubectl --kubeconfig KUBECONFIG --context CONTEXT --namespace NAMESPACE"


class _Words(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key.upper()


def advice(text: str) -> str:
    """Facts as words in capitals; what only the problem itself can say, as a comment."""
    return text.format_map(_Words(advice="# the problem itself shows the change to make", kubectl=KUBECTL))


def _chapter(title: str, rows: Iterable[Row]) -> Iterator[str]:
    yield f"## {title}\n"
    for row in sorted(rows, key=lambda row: row.code):
        yield f"### {row.code}\n"
        yield f"{advice(row.cause)}\n"
        yield f"```sh\n{advice(row.remedy)}\n```\n"


def text() -> str:
    """The whole page."""
    parts = [
        HEAD,
        *(line for title, rows in AREAS.items() for line in _chapter(title, rows)),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    page = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
    page.write_text(text(), encoding="utf-8")
