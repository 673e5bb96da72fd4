"""The lock files: they satisfy what they were made from, agree with each other, and name no machine."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


def locked(path: Path) -> dict[str, Version]:
    """Name to version of every line of a lock."""
    lines = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in lines}


def unsatisfied(lines: list[str], lock: dict[str, Version]) -> list[str]:
    wanted = [Requirement(line) for line in lines]
    return [str(r) for r in wanted if lock.get(canonicalize_name(r.name), Version("0")) not in r.specifier]


OWN = locked(ROOT / "requirements.lock")
SERVICES = locked(ROOT / "services" / "constraints.txt")
RENEW = "run: python -m bootstrap.setup.locks"


def test_own_lock_satisfies_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    assert unsatisfied(lines, OWN) == [], RENEW


def test_services_lock_satisfies_every_service() -> None:
    files = sorted(ROOT.glob("services/*/requirements.txt"))
    assert files
    for file in files:
        lines = [line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
        wanted = [line for line in lines if line and not line.startswith("-")]
        assert unsatisfied(wanted, SERVICES) == [], f"{file}; {RENEW}"


def test_both_have_the_same_version_of_what_both_have() -> None:
    common = OWN.keys() & SERVICES.keys()
    assert {name: OWN[name] for name in common} == {name: SERVICES[name] for name in common}, RENEW


def test_every_line_has_hashes_and_none_names_a_place() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(OWN)
    assert all("--hash=sha256:" in entry for entry in entries)
    for place in ("://", "--index", "--find-links", "@ ", "file:"):
        assert place not in text + (ROOT / "services" / "constraints.txt").read_text(encoding="utf-8")
