"""Every import of a service is covered by its own requirements: found by reading the code, before anything runs."""

import ast
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bootstrap import content
from bootstrap.catalogue import problem
from bootstrap.env import Env
from bootstrap.local import layout
from bootstrap.problem import Problem

FIND = (
    "import importlib.util, json, sys\n"
    "def there(name):\n"
    "    try: return importlib.util.find_spec(name) is not None\n"
    "    except (ImportError, ValueError): return False\n"
    "print(json.dumps([name for name in sys.argv[1:] if not there(name)]))"
)
# Distributions whose name is not that of their module; for all others the module's name is the best guess.
DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "PIL": "pillow",
    "dateutil": "python-dateutil",
    "psycopg2": "psycopg2-binary",
    "sklearn": "scikit-learn",
    "bs4": "beautifulsoup4",
    "dapr.ext.fastapi": "dapr-ext-fastapi",
    "grpc": "grpcio",
    "google.protobuf": "protobuf",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "dotenv": "python-dotenv",
    "opentelemetry": "opentelemetry-api",
}


def uncovered(env: Env) -> Iterator[Problem]:
    """One problem for each import that nothing provides, and for each file that Python cannot read."""
    with ThreadPoolExecutor(4) as pool:
        for problems in pool.map(lambda name: list(_of_service(env, name)), env.manifest.services):
            yield from problems


def _of_service(env: Env, name: str) -> Iterator[Problem]:
    service = env.manifest.services[name]
    folder, shared = env.root / service.path, env.root / "services" / "shared"
    key = f"{layout.version(env, name)} {layout.python_of(env, name).parents[1].name}"
    proven = env.local / "envs" / f"{name}.imports"
    if proven.exists() and proven.read_text() == key:
        return
    found: dict[str, str] = {}
    for path in content.files(folder / service.module):
        if path.suffix == ".py":
            try:
                found |= {module: at for module, at in _imports(path, env.root) if module not in found}
            except SyntaxError as error:
                where = f"{path.relative_to(env.root)}:{error.lineno}"
                yield problem(
                    "source-syntax",
                    f"{where}: {error.msg}.",
                    evidence=error.text or "",
                    where=where,
                    final=True,
                )
                return
    done = env.run(
        [str(layout.python_of(env, name)), "-c", FIND, *found],
        timeout=30,
        environ=layout.python_environ(env, shared, folder),
    )
    missing = json.loads(done.stdout) if done.exit == 0 else []
    for module in missing:
        distribution = DISTRIBUTIONS.get(module) or DISTRIBUTIONS.get(module.split(".")[0]) or module.split(".")[0]
        at = layout.requirements(env, name).relative_to(env.root)
        yield problem(
            "import-not-covered",
            f"{found[module]} imports {module}, and {at} does not provide it.",
            where=found[module],
            advice=f"echo '{distribution}' >> {at}\n# pin it (name==version), then:\n./inv up",
            final=True,
        )
    if not missing:
        proven.write_text(key)


def _imports(path: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Absolute imports that must succeed, as (module, file:line); inside `try` and type checks they may fail."""
    tree = ast.parse(path.read_text(), str(path))
    optional = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom) or id(node) in optional:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module] if node.module and not node.level else []
        for module in names:
            if module.split(".")[0] not in sys.stdlib_module_names:
                yield module, f"{path.relative_to(root)}:{node.lineno}"
