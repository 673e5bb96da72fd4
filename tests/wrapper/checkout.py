"""A small checkout with the real wrapper, and an index on disk with two packages: a small `invoke` and a `uv`."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "cmp", "readlink", "dirname", "uname", "env", "sleep", "touch", "cat", "mkfifo")
INVOKE = """\
import sys, os
if "--version" in sys.argv: sys.exit(print("Invoke"))
print("ran", *sys.argv[1:], "in", os.getcwd())
sys.exit(7 if "fail" in sys.argv else 0)
"""


class Index:
    """A folder of wheels."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, name: str, files: Mapping[str, str], version: str = "1.0", platform: str = "any") -> str:
        """Put a wheel in; returns its line for a lock."""
        info = f"{name}-{version}.dist-info"
        tag = f"py3-none-{platform}"
        content = {
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        }
        record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in content.items())
        path = self.folder / f"{name}-{version}-{tag}.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for inner, text in {**content, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
                entry = zipfile.ZipInfo(inner)
                entry.external_attr = 0o100755 << 16
                wheel.writestr(entry, text)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Checkout:
    """A copy of what the wrapper needs, in a folder with a space in its name, and a PATH of its own."""

    def __init__(self, base: Path, index: Index) -> None:
        self.base = base
        self.index = index
        self.root = base / "my checkout"
        self.bin = base / "bin"
        self.home = base / "home"
        for folder in (self.root / "bootstrap", self.bin, self.home):
            folder.mkdir(parents=True)
        for name in ("inv", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root / name)
        for module in (
            "__init__",
            "cli/progress",
            "cli/report",
            "core/runner",
            "core/stage",
            "problems/problem",
            "problems/rows/first_use",
            "setup/first_use",
            "tools/package_index",
        ):
            copied = self.root / "bootstrap" / f"{module}.py"
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "bootstrap" / f"{module}.py", copied)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or pytest.fail(f"{tool} is not on this machine"))
        self.environ = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(index.folder),
            "PIP_RETRIES": "1",
            "UV_HTTP_RETRIES": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    @property
    def lock(self) -> Path:
        return self.root / "requirements.lock"

    def script(self, name: str, text: str) -> Path:
        """A program on PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    def add_python(self, name: str = "python3.11") -> None:
        """The Python that runs the tests, under a name on PATH."""
        self.script(name, f"exec '{real_python()}' \"$@\"")

    def add_uv(self) -> None:
        """The real uv on PATH."""
        (self.bin / "uv").symlink_to(find_uv_bin())

    def start(self, *arguments: str, program: Path | None = None, **more: str) -> subprocess.Popen[str]:
        """Start the wrapper in a process group of its own, in another folder."""
        return subprocess.Popen(
            [program or self.root / "inv", *arguments],
            env=self.environ | more,
            cwd=self.home,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def inv(self, *arguments: str, program: Path | None = None, **more: str) -> tuple[int, str, str]:
        """Run the wrapper to its end: exit code, stdout, stderr."""
        started = self.start(*arguments, program=program, **more)
        out, err = started.communicate(timeout=300)
        return started.returncode, out, err


def real_python() -> Path:
    """The Python below the virtual environment of the tests."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(os.path.realpath(Path(sys.base_prefix) / "bin" / version))
