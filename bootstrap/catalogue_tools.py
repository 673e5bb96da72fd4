"""The catalogue's rows about tools and downloads."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = ()
