"""Every import of a service is covered by its own requirements: found by reading the code, before anything runs."""

import ast
import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bootstrap.core import hashing
from bootstrap.core.env import Env
from bootstrap.local import layout
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import Problem

# Looks where the import system would look, without running a package: importing them would take seconds. Only what is
# not found that way is imported for real, for modules that a package makes itself as it is loaded.
FIND = """
import importlib.util, json, sys
from importlib.machinery import PathFinder
def lies(name):
    path, parts = None, name.split(".")
    for end in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:end]), path)
        if spec is None:
            return False
        path = spec.submodule_search_locations
    return True
def there(name):
    try: return lies(name) or importlib.util.find_spec(name) is not None
    except ImportError: return False
    except Exception: return True  # it is there, and its package fails by itself
print(json.dumps([name for name in sys.argv[1:] if not there(name)]))
"""
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


# Python 3.11's parser counts its depth for all threads together: two that parse at once can end in a SystemError.
_PARSING = threading.Lock()


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
    try:
        with _PARSING:
            found = _required(folder / service.module, shared, env.root)
    except _Unreadable as unreadable:
        yield unreadable.problem
        return
    done = env.run(
        [str(layout.python_of(env, name)), "-c", FIND, *found],
        timeout=30,
        environ=env.child_environ(**layout.python_environ(shared, folder)),
    )
    if done.exit != 0:
        yield problem(
            "service-environment-broken",
            f"The Python environment of {name} does not work.",
            evidence=f"$ {done.shown}\n{done.words}",
            folder=layout.python_of(env, name).parents[1],
            final=True,
        )
        return
    missing = json.loads(done.stdout)
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


class _Unreadable(Exception):
    def __init__(self, found: Problem) -> None:
        super().__init__(found.summary)
        self.problem = found


def _required(package: Path, shared: Path, root: Path) -> dict[str, str]:
    """Every module that the package needs, with the file:line that imports it; what it uses of `shared` included."""
    found: dict[str, str] = {}
    todo = [path for path in hashing.files(package) if path.suffix == ".py"]
    seen = set(todo)
    while todo:
        path = todo.pop(0)
        for module, names, line in _imports(path, root):
            found.setdefault(module, f"{path.relative_to(root)}:{line}")
            for used in (module, *(f"{module}.{name}" for name in names)):
                new = [file for file in _files_of(used, shared) if file not in seen]
                seen.update(new)
                todo.extend(new)
    return found


def _files_of(module: str, shared: Path) -> Iterator[Path]:
    """The files of `shared` that Python reads to import the module."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        stem = shared.joinpath(*parts[:count])
        yield from (file for file in (stem / "__init__.py", stem.with_suffix(".py")) if file.is_file())


def _imports(path: Path, root: Path) -> Iterator[tuple[str, list[str], int]]:
    """Absolute imports that must succeed, as (module, names, line).

    Where a failed import is caught, and where only type checkers look, an import may fail.
    """
    where = str(path.relative_to(root))
    try:
        tree = ast.parse(path.read_bytes(), where)
    except (SyntaxError, ValueError) as error:
        line, words = getattr(error, "lineno", None) or 1, getattr(error, "msg", str(error))
        at, text = f"{where}:{line}", getattr(error, "text", "") or ""
        found = problem("source-syntax", f"{at}: {words}.", evidence=text, where=at, final=True)
        raise _Unreadable(found) from error
    optional = {id(inner) for node in ast.walk(tree) if _may_fail(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in optional:
            continue
        if isinstance(node, ast.Import):
            imported = [(alias.name, list[str]()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported = [(node.module, [alias.name for alias in node.names])]
        else:
            continue
        for module, names in imported:
            if module.split(".")[0] not in sys.stdlib_module_names:
                yield module, names, node.lineno


def _may_fail(node: ast.AST) -> bool:
    if isinstance(node, ast.Try):
        caught = " ".join(ast.unparse(handler.type) if handler.type else "Exception" for handler in node.handlers)
        return any(name in caught for name in ("ImportError", "ModuleNotFoundError", "Exception"))
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
