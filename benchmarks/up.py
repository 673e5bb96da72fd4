"""The main job from a fresh clone: cold `up`, no-op `up`, `rebuild`, `down`; with yardsticks of the same minute.

    .venv/bin/python -m benchmarks.up [ROUNDS]

What is not committed is not measured. The clone lies in a temporary folder, which is gone afterwards.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVICE = "backend-api"
TIMEOUT = 600  # seconds for any one command


def timed(argv: Sequence[str], folder: Path) -> float:
    """Wall time of a command, in seconds. Raises RuntimeError with its words when it fails."""
    environ = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    began = time.monotonic()
    done = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return time.monotonic() - began


def row(what: str, measured: Sequence[float], target: str = "") -> None:
    each = ", ".join(f"{seconds:.2f}" for seconds in measured)
    print(f"{what:<34} {statistics.median(measured):6.2f} s  ({each})  {target}".rstrip(), flush=True)


def yardsticks(rounds: int) -> None:
    """What this machine needs, at this moment, for things that this project does not influence."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = ROOT / "services" / SERVICE / "requirements.txt"
        constraints = ROOT / "services" / "constraints.txt"

        def install() -> float:
            shutil.rmtree(Path(folder) / "v", ignore_errors=True)
            uv = (sys.executable, "-m", "uv")
            made = timed([*uv, "venv", "--quiet", "--python", sys.executable, "v"], Path(folder))
            asked = ("-r", str(requirements), "-c", str(constraints))
            return made + timed([*uv, "pip", "install", "--quiet", "--python", "v/bin/python", *asked], Path(folder))

        install()  # fills the cache
        row("yardstick: python -c pass", [timed([sys.executable, "-c", "pass"], ROOT) for _ in range(3 * rounds)])
        row(f"yardstick: uv installs {SERVICE}", [install() for _ in range(rounds)])


def edited(file: Path, then: Callable[[], float]) -> float:
    """The time of `then` after a change of the file."""
    file.write_text(f"{file.read_text()}\n# {time.monotonic()}\n")
    return then()


def main(rounds: int = 3) -> None:
    yardsticks(rounds)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        timed(["git", "clone", "--quiet", str(ROOT), str(clone)], ROOT)
        inv = str(clone / "inv")

        def run(*words: str) -> float:
            return timed([inv, *words], clone)

        def cold() -> float:
            run("down")
            shutil.rmtree(clone / ".inv", ignore_errors=True)
            return run("up", "--on", "local")

        try:
            row("first use (.venv, caches warm)", [run("--list")])
            run("up", "--on", "local")  # fills the caches
            row("cold up (wheels cached)", [cold() for _ in range(rounds)], "target 15 s on two cores")
            row("no-op up, every gate checked", [run("up") for _ in range(2 * rounds)], "target 0.7 s")
            row("status", [run("status") for _ in range(rounds)])
            main_file = clone / "services" / SERVICE / SERVICE.replace("-", "_") / "__init__.py"
            changes = [edited(main_file, lambda: run("rebuild", SERVICE)) for _ in range(rounds)]
            row(f"rebuild {SERVICE} to proven", changes, "target 3 s")
            row("verify", [run("verify")])
        finally:
            if clone.exists():
                row("down", [run("down")])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
