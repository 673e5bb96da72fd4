"""The catalogue's rows about what this machine must have, WSL2 included."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = ()
