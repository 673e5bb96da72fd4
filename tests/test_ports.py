"""Ports on loopback: decided once, kept while they are ours, never another program's."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.core.ports import SEARCH_SPAN, Ports, claim, holder, is_free
from bootstrap.problems.problem import ProblemsFound
from tests.ports import free


def nobody(_: str) -> bool:
    return False


def everybody(_: str) -> bool:
    return True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ports.json"


@pytest.fixture
def listener() -> Iterator[int]:
    """A port of 127.0.0.1 on which this very program listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_the_wanted_ports_where_they_are_free(file: Path) -> None:
    ports = Ports(file, free=lambda _: True)
    assert ports.all() == {}
    assert ports.decide({"broker": 9092, "shop": 8081}, nobody) == {"broker": 9092, "shop": 8081}
    assert Ports(file).all() == {"broker": 9092, "shop": 8081}


def test_the_next_free_one_where_the_wanted_is_taken(file: Path) -> None:
    ports = Ports(file, free=lambda port: port not in (8081, 8082))
    assert ports.decide({"shop": 8081}, nobody) == {"shop": 8083}


def test_no_port_twice(file: Path) -> None:
    ports = Ports(file, free=lambda port: port != 8080)
    # Nobody gets what another one wants.
    assert ports.decide({"a": 8080, "b": 8081, "c": 8081}, nobody) == {"a": 8082, "b": 8081, "c": 8083}


def test_two_environments_that_come_up_together_never_choose_the_same_port() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    held = "import sys, bootstrap.core.ports as p; print(p.claim(int(sys.argv[1])), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not claim(port)
        other.kill()
        other.wait()
    assert claim(port), "a claim ends with its program, however that ends"
    assert claim(port), "what is ours stays ours"


def test_a_port_that_our_process_holds_stays(file: Path) -> None:
    Ports(file, free=lambda port: port != 8081).decide({"shop": 8081}, nobody)
    again = Ports(file, free=lambda _: False)  # ours is not free: our own process listens there
    assert again.decide({"shop": 8081}, everybody) == {"shop": 8082}


def test_the_last_one_is_taken_again_where_it_is_free(file: Path) -> None:
    Ports(file, free=lambda port: port != 8081).decide({"shop": 8081}, nobody)
    assert Ports(file, free=lambda _: True).decide({"shop": 8081}, nobody) == {"shop": 8082}


def test_the_last_one_is_given_up_where_another_took_it(file: Path) -> None:
    Ports(file, free=lambda port: port != 8081).decide({"shop": 8081}, nobody)
    assert Ports(file, free=lambda port: port != 8082).decide({"shop": 8081}, nobody) == {"shop": 8081}


def test_what_is_no_longer_wanted_is_dropped(file: Path) -> None:
    ports = Ports(file, free=lambda _: True)
    ports.decide({"shop": 8081, "old": 8090}, nobody)
    ports.decide({"shop": 8081}, nobody)
    assert ports.all() == {"shop": 8081}


def test_nothing_is_written_when_nothing_changed(file: Path) -> None:
    ports = Ports(file, free=lambda _: True)
    ports.decide({"shop": 8081}, nobody)
    before = file.stat()
    ports.decide({"shop": 8081}, nobody)
    assert file.stat().st_ino == before.st_ino
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(("wanted", "last"), [(8081, 8081 + SEARCH_SPAN - 1), (65500, 65535)])
def test_none_left_is_named_with_the_range(file: Path, wanted: int, last: int) -> None:
    with pytest.raises(ProblemsFound) as failed:
        Ports(file, free=lambda _: False).decide({"shop": wanted}, nobody)
    (found,) = failed.value.problems
    assert (found.code, found.final) == ("no-free-port", True)
    assert "shop" in found.summary
    assert f"from {wanted} to {last}" in found.cause
    assert not file.exists()


BROKEN = ["", "{", "[]", "null", '{"shop": null}', '{"shop": []}', '{"shop": "x"}', '{"shop": 1e999}', "\x00"]


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_counts_as_none(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    ports = Ports(file, free=lambda _: True)
    assert ports.all() == {}
    assert ports.decide({"shop": 8081}, everybody) == {"shop": 8081}
    assert json.loads(file.read_text()) == {"shop": 8081}


@pytest.mark.parametrize("port", [-1, 0x10000, 10**30])
def test_an_impossible_port_is_not_free(port: int) -> None:
    assert not is_free(port)


def test_an_impossible_remembered_port_is_given_up(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"shop": 700000}')
    wanted = free()
    assert Ports(file).decide({"shop": wanted}, nobody) == {"shop": wanted}


def test_two_purposes_on_one_remembered_port_are_parted(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"a": 8081, "b": 8081}')
    decided = Ports(file, free=lambda port: port != 8081).decide({"a": 8081, "b": 8090}, everybody)
    assert decided == {"a": 8081, "b": 8090}


def test_a_listening_program_takes_its_port(listener: int) -> None:
    assert not is_free(listener)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")])  # noqa: S104
def test_a_listener_on_every_address_takes_the_port_too(family: socket.AddressFamily, address: str) -> None:
    both = family == socket.AF_INET6
    with closing(socket.create_server((address, 0), family=family, dualstack_ipv6=both)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_closed_connection_does_not_keep_the_port(listener: int) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        taken, _ = server.accept()
        taken.close()  # this side closes first: it is the one in TIME_WAIT
        client.close()
    assert is_free(port)


def test_the_holder_is_named(listener: int) -> None:
    assert holder(listener) == f"{psutil.Process().name()} (pid {os.getpid()})"


def test_a_port_that_is_claimed_before_anybody_listens() -> None:
    assert holder(1) == "another checkout that is coming up"


PORTS = st.integers(8000, 8030)


@given(
    wanted=st.dictionaries(st.sampled_from("abcdefgh"), PORTS),
    before=st.dictionaries(st.sampled_from("abcdefgh"), PORTS),
    taken=st.sets(PORTS),
    held=st.sets(st.sampled_from("abcdefgh")),
)
def test_whatever_was_there_before(
    tmp_path_factory: pytest.TempPathFactory,
    wanted: dict[str, int],
    before: dict[str, int],
    taken: set[int],
    held: set[str],
) -> None:
    file = tmp_path_factory.mktemp("ports") / "ports.json"
    file.write_text(json.dumps(before))
    ports = Ports(file, free=lambda port: port not in taken)
    decided = ports.decide(wanted, lambda name: name in held)
    assert set(decided) == set(wanted)
    assert len(set(decided.values())) == len(decided), "each its own"
    assert ports.all() == decided
    for name, port in decided.items():
        assert port not in taken or (name in held and port == before[name]), "free, or held by our own process"
    assert ports.decide(wanted, everybody) == decided, "and so it stays"
