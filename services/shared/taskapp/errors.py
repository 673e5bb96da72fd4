"""The failures that services tell apart."""


class TransientError(Exception):
    """A dependency is away or busy: the same attempt may succeed later."""


class Conflict(Exception):
    """Somebody else wrote first: read again and decide anew."""


class PoisonEvent(Exception):
    """An event that no retry can make processable. `reason` says what is wrong with it, in one sentence."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
