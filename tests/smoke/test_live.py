"""Live updates: what a browser's socket hears."""

import time

from tests.smoke.app import App, Wrong
from tests.smoke.live import listening

PROMISED = 2.0  # seconds from the answer to the message


def test_a_socket_hears_of_a_created_task_within_two_seconds(app: App) -> None:
    with listening(app) as socket:
        # The first message after a start also waits for the consumer to join its group: that is not what is promised.
        first = app.create()
        if not socket.hears("created", first, app.deadline):
            words = f"Expected the page's socket to hear of a created task; for {app.deadline:g} s it was silent."
            raise Wrong("websocket-service", words)
        task = app.create()
        answered = time.monotonic()
        on_line = socket.hears("created", task, app.deadline)
        seconds = time.monotonic() - answered
    if not on_line or seconds > PROMISED:
        words = f"after {seconds:.1f} s" if on_line else f"not within {app.deadline:g} s"
        raise Wrong("websocket-service", f"Expected the page's socket to hear of a task within 2 s; it was {words}.")
