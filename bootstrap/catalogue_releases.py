"""The catalogue's rows about Helm releases."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = ()
