"""The catalogue's rows about minikube, and the engine inside its node."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = ()
