"""Makes `.venv` from `requirements.lock`. `./inv` runs this with the Python that it found; standard library only.

One at a time: a lock is held until the last child has ended, also when this program is killed. A copy of what was
installed, `.venv/requirements.lock`, is written last: an environment without it is not finished, and is made anew.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from bootstrap.cli.report import Report
from bootstrap.problems.problem import ProblemsFound
from bootstrap.problems.rows.first_use import explain, foreign, not_writable
from bootstrap.tools.package_index import uv_environment

OLDEST_UV = (0, 5)


class FirstUse:
    """The environment of the checkout in `root`, made by a Python with the variables `environ`."""

    def __init__(self, root: Path, environ: Mapping[str, str], words: IO[str], base_python: str) -> None:
        self._root = root
        self._base_python = base_python
        self._venv = root / ".venv"
        self._python = self._venv / "bin" / "python"
        self._path = environ.get("PATH")
        self._environ = uv_environment(environ, root / ".inv" / "cache")
        self._words = words
        self._locked: IO[str] | None = None

    def make(self) -> None:
        """Make the environment as `requirements.lock` says, unless it is so. Raises `ProblemsFound`."""
        try:
            with self._one_at_a_time() as self._locked:
                wanted = (self._root / "requirements.lock").read_bytes()
                if not self._is_finished() or (self._venv / "requirements.lock").read_bytes() != wanted:
                    self._install(wanted)
        except OSError as error:
            raise ProblemsFound(not_writable(error, self._root)) from error

    def _one_at_a_time(self) -> IO[str]:
        (self._root / ".inv").mkdir(exist_ok=True)
        file = (self._root / ".inv" / "first-use.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._say("inv: another ./inv makes .venv; waiting for it\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def _is_finished(self) -> bool:
        try:
            made_in = (self._venv / "made-in").read_text(encoding="utf-8")
            works = subprocess.run([self._python, "-c", ""], capture_output=True, check=False).returncode == 0
        except OSError:
            return False
        return works and made_in == f"{self._root}\n" and (self._venv / "requirements.lock").exists()

    def _install(self, wanted: bytes) -> None:
        began = time.monotonic()
        fresh = not self._is_finished()
        if fresh:
            self._clear()
        uv = self._uv_on_path()
        how = f"Python {platform.python_version()}, {'uv' if uv else 'pip'}"
        self._say(f"inv: {'making' if fresh else 'renewing'} the environment in .venv ({how}) … ")
        try:
            (self._venv / "requirements.lock").unlink(missing_ok=True)
            part = self._venv / "requirements.part"
            part.write_bytes(wanted)
            if fresh:
                self._make_venv(uv)
            self._sync(part, uv or self._uv_from(wanted))
            self._run("check", [self._python, "-m", "invoke", "--version"])
            (self._venv / "made-in").write_text(f"{self._root}\n", encoding="utf-8")
            part.replace(self._venv / "requirements.lock")
        except BaseException as error:
            self._say("stopped\n" if isinstance(error, KeyboardInterrupt) else "failed\n")
            raise
        self._say(f"{time.monotonic() - began:.1f} s\n")

    def _clear(self) -> None:
        """An empty `.venv` that says whose it is. What someone else made is not touched."""
        mark = self._venv / "made-by-inv"
        self._venv.mkdir(exist_ok=True)
        if any(self._venv.iterdir()) and not mark.exists():
            raise ProblemsFound(foreign(self._venv))
        mark.touch()
        for path in self._venv.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != mark:
                path.unlink()

    def _uv_on_path(self) -> str | None:
        uv = shutil.which("uv", path=self._path)
        if uv is None:
            return None
        try:
            asked = subprocess.run([uv, "--version"], capture_output=True, text=True, env=self._environ, check=False)
            version = tuple(int(part) for part in asked.stdout.split()[1].split(".")[:2])
        except (OSError, IndexError, ValueError):  # not for this system, or not uv
            return None
        return uv if asked.returncode == 0 and version >= OLDEST_UV else None

    def _make_venv(self, uv: str | None) -> None:
        if uv:
            command: list[str | Path] = [uv, "venv", "--quiet", "--no-python-downloads", "--allow-existing"]
            self._run("venv", [*command, "--python", self._base_python, self._venv])
        else:
            self._run("venv", [self._base_python, "-m", "venv", self._venv])

    def _uv_from(self, wanted: bytes) -> str | None:
        """uv in the environment itself, installed by pip with its hashes; None when the index has none to run here."""
        lines = iter(wanted.decode().splitlines())
        own: list[str] = []
        for line in lines:
            if line.startswith("uv=="):
                own.append(line)
                while own[-1].endswith("\\"):
                    own.append(next(lines))
        uv = self._venv / "bin" / "uv"
        if not own:
            return None
        if not uv.exists():
            file = self._venv / "requirements.uv"
            file.write_text("\n".join(own) + "\n", encoding="utf-8")
            try:
                self._run("pip", [*self._pip(), "--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", file])
            except ProblemsFound as failed:
                if failed.problems[0].code == "no-wheel":
                    return None
                raise
        return str(uv)

    def _pip(self) -> list[str | Path]:
        return [self._python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]

    def _sync(self, lock: Path, uv: str | None) -> None:
        if uv:
            command: list[str | Path] = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", self._python]
            self._run("uv", [*command, lock])
        else:
            self._run("pip", [*self._pip(), "--require-hashes", "--no-deps", "-r", lock])

    def _run(self, tool: str, command: list[str | Path]) -> None:
        """Run to the end. The child inherits the lock: were this program killed, the next one waits for it."""
        assert self._locked is not None  # noqa: S101 - only called under the lock
        shown = [os.fspath(part) for part in command]
        try:
            ran = subprocess.run(
                command,
                cwd=self._root,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                pass_fds=[self._locked.fileno()],
                check=False,
            )
        except OSError as error:
            raise ProblemsFound(explain(tool, str(error), shown)) from error
        if ran.returncode:
            raise ProblemsFound(explain(tool, ran.stdout, shown))

    def _say(self, text: str) -> None:
        self._words.write(text)
        self._words.flush()


def main(root: Path, environ: Mapping[str, str], words: IO[str], base_python: str = sys.executable) -> int:
    """Make `.venv` with `base_python`. Exit code: 0 the environment is there, 1 a known problem, 130 interrupted."""
    try:
        FirstUse(root, environ, words, base_python).make()
    except ProblemsFound as failed:
        Report(words).problems(failed.problems)
        return 1
    except KeyboardInterrupt:
        words.write("\n  Stopped. The next ./inv makes the environment anew.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[2], os.environ, sys.stderr))
