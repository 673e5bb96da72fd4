"""The catalogue's rows about the smoke tests."""

from bootstrap.problems.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "smoke-failed",
        "Every part is up, and what a user would see is not right.",
        "./inv verify\n./inv {look}",
    ),
    Row(
        "smoke-not-run",
        "The smoke tests have not passed against what runs now.",
        "./inv verify",
    ),
)
