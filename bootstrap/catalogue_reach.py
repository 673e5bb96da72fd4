"""The catalogue's rows about the ways between the broker, the pods and this machine."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = ()
