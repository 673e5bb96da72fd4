"""Where a field of a rendered document was written: the line of a values file or of a template."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

KEY = re.compile(r"^(?P<indent>\s*(?:- +)*)(?P<key>[A-Za-z_][\w./-]*):(?:\s|$)")


def find(path: str, templates: Iterable[Path], values: Iterable[Path]) -> tuple[Path, int] | None:
    """File and line (from 1) that a field comes from, as near as the text can tell; None when nothing fits.

    `path` is the field's, such as `spec.template.spec.containers[0].image`. A template fits where all keys around the
    line are the last ones of the path; a values file, where the key stands under one that ends like the path's parent.
    """
    wanted = re.sub(r"\[\d+\]", "", path).split(".")
    written = [
        (len(keys), file, line)
        for file in templates
        for keys, line in _keys(file)
        if keys == wanted[-len(keys) :] and len(keys) > 1
    ]
    if written:
        _, file, line = max(written, key=lambda found: found[0])
        return file, line
    for file in values:
        for keys, line in _keys(file):
            if keys[-1:] == wanted[-1:] and keys[-2:-1] and keys[-2].lower().endswith(wanted[-2:-1][0].lower()):
                return file, line
    return None


def _keys(file: Path) -> Iterator[tuple[list[str], int]]:
    """Each line with a key: the keys around it and its own, and its number."""
    around: list[tuple[int, str]] = []
    for number, text in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if match := KEY.match(text):
            indent = len(match["indent"])
            around = [(column, key) for column, key in around if column < indent]
            around.append((indent, match["key"]))
            yield [key for _, key in around], number
