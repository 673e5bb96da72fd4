"""What is attached to a report: all that helps, no secret, and never an error of its own."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.cli import bundle, commands
from bootstrap.cluster import secrets as cluster_secrets
from bootstrap.core.env import Env
from bootstrap.core.run_log import RunLog
from bootstrap.problems.catalogue import problem
from bootstrap.problems.problem import ProblemsFound
from tests.apiserver import ApiServer
from tests.diagnose.planted import DOCUMENTS, TEXTS, encodings, secrets
from tests.doubles import Shell, Web, small_env

NEW = problem("docker-failed", "Docker refused.", evidence="odd words")


def opened(path: Path | None) -> dict[str, str]:
    assert path is not None
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
        found = {}
        for entry in archive.getmembers():
            file = archive.extractfile(entry)
            assert file is not None
            found[entry.name.removeprefix("bundle/")] = file.read().decode()
        return found


def shell() -> Shell:
    answers = Shell()
    answers.answer("git", stdout="v1-2-gabc\n")
    answers.answer("", exit=1, stderr="not here")
    return answers


def no_docker(_: object) -> Any:
    raise ProblemsFound(problem("docker-not-running", "Docker is away."))


@pytest.fixture
def env(tmp_path: Path) -> Env:
    env = small_env(tmp_path, request=Web(), runner=shell(), docker_of=no_docker)
    env.place = "local"
    return env


def pod(name: str, namespace: str, **more: Any) -> dict[str, Any]:
    container = {"name": "shop", "image": "shop:1", **more}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": name, "managedFields": [{"manager": "kubelet"}]},
        "spec": {"containers": [container]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "shop", "ready": True, "restartCount": 1, "state": {"running": {}}}],
        },
    }


def event(name: str, namespace: str, message: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {"kind": "Pod", "name": name},
        "type": "Warning",
        "reason": "Unhealthy",
        "message": message,
    }


def test_everything_that_helps_is_in_it(env: Env) -> None:
    log = RunLog(env.state, "up")
    log.write("note", text="built shop")
    log.close()
    (env.local / "processes").mkdir()
    (env.local / "processes" / "shop.log").write_text("".join(f"line {n}\n" for n in range(1000)))
    files = opened(bundle.write(env, [NEW], "Traceback: boom"))
    assert {"README.txt", "problems.json", "error.txt", "versions.json", "environ.json", "environment.toml"} <= set(
        files
    )
    assert json.loads(files["problems.json"])[0]["code"] == "docker-failed"
    assert files["error.txt"] == "Traceback: boom"
    assert json.loads(files["versions.json"])["checkout"] == "v1-2-gabc"
    assert files[f"runs/{log.folder.name}.jsonl"].count("built shop") == 1
    assert files["logs/shop.log"].splitlines()[0::399] == ["line 600", "line 999"]
    assert json.loads(files["status.json"])["name"] == "small"
    assert "[topics.orders]" in files["environment.toml"]
    assert json.loads(files["machine.json"])["checkout"]["path"] == str(env.root)


def test_of_the_environment_only_a_few_variables(env: Env) -> None:
    env.environ = {"LANG": "C.UTF-8", "AWS_SESSION": "planted", "HOME": str(env.root), "INV_OFFLINE": "1"}
    files = opened(bundle.write(env))
    assert json.loads(files["environ.json"]) == {"INV_OFFLINE": "1", "LANG": "C.UTF-8"}
    assert "planted" not in "".join(files.values())


def test_only_its_owner_may_read_it_and_old_ones_go(env: Env) -> None:
    folder = env.state / "bundles"
    folder.mkdir()
    for day in range(10, 20):
        (folder / f"202001{day}-000000.tar.gz").write_bytes(b"")
    path = bundle.write(env)
    assert path is not None
    assert path.stat().st_mode & 0o077 == 0
    assert len(list(folder.iterdir())) == bundle.KEPT_BUNDLES
    assert path.exists()


def test_what_cannot_be_asked_is_named_in_its_place(env: Env) -> None:
    env.place = "minikube"
    env.kubeconfig.parent.mkdir(parents=True)
    env.kubeconfig.write_text("no kubeconfig")
    files = opened(bundle.write(env))
    assert "kubeconfig-unusable" in files["cluster/.missing.txt"]


def test_pods_their_logs_and_events_of_both_namespaces(cluster_env: Env, api: ApiServer) -> None:
    cluster_env.runner, cluster_env.docker_of = shell(), no_docker
    for namespace in (cluster_env.manifest.namespace, "dapr-system"):
        api.put(pod("shop-1", namespace))
        api.put(event("shop-1", namespace, "probe failed"))
        api.log(namespace, "shop-1", "shop", "now\n")
        api.log(namespace, "shop-1", "shop", "before\n", previous=True)
    files = opened(bundle.write(cluster_env))
    for namespace in ("small", "dapr-system"):
        assert "managedFields" not in files[f"cluster/{namespace}/pods.json"]
        assert json.loads(files[f"cluster/{namespace}/pods.json"])[0]["metadata"]["name"] == "shop-1"
        assert "probe failed" in files[f"cluster/{namespace}/events.json"]
        assert files[f"cluster/{namespace}/shop-1.shop.log"] == "now\n"
        assert files[f"cluster/{namespace}/shop-1.shop.previous.log"] == "before\n"
    assert not any("secrets" in name for name in files)


def test_the_values_of_the_environments_own_secrets_stand_nowhere(cluster_env: Env, api: ApiServer) -> None:
    cluster_env.runner, cluster_env.docker_of = shell(), no_docker
    cluster_secrets.ensure(cluster_env)
    held = tuple(cluster_env.secrets)
    assert len(held) >= 2
    cluster_env.secrets.clear()  # another process
    api.put(pod("shop-1", "small", args=[f"--to={value}" for value in held]))
    api.log("small", "shop-1", "shop", "".join(f"it is {form} here\n" for value in held for form in encodings(value)))
    text = "".join(opened(bundle.write(cluster_env, [NEW], f"boom {held[0]}")).values())
    assert "it is <removed> here" in text
    assert not any(form in text for value in held for form in encodings(value))


PLACES = ("run", "log", "evidence", "error", "manifest")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(secrets, st.sampled_from(PLACES), st.sampled_from(sorted(TEXTS))), min_size=1, max_size=8))
def test_planted_secrets_are_not_in_it(
    tmp_path_factory: pytest.TempPathFactory, planted: list[tuple[str, str, str]]
) -> None:
    env = small_env(tmp_path_factory.mktemp("planted"), request=Web(), runner=shell(), docker_of=no_docker)
    (env.local / "processes").mkdir()
    run = env.state / "runs" / "20200101-000000-1-up"
    run.mkdir(parents=True)
    said: dict[str, list[str]] = {place: [""] for place in PLACES}
    for secret, place, shape in planted:
        said[place].append(TEXTS[shape](secret))
    # As an older version may have written it: nothing was taken out.
    (run / "events.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in said["run"]) + '{"cut": "o')
    (env.local / "processes" / "shop.log").write_text("\n".join(said["log"]))
    with (env.root / "environment.toml").open("a") as file:
        file.writelines(f"# {line}\n" for text in said["manifest"] for line in text.splitlines())
    found = [problem("docker-failed", "It refused.", evidence=text) for text in said["evidence"]]
    files = opened(bundle.write(env, found, "\n".join(said["error"])))
    text = "".join(files.values())
    for secret, place, shape in planted:
        assert not any(form in text for form in encodings(secret)), (place, shape)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(secrets, st.sampled_from(sorted(DOCUMENTS)), st.sampled_from(sorted(TEXTS))), max_size=4))
def test_secrets_planted_on_a_cluster_are_not_in_it(
    cluster_env: Env, api: ApiServer, planted: list[tuple[str, str, str]]
) -> None:
    cluster_env.runner, cluster_env.docker_of = shell(), no_docker
    for number, (secret, document, shape) in enumerate(planted):
        name = f"shop-{number}"
        api.put(pod(name, "small", **DOCUMENTS[document](secret)))
        api.put(event(name, "small", TEXTS[shape](secret)))
        api.log("small", name, "shop", TEXTS[shape](secret))
    text = "".join(opened(bundle.write(cluster_env)).values())
    for secret, document, shape in planted:
        assert not any(form in text for form in encodings(secret)), (document, shape)


def test_an_unknown_failure_says_so_and_where_the_bundle_is(env: Env) -> None:
    said = bundle.offer(env, [NEW])
    (path,) = (env.state / "bundles").iterdir()
    assert said.startswith("This failure is not known here.")
    assert f"attach {path.relative_to(env.root)} " in said


def test_a_known_failure_needs_none(env: Env) -> None:
    assert bundle.offer(env, [problem("broker-died", "It died.")]) == ""
    assert not (env.state / "bundles").exists()


def test_a_disk_that_takes_no_file(env: Env) -> None:
    (env.state / "bundles").write_text("in the way")
    assert bundle.write(env, [NEW]) is None
    assert "report it with the words above" in bundle.offer(env, [NEW])


def test_a_bug_of_ours_has_one_too(env: Env) -> None:
    said = bundle.of_bug(lambda: env, "Traceback\npassword=hunter2")
    (path,) = (env.state / "bundles").iterdir()
    assert path.name in said
    assert "hunter2" not in opened(path)["error.txt"]


def test_a_bug_where_not_even_the_manifest_can_be_read(tmp_path: Path) -> None:
    assert bundle.of_bug(lambda: commands.open_env(tmp_path, {}), "Traceback") == ""


def test_a_run_that_fails_for_a_reason_that_nobody_knows(env: Env, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_: object) -> Any:
        raise ProblemsFound(
            problem("docker-failed", "Docker refused.", evidence="odd words, password=hunter2", final=True)
        )

    env.docker_of = refuse
    assert commands.up(env, "minikube", names=("preflight",)) == commands.WRONG
    out = capsys.readouterr().out
    (path,) = (env.state / "bundles").iterdir()
    assert f"attach {path.relative_to(env.root)} " in out
    assert "odd words" in out
    files = opened(path)
    assert "odd words" in files["problems.json"]
    (run,) = [text for name, text in files.items() if name.startswith("runs/")]
    assert "Docker refused." in run
    assert "hunter2" not in out + "".join(files.values())
