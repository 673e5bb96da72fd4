"""Helm through pyhelm3, whose commands go through the door for subprocesses."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyhelm3 import Command

from bootstrap.core.env import Env
from bootstrap.helm import program as helm
from bootstrap.problems.catalogue import problem, recognise
from bootstrap.problems.problem import Problem, ProblemsFound

KEPT_REVISIONS = 3  # revisions that are kept of each release
HELM_TIMEOUT_S = 300  # for hooks and the API; the gates wait for workloads, Helm never does


class HelmClient(Command):
    """pyhelm3's commands for one release of the environment's cluster.

    Each ends with this program, whatever becomes of it, and names its cluster; nothing of it is passed through a
    shell. `files` are values files, last wins; the values that a command is given win over them all. `labels` are
    put on the release, for which pyhelm3 has no parameter. A command that fails raises `ProblemsFound`.
    """

    def __init__(
        self,
        env: Env,
        program: str,
        release: str,
        namespace: str,
        files: Sequence[Path] = (),
        labels: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            executable=program,
            default_timeout=f"{HELM_TIMEOUT_S}s",
            history_max_revisions=KEPT_REVISIONS,
            kubeconfig=env.kubeconfig,
            kubecontext=env.context,
        )
        self._env, self._program, self._release, self._namespace = env, program, release, namespace
        self._files, self._labels = files, labels or {}

    async def run(self, command: list[str], input: bytes | None = None) -> bytes:  # noqa: A002 - pyhelm3's name
        with self._env.scratch() as scratch:
            argv = [self._program, *map(str, command)]  # numbers and paths are among the words
            if input is not None:
                # The door gives its children no input: the values that pyhelm3 would send are a file.
                passed = scratch / "values.json"
                passed.write_bytes(input)
                at = argv.index("--values")
                argv[at : at + 2] = helm.values((*self._files, passed))
            if command[0] == "upgrade" and self._labels:
                argv += ["--labels", ",".join(f"{key}={value}" for key, value in self._labels.items())]
            argv += ["--kubeconfig", str(self._env.kubeconfig), "--kube-context", self._env.context]
            done = self._env.run(argv, timeout=HELM_TIMEOUT_S, environ=helm.environ(self._env))
        if done.exit != 0:
            said = f"$ {shlex.join(argv[:3])} …\n{done.words or f'ended without a word, exit code {done.exit}'}"
            raise ProblemsFound(explain(self._env, self._release, self._namespace, said))
        return done.stdout.encode()


def explain(env: Env, release: str, namespace: str, words: str) -> Problem:
    """The problem behind Helm's words about a release."""
    cluster = {"kubeconfig": env.kubeconfig, "context": env.context}
    facts: dict[str, Any] = {"name": release, "chart": release, "namespace": namespace, **cluster}
    summary = f"Helm could not deploy {release}."
    known = recognise("helm", "deploy", words, summary, **facts)
    known = known or recognise("helm", "template", words, summary, **facts)
    return known or problem("release-failed", summary, evidence=words, final=True, **facts)
