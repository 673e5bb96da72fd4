"""docs/architecture.svg, drawn from the pipeline and the package contract: `python -m tests.architecture`."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from bootstrap import pipeline
from bootstrap.core.env import Env
from bootstrap.core.stage import Stage
from bootstrap.manifest import load

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"
WIDTH, HEIGHT, GAP_X, GAP_Y, TOP = 122, 28, 36, 44, 64  # px of a stage's box and around it
LAYER_WIDTH, LAYER_HEIGHT = 190, 20  # px
EACH_SERVICE = "each service"
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1b1f24}.title{font-weight:600;font-size:15px}.note{fill:#57606a}"
    "rect{fill:#ddf4ff;stroke:#0969da;rx:5}.layer{fill:#f6f8fa;stroke:#8c959f}path{fill:none;stroke:#8c959f}"
    "@media(prefers-color-scheme:dark){.back{fill:#0d1117}text{fill:#e6edf3}.note{fill:#9198a1}"
    "rect{fill:#121d2f;stroke:#4493f8}.layer{fill:#151b23;stroke:#656c76}}.back{stroke:none;fill:#fff}"
)


def columns(stages: Sequence[Stage]) -> list[list[Stage]]:
    """The stages by the length of the longest chain of needs before them."""
    depth: dict[str, int] = {}
    for stage in stages:
        depth[stage.name] = 1 + max((depth[need] for need in stage.needs), default=-1)
    return [[stage for stage in stages if depth[stage.name] == level] for level in range(max(depth.values()) + 1)]


def layers() -> list[str]:
    """The packages of `bootstrap` from top to bottom, as import-linter holds them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return [str(name) for name in next(each["layers"] for each in contracts if each["type"] == "layers")]


def picture() -> str:
    """The whole file."""
    env = replace(Env(manifest=load(ROOT / "environment.toml"), environ={}), place="minikube")
    graph = columns(pipeline.minikube(env, (EACH_SERVICE,)))
    packages = layers()
    across = len(graph) * (WIDTH + GAP_X)
    width = across + LAYER_WIDTH + 2 * GAP_X
    height = TOP + len(packages) * LAYER_HEIGHT + GAP_X
    middle = TOP + len(packages) * LAYER_HEIGHT // 2
    at = {
        stage.name: (
            GAP_X + column * (WIDTH + GAP_X),
            middle + row * (HEIGHT + GAP_Y) - len(found) * (HEIGHT + GAP_Y) // 2 + GAP_Y // 2,
        )
        for column, found in enumerate(graph)
        for row, stage in enumerate(found)
    }
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{width}" height="{height}"/>',
        *_head(GAP_X, "The stages of ./inv up on minikube", "each starts when what it needs is proven"),
        *_arrows(graph, at),
        *(_box(*at[name], WIDTH, HEIGHT, name) for name in at),
        *_head(across + GAP_X, "Packages of bootstrap/", "each imports only those below"),
    ]
    for row, name in enumerate(packages):
        lines.append(_box(across + GAP_X, TOP + row * LAYER_HEIGHT, LAYER_WIDTH, LAYER_HEIGHT, name, "layer"))
    return "\n".join([*lines, "</svg>", ""])


def _head(x: int, title: str, note: str) -> Iterator[str]:
    yield f'<text class="title" x="{x}" y="26">{escape(title)}</text>'
    yield f'<text class="note" x="{x}" y="46">{escape(note)}</text>'


def _arrows(graph: Sequence[Sequence[Stage]], at: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """A curve from each stage to those that need it, unless another stage between them already says so."""
    stages = {stage.name: stage for column in graph for stage in column}

    def before(name: str) -> set[str]:
        return {name}.union(*(before(need) for need in stages[name].needs))

    for name, stage in stages.items():
        for need in stage.needs:
            if any(need in before(other) for other in stage.needs if other != need):
                continue
            (x1, y1), (x2, y2) = at[need], at[name]
            x1, y1, y2 = x1 + WIDTH, y1 + HEIGHT // 2, y2 + HEIGHT // 2
            yield f'<path d="M{x1} {y1} C{x1 + GAP_X} {y1} {x2 - GAP_X} {y2} {x2} {y2}"/>'


def _box(x: int, y: int, width: int, height: int, text: str, kind: str = "stage") -> str:
    shape = f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}"/>'
    return f'{shape}<text x="{x + 8}" y="{y + height // 2 + 5}">{escape(text)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
