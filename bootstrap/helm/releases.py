"""Releases: what Helm has deployed in the cluster, brought to what is wanted.

A release is compared by what it is made from, the files of its chart and its values. (pyhelm3's own comparison knows
the chart's version and the values alone, so it skips an edited template.)
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from bootstrap.core import hashing
from bootstrap.core.env import Env, owner_of
from bootstrap.helm import drift, storage
from bootstrap.helm.storage import DEPLOYED, DIGEST, INTERRUPTED, OWNER, Revision
from bootstrap.problems.problem import ProblemsFound


def digest(release: str, chart: Path, values: Mapping[str, Any], namespace: str, files: Sequence[Path] = ()) -> str:
    """A hash of everything that a release is made from; `chart` is a folder or an archive."""
    return hashing.digest([chart, *files], release, namespace, json.dumps(values, sort_keys=True))


def deploy(
    env: Env, release: str, chart_folder: Path, values: Mapping[str, Any], namespace: str, files: Sequence[Path] = ()
) -> str:
    """Makes the release what chart and values say; its workloads start afterwards, for which this does not wait.

    `files` are values files, last wins, and `values` win over them. Returns "unchanged", "installed", "upgraded", or
    "recovered" where an earlier Helm was interrupted. Raises `ProblemsFound`.
    """
    wanted = digest(release, chart_folder, values, namespace, files)
    there = storage.latest(env, namespace, release)
    done = "upgraded" if there else "installed"
    if there and (there.status, there.digest, there.owner) == (DEPLOYED, wanted, owner_of(env.root)):
        changed = list(drift.find(env, storage.documents(env, there), namespace))
        if not changed:
            return "unchanged"
        env.notify(f"{release} is not as it was deployed ({'; '.join(changed)}): it is deployed again.")
    elif there and there.status in INTERRUPTED:
        env.notify(f"The release {release} was left {there.status} by a Helm that was interrupted: it is recovered.")
        # What that Helm has made carries the release's name, and is taken over. A rollback or an uninstallation would
        # stop what runs, only to start it again.
        storage.forget(env, there)
        done = "recovered"
    elif there and there.status == "uninstalling":
        env.notify(f"The removal of the release {release} was interrupted: it is completed.")
        uninstall(env, release, namespace)
        done = "recovered"
    try:
        _upgrade(env, release, chart_folder, values, namespace, files, wanted)
    except ProblemsFound as failed:
        if failed.problems[0].code != "release-object-appeared":
            raise
        # What came late, such as the last request of an interrupted Helm, is there when Helm looks again.
        env.notify(f"{failed.problems[0].cause} {release} is deployed again.")
        _upgrade(env, release, chart_folder, values, namespace, files, wanted)
    return done


def _upgrade(
    env: Env,
    release: str,
    chart: Path,
    values: Mapping[str, Any],
    namespace: str,
    files: Sequence[Path],
    wanted: str,
) -> None:
    from bootstrap.helm.client import HelmClient
    from bootstrap.tools.versions import program

    labels = {DIGEST: wanted, OWNER: owner_of(env.root)}
    door = HelmClient(env, program(env, "helm"), release, namespace, files, labels)
    asyncio.run(
        door.install_or_upgrade(
            release,
            chart,
            dict(values),
            namespace=namespace,
            # Namespaces are made before, with their Pod Security labels.
            create_namespace=False,
            # A field that somebody edited by hand is taken back; without it Helm ends with a conflict.
            force_conflicts=True,
            server_side="true",
        )
    )


def uninstall(env: Env, release: str, namespace: str) -> None:
    """Removes a release and what it consists of. Raises `ProblemsFound`."""
    from bootstrap.helm.client import HelmClient
    from bootstrap.tools.versions import program

    asyncio.run(HelmClient(env, program(env, "helm"), release, namespace).uninstall(release, namespace=namespace))


def current(env: Env) -> dict[str, dict[str, Any]]:
    """Every release of this checkout, in one call: its revision, status, digest, and when it was `updated` (seconds
    since 1970). Raises `ProblemsFound`."""
    return {
        one.release: {"revision": one.number, "status": one.status, "digest": one.digest, "updated": one.updated}
        for one in _ours(env)
    }


def prune(env: Env, keep: Collection[str]) -> tuple[str, ...]:
    """Removes the releases of this checkout in the app's namespace that are not in `keep`; returns their names.

    Raises `ProblemsFound`.
    """
    namespace = env.manifest.namespace
    gone = sorted(one.release for one in _ours(env) if one.namespace == namespace and one.release not in keep)
    for release in gone:
        env.notify(f"{release} is no longer in environment.toml: its release is removed.")
        uninstall(env, release, namespace)
    return tuple(gone)


def _ours(env: Env) -> list[Revision]:
    return [one for one in storage.all_latest(env).values() if one.owner == owner_of(env.root)]
