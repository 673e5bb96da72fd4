"""The catalogue's rows about the services' requirements and code."""

from bootstrap.problems.problem import Row

ROWS: tuple[Row, ...] = (
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
        unknown=True,
    ),
    Row(
        "service-environment-missing",
        "The service's own Python environment, or the interpreter that it was made from, is gone.",
        "./inv up",
    ),
    Row(
        "service-environment-broken",
        "The interpreter of the service's environment starts and then fails, so nothing can run in it.",
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
)
