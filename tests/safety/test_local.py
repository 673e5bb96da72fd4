"""`local` under bad luck: runs and services that are killed, and secrets that lie about."""

import random
import re
import shutil
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from bootstrap.core.ports import is_free
from tests.local.conftest import LIMIT, Checkout, copy_checkout
from tests.safety import kills
from tests.safety.stream import Stream

SEED = 20261123
INSIDE = 24  # kills at moments inside of stages, beside two at the boundaries of each
IN_A_ROW = 4  # kills until the next run must reach green
SETTLED = 120.0  # seconds in which everything has come; the delivery of an event is tried again for about a minute
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout that runs in `local`."""
    made = copy_checkout(tmp_path_factory.mktemp("killed"))
    prepare(made)
    made.inv("up", "--on", "local")
    yield made
    made.start("down").communicate(timeout=LIMIT)
    for process in made.processes():
        process.kill()


def prepare(checkout: Checkout) -> None:
    """The built-in sidecar, and no browser: what is proven here has no page.

    The services get ports that no other checkout looks at: one that comes up meanwhile would take that of a killed
    service, and answer in its place.
    """
    elsewhere = filter(is_free, random.sample(range(10_000, 20_000), 100))
    manifest = checkout.path / "environment.toml"
    manifest.write_text(re.sub(r"(?m)^port = \d+$", lambda _: f"port = {next(elsewhere)}", manifest.read_text()))
    checkout.environ |= {"DAPRD": "", "CHROMIUM": "none"}
    checkout.environ.pop("CI", None)  # there a missing browser is a failure


def addresses(checkout: Checkout) -> dict[str, str]:
    """Where the services are."""
    return {name: service["url"] for name, service in checkout.status()["services"].items()}


def healed(checkout: Checkout) -> None:
    """One `up` is enough; what runs is on record, and nothing else of ours runs."""
    checkout.inv("up")
    document = checkout.status()
    running = sorted(process["pid"] for process in document["processes"].values())
    assert running == sorted(p.pid for p in checkout.processes() if p.environ().get("INV_PROCESS"))


def test_no_task_is_lost_or_doubled_when_services_are_killed(checkout: Checkout, record_property: Record) -> None:
    urls = addresses(checkout)
    names = ("backend-api", "audit-service", "notification-service", "recurring-task-service")
    victims = [name + kind for name in names for kind in ("", ".sidecar")]
    random.Random(SEED).shuffle(victims)  # noqa: S311 - a seed, not a secret
    with Stream(urls) as stream:
        for victim in victims:
            psutil.Process(checkout.status()["processes"][victim]["pid"]).kill()
            checkout.inv("up")
    assert stream.broken is None
    assert addresses(checkout) == urls, "others may answer at the first ones"
    deadline = time.monotonic() + SETTLED
    while (wrong := stream.wrong()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert wrong == []
    time.sleep(2)
    assert stream.wrong() == [], "a second one came later"
    assert len(stream.tasks) > 3 * len(victims)
    record_property(
        "figures",
        f"{len(victims)} kills of services and sidecars in `local` (seed {SEED}) under {len(stream.tasks)} tasks: "
        "every history whole and in order, one notification for each reminder, one next occurrence for each completed",
    )


def test_a_run_killed_anywhere_is_healed_by_the_next(checkout: Checkout, record_property: Record) -> None:
    luck = random.Random(SEED)  # noqa: S311 - a seed, not a secret
    checkout.inv("down")
    healed(checkout)
    at_boundaries = inside = greens = 0
    for number, moment in enumerate(kills.moments(kills.durations(checkout), luck, INSIDE)):
        if number % IN_A_ROW == 0:
            something_to_do(checkout, luck)
        if kills.killed(checkout, moment):
            at_boundaries += moment.seconds == 0
            inside += moment.seconds != 0
        if number % IN_A_ROW == IN_A_ROW - 1:
            healed(checkout)
            greens += 1
    healed(checkout)
    assert at_boundaries + inside >= 40
    record_property(
        "figures",
        f"{at_boundaries + inside} kills of `up` in `local` (seed {SEED}): {at_boundaries} at stage boundaries, "
        f"{inside} inside of stages; green again each of {greens + 1} times",
    )


def something_to_do(checkout: Checkout, luck: random.Random) -> None:
    """Takes away some of what the next run has to make."""
    processes = checkout.processes()
    for process in luck.sample(processes, luck.randint(len(processes) // 2, len(processes))):
        process.kill()
    environments = sorted(path.parent for path in (checkout.path / ".inv/local/envs").glob("*/bin"))
    if environments and luck.random() < 0.5:
        shutil.rmtree(luck.choice(environments))


def test_planted_secrets_are_nowhere(checkout: Checkout, record_property: Record) -> None:
    planted = [f"pLanted{number}sEcret" for number in range(6)]
    before = dict(checkout.environ)
    checkout.environ |= {
        "AWS_SECRET_ACCESS_KEY": planted[0],
        "GITHUB_TOKEN": planted[1],
        "DATABASE_URL": f"postgresql://app:{planted[2]}@db.example/app",
        "HTTPS_PROXY": f"http://user:{planted[3]}@127.0.0.1:9",
        "https_proxy": f"http://user:{planted[3]}@127.0.0.1:9",
        "PIP_INDEX_URL": f"http://user:{planted[4]}@127.0.0.1:9/simple",
        "UV_DEFAULT_INDEX": f"http://user:{planted[4]}@127.0.0.1:9/simple",
        "DAPR_API_TOKEN": planted[5],
    }
    requirements = checkout.path / "services/frontend/requirements.txt"
    text = requirements.read_text()
    try:
        for process in checkout.processes():
            process.kill()
        printed = checkout.inv("up") + checkout.inv("status", "--json")
        requirements.write_text(text + "no-such-distribution-anywhere==1.0\n")
        printed += checkout.inv("up", exit=1)
        printed += checkout.inv("logs", "backend-api") + checkout.inv("logs", "backend-api", "--sidecar")
    finally:
        requirements.write_text(text)
        checkout.environ = before
    assert "frontend" in printed
    processes = checkout.processes()
    assert processes
    told = printed.encode() + repr([(p.cmdline(), p.environ()) for p in processes]).encode()
    state = checkout.path / ".inv"
    files = [file for file in state.rglob("*") if file.is_file() and not file.is_relative_to(state / "local/envs")]
    assert files
    for secret in planted:
        assert secret.encode() not in told
        assert [file.name for file in files if secret.encode() in file.read_bytes()] == []
    record_property(
        "figures",
        f"{len(planted)} planted secrets in `local`: in no output, none of {len(files)} files of logs, records and "
        f"databases, and in no command or variable of {len(processes)} processes",
    )
