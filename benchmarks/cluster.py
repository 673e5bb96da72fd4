"""On the cluster that runs: a no-op `up`, `status`, and `rebuild` beside the same steps typed by hand.

    ./inv up
    .venv/bin/python -m benchmarks.cluster [ROUNDS]

Works on this checkout: it adds a comment to one file of a service in each round, and puts the file back at the end.
By hand means: build the image, run it as its pod will run until it answers, helm upgrade, wait for the rollout, ask the
service. Rounds of both kinds take turns.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.up import edited, row, timed
from bootstrap.cli import commands
from bootstrap.core.env import Env
from bootstrap.dapr import loaded
from bootstrap.helm import charts
from bootstrap.helm import program as helm
from bootstrap.images import layout
from bootstrap.minikube import docker_env
from bootstrap.targets import target

ROOT = Path(__file__).parents[1]
SERVICE = "audit-service"


def by_hand(env: Env) -> float:
    """Seconds for the steps of a rebuild, typed one after the other by somebody who knows them all."""
    engine = docker_env.engine(env)
    image = layout.reference(env, SERVICE)
    values = charts.values(env.manifest, SERVICE, image, target.of(env).urls(env))
    values["service"]["podAnnotations"] = loaded.annotations(env, SERVICE)
    began = time.monotonic()

    def typed(*argv: str, environ: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, cwd=env.root)
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv[:4])} …: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    build = ("docker", "build", "--quiet", f"--tag={image}", f"--file={layout.dockerfile(env, SERVICE)}")
    typed(*build, str(layout.context(env)), environ={**engine.environ, "DOCKER_BUILDKIT": "1"})
    container = engine.client.containers.run(**layout.container(env, SERVICE), detach=True)
    try:
        port = env.manifest.services[SERVICE].port
        ask = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/healthz')"
        while container.exec_run(["python", "-c", ask]).exit_code:
            time.sleep(0.1)
    finally:
        container.remove(force=True)
    where = (f"--kubeconfig={env.kubeconfig}", f"--kube-context={env.context}", f"--namespace={env.manifest.namespace}")
    with tempfile.TemporaryDirectory() as scratch:
        chart = charts.assemble(charts.folder(env), SERVICE, Path(scratch))
        told = Path(scratch) / "values.json"
        told.write_text(json.dumps(values))
        files = [f"--values={file}" for file in (chart / charts.LOCAL, told) if file.is_file()]
        typed(helm.program(env), "upgrade", "--force-conflicts", SERVICE, str(chart), *files, *where)
    kubectl = (shutil.which("kubectl") or "kubectl", where[0], f"--context={env.context}", where[2])
    typed(*kubectl, "rollout", "status", f"deployment/{SERVICE}", "--timeout=120s")
    with target.of(env).reachable_urls(env) as urls:
        while env.get(f"{urls[SERVICE]}/readyz").status != 200:
            time.sleep(0.1)
    return time.monotonic() - began


def main(rounds: int = 3) -> None:
    env, inv = commands.open_env(ROOT, dict(os.environ)), str(ROOT / "inv")

    def run(*words: str) -> float:
        return timed([inv, *words], ROOT)

    row("yardstick: python -c pass", [timed([sys.executable, "-c", "pass"], ROOT) for _ in range(3 * rounds)])
    run("up")
    row("no-op up, every gate asked", [run("up") for _ in range(2 * rounds)], "target 2 s")
    row("status", [run("status") for _ in range(rounds)])
    file = ROOT / env.manifest.services[SERVICE].path / env.manifest.services[SERVICE].module / "__init__.py"
    before = file.read_bytes()
    ours: list[float] = []
    hand: list[float] = []
    try:
        for _ in range(rounds):
            ours.append(edited(file, lambda: run("rebuild", SERVICE)))
            hand.append(edited(file, lambda: by_hand(env)))
    finally:
        file.write_bytes(before)
        run("rebuild", SERVICE)
    row(f"rebuild {SERVICE} to proven", ours)
    row("the same by hand", hand)
    ratio = statistics.median(one / other for one, other in zip(ours, hand, strict=True))
    print(f"rebuild over by hand: {ratio:.2f} (median of pairs; target 1.1)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
