"""`inv up` killed at every boundary of every stage, and inside of each: the next one goes on, and reaches green."""

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from bootstrap import pipeline
from bootstrap.core.env import owner_of
from bootstrap.core.processes import OWNER
from tests.doubles import small_env
from tests.scripted.commands import POLL, Command, Ended, wait_until
from tests.scripted.conftest import MakeWorld
from tests.scripted.world import World

pytestmark = pytest.mark.real("helm")

BOUNDARIES = ("applying", "checking", "green")
INSIDE = 3  # random moments inside each stage
LONGEST = 0.4  # seconds after the beginning of a stage at which such a moment may be
RELEASES = ("postgres", "dapr", "shop", "mailer")
WITHIN_HELM = 2  # times that all ends at once while the release is half deployed
IN_A_ROW = 4  # kills without a run to the end between them
MISSES = 50  # runs in one world that may be over before their moment comes
HEALED = {
    "releases recovered": "by a Helm that was interrupted",
    "clusters gone on with": ": minikube starts it.",
    "pods made anew": "was made without its sidecar: it is made anew",
    "clusters made anew": "was cut short",
}
WORLDS = 2
SEED = 20261123


@dataclass(frozen=True)
class Moment:
    """When a run is ended: `seconds` after that stage came to that phase, by that signal."""

    stage: str
    phase: str
    seconds: float
    sign: signal.Signals


@dataclass
class Campaign:
    """Ends runs in one world. `kills` counts those that hit, by stage; `healed` what later runs said that they found.

    `missed` counts runs that were over before; `history` says what happened, for a failure.
    """

    world: World
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    healed: Counter[str] = field(default_factory=Counter)
    interrupts: int = 0
    missed: int = 0
    history: list[str] = field(default_factory=list)
    password: str = ""

    def run(self, moments: list[Moment]) -> None:
        for release in RELEASES * (WITHIN_HELM // WORLDS):
            self.cut(release)
            self.recover()
        while moments:
            for _ in range(self.chance.randint(1, IN_A_ROW)):
                if moments and not self.hit(moment := moments.pop()):
                    self.missed += 1
                    assert self.missed < MISSES, self.told(f"runs are over before {moment}")
                    moments.append(Moment(moment.stage, moment.phase, moment.seconds / 2, moment.sign))
            self.recover()
            self.disturb()

    def hit(self, moment: Moment) -> bool:
        """Starts a run and ends it at that moment; whether it was still running then."""
        command = self.world.start("up")
        wait_until(lambda: command.is_over or self.world.came(command, moment.stage, moment.phase), f"{moment}")
        time.sleep(moment.seconds)
        command.send(moment.sign)
        ended = command.ended()
        self.note(ended.printed)
        self.history.append(f"{moment.sign.name} {moment.stage} {moment.phase} +{moment.seconds:.3f}: {ended.exit}")
        if ended.exit == 0:
            return False
        wanted = 130 if moment.sign == signal.SIGINT else -moment.sign
        assert ended.exit == wanted, self.told(ended.printed)
        self.kills[moment.stage] += 1
        if moment.sign == signal.SIGINT:
            self.interrupts += 1
            assert self.children() == [], self.told(ended.printed)
        return True

    def cut(self, release: str) -> None:
        """Ends a run with all that it started, as a power cut does, while Helm is in the middle of that release."""
        world = self.world
        if release == "dapr":
            self.delete()
        else:
            self.edit(release)
        world.slow = 1.0  # seconds
        world.slow_down()
        command = world.start("up")
        wait_until(lambda: command.is_over or "pending" in world.releases().get(release, ""), release)
        ended = cut_off(command)
        self.history.append(f"cut {release}: {ended.exit}")
        assert ended.exit == -signal.SIGKILL, self.told(ended.printed)
        self.kills[release] += 1
        world.slow = 0.0
        world.api.mend()

    def recover(self) -> None:
        """The next run reaches green, and nothing is left of those before it."""
        world = self.world
        ended = world.inv("up")
        self.note(ended.printed)
        self.history.append(f"up: {ended.exit} {ended.codes}")
        assert ended.exit == 0, self.told(ended.printed)
        states = world.releases()
        assert set(states.values()) == {"deployed"}, self.told(str(states))
        assert states.keys() == set(RELEASES), self.told(str(states))
        assert world.pods().keys() == {"postgres", "shop", "mailer", "inv-probe"}, self.told(ended.printed)
        assert world.node.containers.keys() == {"etcd"}, self.told("a container of a proof is left")
        assert world.ours() == {"running"}, self.told(ended.printed)
        assert not list(world.root.glob(".inv/local/envs/*.draft*"))
        assert not [path for path in world.root.glob(".inv/scratch/*") if path.is_dir()]
        assert world.touched() == [], self.told("somebody else's")
        password = (world.api.get("v1", "secrets", "small", "postgres") or {})["data"]["password"]
        assert password == (self.password or password), self.told("the password changed while the data stayed")
        self.password = password

    def note(self, printed: str) -> None:
        for what, words in HEALED.items():
            self.healed[what] += printed.count(words)

    def disturb(self) -> None:
        """Gives the next runs something to do."""
        world = self.world
        what = self.chance.choice(("edit", "edit", "down", "deleted", "purge", "broker", "elsewhere"))
        self.history.append(what)
        if what == "edit":
            for name in self.chance.sample(("shop", "mailer"), self.chance.randint(1, 2)):
                self.edit(name)
        elif what == "down":
            world.green("down")
        elif what == "purge":
            world.green("down", "--purge")
            self.password = ""
        elif what == "deleted":
            self.delete()
        elif what == "broker":
            with world.machine.lock:
                for name in [one for one in world.machine.containers if one.startswith("small-redpanda")]:
                    del world.machine.containers[name]
        else:  # another chart for the database, and new requirements
            self.edit("postgres")
            (world.root / "services/shop/requirements.txt").write_text(f"# {self.chance.random()}\n")

    def edit(self, name: str) -> None:
        """A changed line: in the code of a service, or in the values of the database."""
        file = f"services/{name}/{name}/__main__.py"
        if name == "postgres":
            file = "infrastructure/charts/postgres/values-local.yaml"
        changed = self.world.root / file
        changed.write_text(f"{changed.read_text()}\n# {self.chance.random()}\n")

    def delete(self) -> None:
        """The cluster is deleted by hand."""
        self.world.minikube.delete()
        self.password = ""

    def children(self) -> list[str]:
        """The commands that carry the mark of this world's checkout."""
        return list(_marked(owner_of(self.world.root)))

    def told(self, why: str) -> str:
        return "\n".join((f"seed {SEED}", *self.history[-12:], why))


def cut_off(command: Command) -> Ended:
    """Ends a run with all that it started, as a power cut does."""
    under_it = psutil.Process(command.pid).children(recursive=True)
    command.send(signal.SIGKILL)
    for process in under_it:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return command.ended()


def _marked(owner: str) -> Iterator[str]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(OWNER) == owner and process.status() != psutil.STATUS_ZOMBIE:
                yield " ".join(process.cmdline())
        except psutil.Error:
            continue


def moments(chance: random.Random, stages: list[str]) -> list[Moment]:
    """All moments of these stages, in a random order; one in six is a Ctrl-C."""
    boundaries = [(stage, phase, 0.0) for stage in stages for phase in BOUNDARIES]
    inside = [(stage, "applying", chance.uniform(POLL, LONGEST)) for stage in stages for _ in range(INSIDE)]
    signs = (signal.SIGINT, *[signal.SIGKILL] * 5)
    found = [Moment(*where, chance.choice(signs)) for where in (*boundaries, *inside)]
    chance.shuffle(found)
    return found


@pytest.mark.parametrize("by", ["SIGKILL", "power cut", "SIGINT"])
def test_ended_while_the_control_plane_boots(make_world: MakeWorld, by: str) -> None:
    world = make_world()
    world.minikube.boot_s = 60.0  # seconds, which no run waits for
    command = world.start("up")
    wait_until(lambda: command.is_over or world.minikube.booting, "the API server of a new cluster")
    if by == "power cut":
        cut_off(command)
    else:
        command.send(signal.Signals[by])
        command.ended()
    world.minikube.boot_s = 0.02
    printed = world.green("up")
    assert "The first start of small was cut short" in printed
    assert "CoreDNS, kube-proxy, CNI configuration: it is deleted and made anew." in printed
    assert "cut short" not in world.green("up")
    assert world.touched() == []


def test_a_green_cluster_that_lost_its_dns_is_not_deleted(make_world: MakeWorld) -> None:
    world = make_world()
    world.green("up")
    before = world.pods()
    world.api.remove("apps/v1", "deployments", "kube-system", "coredns")
    world.green("up")
    assert world.pods() == before
    assert " delete " not in " ".join(world.programs.ran)


def test_whatever_moment_it_is_killed_at_the_next_one_goes_on(
    make_world: MakeWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - nothing secret
    stages = [stage.name for stage in pipeline.stages(small_env(tmp_path, place="minikube"))]
    wanted = moments(chance, stages)
    campaigns = [Campaign(make_world(), random.Random(SEED + n)) for n in range(WORLDS)]  # noqa: S311
    began = time.monotonic()
    with ThreadPoolExecutor(WORLDS) as pool:
        runs = [pool.submit(one.run, wanted[n::WORLDS]) for n, one in enumerate(campaigns)]
    for run in runs:
        run.result()
    kills = sum((one.kills for one in campaigns), Counter[str]())
    healed = sum((one.healed for one in campaigns), Counter[str]())
    with capsys.disabled():
        interrupts = sum(one.interrupts for one in campaigns)
        shown = ", ".join(f"{stage} {kills[stage]}" for stage in stages)
        found = ", ".join(f"{healed[what]} {what}" for what in HEALED)
        how = f"{interrupts} by Ctrl-C, in {time.monotonic() - began:.0f} s"
        sys.stdout.write(f"\n{kills.total()} runs ended ({how}): {shown}; {found}\n")
    assert all(kills[stage] >= len(BOUNDARIES) + INSIDE for stage in stages), kills
    assert healed["releases recovered"] >= len(RELEASES) * WITHIN_HELM
    assert kills.total() >= 100
