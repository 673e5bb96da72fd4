"""The catalogue's rows about reaching the services of a cluster, and reading what its pods print."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "door-taken",
        "Browsers find {name} at this address. Another program, or another cluster, holds the port; or it is published "
        "and no pod of {name} is ready behind it.",
        "./inv status\n# who listens there:\nss -ltnp 'sport = :{port}'",
    ),
)
