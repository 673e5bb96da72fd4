"""Writes the two lock files: `python -m bootstrap.setup.locks [--upgrade]`.

`services/constraints.txt`: one version of every package that any service needs. `requirements.lock`: this project's own
environment with hashes, development tools included, at the same versions where both have a package. Both hold for every
platform and Python that the project supports. Without `--upgrade`, versions change only where they must.
"""

import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

COMPILE = ("pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--no-annotate")
SELF = ("--custom-compile-command", "python -m bootstrap.setup.locks")


def commands(root: Path) -> list[list[str]]:
    """The arguments for uv, in order; to be run in `root`."""
    requirements = sorted(path.relative_to(root).as_posix() for path in root.glob("services/*/requirements.txt"))
    services, own = "services/constraints.txt", "requirements.lock"
    return [
        [*COMPILE, *SELF, *requirements, "--output-file", services],
        [
            *COMPILE,
            *SELF,
            "--generate-hashes",
            "--group",
            "dev",
            "-c",
            services,
            "pyproject.toml",
            "--output-file",
            own,
        ],
    ]


if __name__ == "__main__":
    root = Path(__file__).parents[2]
    for command in commands(root):
        if code := subprocess.run([find_uv_bin(), *command, *sys.argv[1:]], cwd=root, check=False).returncode:
            raise SystemExit(code)
