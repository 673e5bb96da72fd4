"""The catalogue's rows about the ways between the broker, the pods and this machine."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "broker-memory-unbounded",
        "The broker gets {memory_mb} MiB (broker.memory_mb); the engine set no such limit, or it was changed since.",
        "# the engine must not warn of missing support for memory limits:\n"
        "docker info --format '{{{{.MemoryLimit}}}} {{{{.Warnings}}}}'\n"
        "# makes the container anew; the topics stay in the volume of the same name:\n./inv up",
    ),
    Row(
        "broker-volume-full",
        "The disk that holds the broker's volume, and so its topics, has no room left.",
        "docker system df\n# remove what no container uses (asks first):\ndocker system prune\n./inv up",
        tool="redpanda",
        phase="run",
        pattern=r"[Nn]o space left on device",
    ),
    Row(
        "topic-round-trip-failed",
        "The topics are there, and a record that is sent to one is not taken, or not given back: most often the disk "
        "that holds the topics is full.",
        "df -h\n./inv logs broker\n# free some room, then:\n./inv up",
    ),
)
