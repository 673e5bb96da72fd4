"""Ports of loopback for what a test starts: free, and nobody else's between their choice and their use."""

import random

from bootstrap.core.ports import may_be_ours

# Below those that systems give to connections, any of which may be taken at any moment.
SERVERS, NODE_PORTS = range(22000, 29000), range(30000, 32768)
_GIVEN: set[int] = set()


def free(among: range = SERVERS) -> int:
    """A port on which nobody listens, another one at each call; no other program of this project is given it."""
    port = next(p for p in random.sample(among, len(among)) if p not in _GIVEN and may_be_ours(p))
    _GIVEN.add(port)
    return port
