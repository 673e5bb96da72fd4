"""The catalogue's rows about Dapr's control plane, its components and sidecars on a cluster."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = ()
