"""Where services are reached: node ports that answer, and tunnels of our own where they do not."""

import http.client
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from bootstrap.cli import open as opening
from bootstrap.clients.command import Completed
from bootstrap.clients.http import Answer, request
from bootstrap.clients.tunnel import Tunnel
from bootstrap.cluster import service_urls
from bootstrap.core.env import Env
from bootstrap.problems.problem import ProblemsFound
from tests.apiserver import ApiServer, Refused
from tests.cluster.pod_ports import echo, tcp_server
from tests.doubles import Web
from tests.ports import free

SHOP = "http://127.0.0.1:30080"


def behind(api: ApiServer, service: str, *pods: str, ready: bool = True, port: int = 8081) -> None:
    """Puts pods behind a Service."""
    api.put(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{service}-x",
                "namespace": "small",
                "labels": {"kubernetes.io/service-name": service},
            },
            "endpoints": [{"conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": pod}} for pod in pods],
            "ports": [{"name": "http", "port": port}],
        }
    )


def speaks(name: str, seen: list[str] | None = None) -> "service_urls.Carry":
    """Carries connections to a small HTTP server that says which pod it is."""

    def carry(_: Env, pod: str, port: int, client: socket.socket) -> None:
        if seen is not None:
            seen.append(f"{pod}:{port}")
        client.recv(65536)
        said = f'{{"service": "{name}", "pod": "{pod}"}}'
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n"
        client.sendall((head + said).encode())
        client.close()

    return carry


@contextmanager
def taken() -> Iterator[int]:
    """A port of this machine where somebody listens and says nothing of ours."""
    with tcp_server(lambda client: client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")) as port:
        yield port


def with_node_port(env: Env, port: int) -> Env:
    """The environment with that node port for `shop`."""
    shop = env.manifest.services["shop"].model_copy(update={"node_port": port})
    env.manifest = env.manifest.model_copy(update={"services": {**env.manifest.services, "shop": shop}})
    return env


class Browser:
    """A user's browser: what it was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def launch(self, _: Env, url: str) -> bool:
        self.shown.append(url)
        return True

    def start(self, _: str) -> bool:
        self.shown.append("browser")
        return True


def test_the_urls_of_users_are_the_node_ports_on_loopback(cluster_env: Env) -> None:
    assert service_urls.public(cluster_env) == {"shop": SHOP}


def test_a_node_port_that_answers_as_the_service_is_its_door(cluster_env: Env, api: ApiServer) -> None:
    cluster_env.request = Web({f"{SHOP}/healthz": Answer(200, '{"service": "shop"}')})
    behind(api, "mailer", "mailer-1")
    with service_urls.urls(cluster_env, carry=speaks("mailer")) as urls:
        assert list(urls) == ["shop", "mailer"]
        assert urls["shop"] == SHOP
        assert request("GET", urls["mailer"]).table() == {"service": "mailer", "pod": "mailer-1"}
        through = urls["mailer"]
    assert request("GET", through).status == 0, "the tunnel ends with the context"


def test_a_node_port_that_is_not_published_is_made_true_by_a_tunnel(cluster_env: Env, api: ApiServer) -> None:
    env = with_node_port(cluster_env, free())
    env.request = Web()
    behind(api, "shop", "shop-1")
    behind(api, "mailer", "mailer-1")
    with service_urls.urls(env, carry=speaks("shop")) as urls:
        # The address that the page and the backends were told, not another one.
        assert urls["shop"] == service_urls.public(env)["shop"]
        assert request("GET", f"{urls['shop']}/healthz").table()["service"] == "shop"


def test_a_port_that_somebody_else_holds_is_told(cluster_env: Env) -> None:
    with taken() as port:
        env = with_node_port(cluster_env, port)
        with pytest.raises(ProblemsFound) as failed, service_urls.urls(env):
            pass
    (found,) = failed.value.problems
    assert found.code == "door-taken"
    assert str(port) in found.summary
    assert f":{port}" in found.remedy


def test_another_service_behind_the_port_is_not_taken_for_ours(cluster_env: Env) -> None:
    cluster_env.request = Web({f"{SHOP}/healthz": Answer(200, '{"service": "mailer"}')})
    assert service_urls.closed(cluster_env) == ["shop"]


def test_every_connection_goes_to_a_pod_that_is_ready_then(cluster_env: Env, api: ApiServer) -> None:
    cluster_env.request = Web({f"{SHOP}/healthz": Answer(200, '{"service": "shop"}')})
    behind(api, "mailer", "mailer-1")
    seen: list[str] = []
    with service_urls.urls(cluster_env, carry=speaks("mailer", seen)) as urls:
        assert request("GET", urls["mailer"]).table()["pod"] == "mailer-1"
        behind(api, "mailer", "mailer-1", ready=False)
        assert request("GET", urls["mailer"]).status == 0
        behind(api, "mailer", "mailer-2", port=9000)
        assert request("GET", urls["mailer"]).table()["pod"] == "mailer-2"
    assert seen == ["mailer-1:8081", "mailer-2:9000"]


def test_what_the_api_refuses_is_told_in_its_own_words(cluster_env: Env, api: ApiServer) -> None:
    cluster_env.request = Web({f"{SHOP}/healthz": Answer(200, '{"service": "shop"}')})
    told: list[str] = []
    cluster_env.notify = told.append
    with service_urls.urls(cluster_env, carry=speaks("mailer")) as urls:
        api.fault(path="/endpointslices", refused=Refused(403, "endpointslices are forbidden", "Forbidden"))
        assert request("GET", urls["mailer"]).status == 0
    assert told == ["mailer is not reached: 403 endpointslices are forbidden"]


def test_a_service_without_ready_pods_has_no_endpoint(cluster_env: Env, api: ApiServer) -> None:
    with pytest.raises(LookupError, match="no pod of mailer is ready"):
        service_urls.endpoint(cluster_env, "mailer")
    behind(api, "mailer")
    with pytest.raises(LookupError):
        service_urls.endpoint(cluster_env, "mailer")


def test_a_tunnel_carries_many_connections_at_once() -> None:
    with Tunnel(echo) as tunnel:

        def ask(number: int) -> bool:
            with socket.create_connection(("127.0.0.1", tunnel.port), timeout=10) as client:
                said = str(number).encode() * 3000
                client.sendall(said)
                client.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: client.recv(65536), b"")) == said

        with ThreadPoolExecutor(20) as pool:
            assert all(pool.map(ask, range(60)))


def test_a_connection_that_fails_leaves_the_others_alone() -> None:
    def carry(client: socket.socket) -> None:
        if client.recv(1) == b"!":
            raise ConnectionRefusedError("nobody there")
        client.sendall(b"fine")

    told: list[str] = []
    with Tunnel(carry, notify=told.append) as tunnel:
        for said, on_line in ((b"!", b""), (b"!", b""), (b".", b"fine")):
            with socket.create_connection(("127.0.0.1", tunnel.port), timeout=10) as client:
                client.sendall(said)
                assert client.recv(10) == on_line
    assert told == ["nobody there"]


def test_a_tunnel_ends_what_it_carries() -> None:
    ended = threading.Event()

    def carry(client: socket.socket) -> None:
        echo(client)
        ended.set()

    with Tunnel(carry) as tunnel:
        client = socket.create_connection(("127.0.0.1", tunnel.port), timeout=10)
        client.sendall(b"x")
        assert client.recv(1) == b"x"
    with client:
        assert client.recv(1) == b""
    assert ended.is_set()


def test_open_prints_a_url_that_is_there_and_shows_it(cluster_env: Env, capsys: pytest.CaptureFixture[str]) -> None:
    cluster_env.request = Web({f"{SHOP}/healthz": Answer(200, '{"service": "shop"}')})
    browser = Browser()
    assert opening.show(cluster_env, "shop", launch=browser.launch) == 0
    assert browser.shown == [SHOP]
    assert SHOP in capsys.readouterr().out


def test_open_holds_a_tunnel_until_it_is_ended(cluster_env: Env, capsys: pytest.CaptureFixture[str]) -> None:
    cluster_env.request = Web({f"{SHOP}/healthz": Answer(200, '{"service": "shop"}')})
    browser = Browser()

    def connect() -> socket.socket:
        return socket.create_connection(("127.0.0.1", int(browser.shown[0].rpartition(":")[2])), timeout=10)

    def until() -> None:
        with connect():
            raise KeyboardInterrupt

    assert opening.show(cluster_env, "mailer", launch=browser.launch, wait=until) == 0
    assert "Ctrl-C" in capsys.readouterr().out
    with pytest.raises(ConnectionRefusedError):
        connect()


@pytest.mark.parametrize(
    ("environ", "programs", "wanted"),
    [
        ({}, {}, []),
        ({"DISPLAY": ":0"}, {}, ["browser"]),
        ({"BROWSER": "firefox"}, {}, ["browser"]),
        ({"WSL_DISTRO_NAME": "Debian"}, {"wslview"}, ["wslview http://x"]),
        ({"WSL_DISTRO_NAME": "Debian"}, {"cmd.exe"}, ["cmd.exe /c start  http://x"]),
        ({"WSL_DISTRO_NAME": "Debian", "DISPLAY": ":0"}, {}, ["browser"]),
        ({"WSL_DISTRO_NAME": "Debian", "BROWSER": "firefox"}, {"wslview"}, ["browser"]),
    ],
)
def test_the_browser_is_the_users(
    cluster_env: Env, environ: dict[str, str], programs: set[str], wanted: list[str]
) -> None:
    browser = Browser()

    def run(argv: Sequence[str], **_: object) -> Completed:
        browser.shown.append(" ".join(argv))
        return Completed(tuple(argv), 0, "", "", 0.0)

    cluster_env.environ, cluster_env.runner = environ, run
    which = {name: name for name in programs}.get
    assert opening.browse(cluster_env, "http://x", which=which, start=browser.start) == bool(wanted)
    assert browser.shown == wanted


def test_the_open_connection_of_a_browser_is_no_obstacle_to_http(cluster_env: Env, api: ApiServer) -> None:
    cluster_env.request = Web({f"{SHOP}/healthz": Answer(200, '{"service": "shop"}')})
    behind(api, "mailer", "mailer-1")

    def carry(_: Env, __: str, ___: int, client: socket.socket) -> None:
        while client.recv(65536):
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with service_urls.urls(cluster_env, carry=carry) as urls:
        connection = http.client.HTTPConnection("127.0.0.1", int(urls["mailer"].rpartition(":")[2]), timeout=10)
        for _ in range(3):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"ok"
        connection.close()
