"""The catalogue's rows about what keeps a pod from running."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = ()
