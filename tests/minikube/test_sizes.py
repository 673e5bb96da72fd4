"""What environment.toml asks for the cluster, against what an engine has."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from bootstrap.manifest import Manifest
from bootstrap.minikube import sizes
from tests.doubles import MANIFEST

BROKER_MB = 512


def manifest(cpus: int, memory_mb: int) -> Manifest:
    document = tomllib.loads(MANIFEST)
    document["cluster"] |= {"cpus": cpus, "memory_mb": memory_mb}
    return Manifest.model_validate(document)


def remedies(cpus: int, memory_mb: int, has_cpus: int, has_mb: int) -> dict[str, str]:
    found = sizes.problems(manifest(cpus, memory_mb), has_cpus, has_mb * sizes.MIB)
    return {problem.code: problem.remedy for problem in found}


def test_what_fits_is_no_problem() -> None:
    assert remedies(2, 4096, 2, 4096) == {}


def test_a_cluster_that_is_too_large_gets_the_line_that_fits() -> None:
    assert "cpus = 3" in remedies(4, 4096, 3, 8192)["cluster-too-large"]
    assert "memory_mb = 7168" in remedies(2, 8192, 4, 7900)["cluster-too-large"]


def test_an_engine_that_cannot_hold_any_cluster_is_another_problem() -> None:
    assert set(remedies(2, 4096, 1, 1024)) == {"engine-too-small"}


@given(
    cpus=st.integers(2, 256), memory_mb=st.integers(2048, 65536), has=st.integers(1, 64), has_mb=st.integers(64, 65536)
)
def test_what_is_advised_fits(cpus: int, memory_mb: int, has: int, has_mb: int) -> None:
    for found in sizes.problems(manifest(cpus, memory_mb), has, has_mb * sizes.MIB):
        if found.code == "cluster-too-large":
            key, _, value = found.remedy.split("#   ")[1].splitlines()[0].partition(" = ")
            assert int(value) <= (has if key == "cpus" else has_mb)
            assert int(value) >= (2 if key == "cpus" else 2048)
