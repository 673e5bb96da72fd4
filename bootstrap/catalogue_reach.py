"""The catalogue's rows about the ways between the broker, the pods and this machine."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "topic-round-trip-failed",
        "The topics are there, and a record that is sent to one is not taken, or not given back: most often the disk "
        "that holds the topics is full.",
        "df -h\n./inv logs broker\n# free some room, then:\n./inv up",
    ),
)
