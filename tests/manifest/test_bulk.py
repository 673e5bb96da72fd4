"""Ten thousand mangled manifests, seeded: no traceback, and all that is wrong at once."""

import random
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

from bootstrap.manifest import Manifest
from bootstrap.problems.problem import Problem, ProblemsFound
from tests.manifest.test_mangled import loaded

MANGLED, SEED = 10_000, 20261123

VALUES = (
    *("true", "-1", "0", "3.5", "inf", "nan", "1e400", "9" * 400, "0x7fffffffffffffff", "1979-05-27", "07:32:00"),
    *(
        '""',
        '"latest"',
        '"é"',
        '"a\\u0000b"',
        '"../.."',
        '"{url:nobody}"',
        '"${HOME}"',
        '"a b"',
        '"' + "x" * 20_000 + '"',
    ),
    *("[]", "[[]]", '["orders", 1]', "{}", "{ a = { b = 1 } }", "'''\n'''", "[" * 60 + "]" * 60, "{ host = 9092 }"),
)
WORDS = (
    "\0",
    "\ufeff",
    "\u202e",
    "ı",
    "𝄞",
    "🙂",
    "\x1b[31m",
    "\r",
    "\t",
    "#",
    '"',
    "'''",
    "=",
    ".",
    "[",
    "]]",
    "{",
    "}",
)


def flip(text: bytes, luck: random.Random) -> bytes:
    """Some bytes are others."""
    found = bytearray(text)
    for _ in range(luck.randint(1, 8)):
        found[luck.randrange(len(found))] = luck.randrange(256)
    return bytes(found)


def cut(text: bytes, luck: random.Random) -> bytes:
    """A piece is missing, or all from there on."""
    begin = luck.randrange(len(text))
    return text[:begin] + (text[begin + luck.randint(1, 60) :] if luck.random() < 0.7 else b"")


def insert(text: bytes, luck: random.Random) -> bytes:
    """Something stands where nothing should."""
    at = luck.randrange(len(text))
    return text[:at] + luck.choice(WORDS).encode() * luck.randint(1, 3) + text[at:]


def lines(text: bytes, luck: random.Random) -> bytes:
    """Lines change their places, come twice, or are gone: keys and tables too."""
    found = text.split(b"\n")
    here, there = luck.randrange(len(found)), luck.randrange(len(found))
    match luck.randrange(3):
        case 0:
            found[here], found[there] = found[there], found[here]
        case 1:
            found.insert(there, found[here])
        case _:
            del found[here]
    return b"\n".join(found)


def value(text: bytes, luck: random.Random) -> bytes:
    """A key has a value of another type, or a huge one."""
    found = text.split(b"\n")
    keys = [at for at, line in enumerate(found) if b" = " in line]
    if keys:
        at = luck.choice(keys)
        found[at] = found[at].partition(b" = ")[0] + b" = " + luck.choice(VALUES).encode()
    return b"\n".join(found)


def encoding(text: bytes, luck: random.Random) -> bytes:
    """Another program has written it."""
    if luck.random() < 0.5:
        return text.replace(b"\n", b"\r\n")
    return text.decode(errors="replace").encode(luck.choice(["utf-16", "utf-8-sig", "utf-7"]))


def huge(text: bytes, luck: random.Random) -> bytes:
    """Deep, long, or many."""
    many = luck.choice([200, 2000])
    return text + luck.choice(
        [
            b"deep = " + b"[" * many + b"]" * many,
            b"deep = " + b"{ a = " * many + b"1" + b" }" * many,
            b"a." * many + b"b = 1",
            b"".join(b'\n[topics.t%d]\npartitions = "x"' % n for n in range(many // 20)),
        ]
    )


COMMON = (flip, cut, insert, lines, lines, value, value, value)
RARE = (encoding, huge)


def test_ten_thousand_are_told_in_problems(
    checkout: Path, manifest_text: str, record_property: Callable[[str, object], None]
) -> None:
    luck = random.Random(SEED)  # noqa: S311 - a seed, not a secret
    problems = refused = 0
    for _ in range(MANGLED):
        text = manifest_text.encode()
        for mangle in luck.choices(COMMON, k=luck.randint(1, 4)) + luck.choices(RARE, k=luck.random() < 0.02):
            text = mangle(text or b"\n", luck)
        found = loaded(checkout, text)
        if isinstance(found, ProblemsFound):
            refused += 1
            problems += len(found.problems)
    assert refused > MANGLED * 0.8
    record_property(
        "figures",
        f"{MANGLED} mangled manifests (seed {SEED}): {refused} refused with {problems} problems, no traceback",
    )


MISTAKES = (
    ('namespace = "shop"', 'namespace = "Shop!"'),
    ('kubernetes = "1.36.2"', "kubernetes = 1.36"),
    ("cpus = 4", 'cpus = "four"'),
    ("memory_mb = 6144", "memory_mb = -1"),
    ('minikube = "1.38.1"', 'minikube = "latest"'),
    ("redpanda:v25.3.1", "redpanda:latest"),
    ("partitions = 3", "partitions = 0"),
    ("retention_hours = 168", "retention_hours = true"),
    ('dead_letter = "orders-dead"', 'dead_letter = "order-dead"'),
    ('cleanup = "compact,delete"', 'cleanup = "never"'),
    ('pod_security.app = "restricted"', 'pod_security.app = "strict"'),
    ("node_port = 30081", "node_port = 80"),
    ("database = true", "databse = true"),
    ("port = 8082", 'port = "8082"'),
    ('subscribes = ["orders"]', 'subscribes = ["ordres"]'),
    ('invokes = ["order-api"]', 'invokes = ["orderapi"]'),
    ('LEVEL = "5"', "LEVEL = 5"),
)


def test_every_mistake_is_told_at_once_with_its_line(
    problems: Callable[..., tuple[Problem, ...]],
    read: Callable[..., Manifest],
    record_property: Callable[[str, object], None],
) -> None:
    assert read()
    alone = {mistake: told(problems(mistake)) for mistake in MISTAKES}
    assert all(len(found) == 1 for found in alone.values())
    luck = random.Random(SEED)  # noqa: S311 - a seed, not a secret
    chosen = [*combinations(MISTAKES, 2), *(luck.sample(MISTAKES, luck.randint(3, len(MISTAKES))) for _ in range(300))]
    for mistakes in chosen:
        together = told(problems(*mistakes))
        assert together == set().union(*(alone[mistake] for mistake in mistakes)), mistakes
    record_property(
        "figures", f"{len(chosen)} manifests with 2 to {len(MISTAKES)} mistakes (seed {SEED}): all told at once"
    )


def told(found: tuple[Problem, ...]) -> set[tuple[str, str]]:
    return {(problem.code, problem.where) for problem in found}
