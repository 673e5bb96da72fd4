"""Whether a service's folder is there, below the manifest's own, with what a service needs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap.manifest.lines import Location
from bootstrap.manifest.problems import Collector
from bootstrap.manifest.toml import dotted


def check(name: str, service: Mapping[str, Any], root: Path, problems: Collector) -> None:
    """Report a folder that is not there, lies elsewhere, or lacks requirements.txt or the Python module."""
    path: str | None = service.get("path")
    if path is None:
        return
    location: Location = ("services", name, "path")
    real_root = Path(os.path.realpath(root))
    folder = Path(os.path.realpath(root / path))
    module = path.rpartition("/")[2].replace("-", "_")
    if folder == real_root or not folder.is_relative_to(real_root):
        problems.conflict(
            location,
            f"{dotted(location)} is {path}, which leads out of {root}.",
            "A service's folder lies below the folder of the manifest.",
            instead=f"services/{name}",
        )
    elif not folder.is_dir():
        there = {file.parent.relative_to(root).as_posix() for file in root.glob("*/*/requirements.txt")}
        problems.reference(location, path, "folder", there)
    else:
        for part, remedy in (("requirements.txt", "touch"), (module, "mkdir")):
            if not (folder / part).exists():
                problems.add(
                    "manifest-unknown-reference",
                    location,
                    f"{dotted(location)} is {path}, but there is no {path}/{part}.",
                    f"A service's folder holds requirements.txt and its Python module, here {module}.",
                    remedy=f"{remedy} {path}/{part}",
                )
