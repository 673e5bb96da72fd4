"""A service in the browser, at an address that works while it is looked at."""

import shutil
import sys
import webbrowser
from collections.abc import Callable

from bootstrap.cli.report import report_for
from bootstrap.cluster import service_urls
from bootstrap.core.env import Env
from bootstrap.problems.problem import ProblemsFound
from bootstrap.targets import target

OPEN_TIMEOUT_S = 15.0  # for a command of Windows to take an address

Launch = Callable[[Env, str], bool]
Which = Callable[[str], str | None]
Wait = Callable[[], object]


def show(env: Env, service: str, launch: Launch | None = None, wait: Wait | None = None) -> int:
    """Prints the URL of a service and opens it in a browser where there is a display.

    Where only a tunnel of this process leads to it, the tunnel stays open until Ctrl-C, or until `wait` returns.
    Raises `ProblemsFound` (`door-taken`).
    """
    report, place, launch = report_for(), target.of(env), launch or browse
    if not needs_tunnel(env, service):
        url = place.urls(env)[service]
        report.line(f"  {url}")
        launch(env, url)
        return 0
    with place.reachable_urls(env) as urls:
        report.line(f"  {urls[service]}\n  leads to {service} for as long as this runs; Ctrl-C ends it")
        launch(env, urls[service])
        try:
            (wait or env.cancelled.wait)()
        except KeyboardInterrupt:
            report.line()
    return 0


def needs_tunnel(env: Env, service: str) -> bool:
    """Whether a user's browser reaches the service, or what its page asks, only through a tunnel."""
    return env.place != "local" and (service not in service_urls.public(env) or bool(service_urls.closed(env)))


def browse(env: Env, url: str, which: Which = shutil.which, start: Callable[[str], bool] = webbrowser.open) -> bool:
    """Opens a URL in the user's browser, on WSL in that of Windows; whether there is one."""
    if env.environ.get("WSL_DISTRO_NAME") and not env.environ.get("BROWSER"):
        for argv in (["wslview", url], ["cmd.exe", "/c", "start", "", url]):
            if program := which(argv[0]):
                try:
                    return env.run([program, *argv[1:]], timeout=OPEN_TIMEOUT_S).exit == 0
                except ProblemsFound:
                    return False  # the URL was printed: that is enough
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return (sys.platform == "darwin" or any(env.environ.get(name) for name in shown)) and start(url)
