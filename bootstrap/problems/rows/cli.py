"""The catalogue's rows about the run itself: the command, its state, this machine's disk and ports."""

from bootstrap.problems.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "environment-locked",
        "Another command of this environment is at work; two at once would undo each other's work.",
        "# wait until it has ended, or end it:\nkill {pid}",
    ),
    Row(
        "state-not-writable",
        "All state of an environment lives in one folder of the checkout, and that folder cannot be written.",
        '# make it yours, or move the checkout to a disk that you can write:\nsudo chown -R "$(id -u)" {path}',
    ),
    Row(
        "disk-full",
        "The disk that holds {path} has {free} MiB free; at least {needed} MiB are needed.",
        "df -h {path}\n# free some room, then go on:\n./inv up",
    ),
    Row(
        "stage-hung",
        "A tool or a service accepted the connection, or the command, and then never came back.",
        "./inv status\n./inv down\n./inv up",
    ),
    Row(
        "gate-broken",
        "The gate ended with an error of this project itself; what it looked at may be right or wrong.",
        "./inv status\n# and report the words below, with what this writes:\n./inv diagnose --bundle",
        unknown=True,
    ),
    Row(
        "command-missing",
        "The program is not on PATH, or this user may not run it.",
        "# install it, or put its folder on PATH, then:\n./inv up",
    ),
    Row(
        "command-timeout",
        "The tool was still at work when its time was over, and was ended.",
        "# run the command shown above by hand to see what it waits for; then go on:\n./inv up",
    ),
    Row(
        "service-unknown",
        "There is no such service in environment.toml. Known: {known}.",
        "./inv {command} {nearest}",
    ),
    Row(
        "nothing-runs",
        "This command needs a running environment, and nothing of it is there.",
        "./inv up",
    ),
    Row(
        "code-unknown",
        "Every problem shows its code in brackets. The nearest ones there are: {known}.",
        "./inv explain {nearest}\n# all of them:\n./inv explain all",
    ),
    Row(
        "place-unknown",
        "An environment can run on: {known}.",
        "./inv up --on {nearest}",
    ),
    Row(
        "place-other",
        "An environment runs on one place at a time: two would fight for the same ports.",
        "./inv down\n./inv up --on {wanted}",
    ),
    Row(
        "stage-unknown",
        "There is no such stage. Known: {known}.",
        "./inv {command} {nearest}",
    ),
    Row(
        "stages-only-and-from",
        "--only names the stages that do their work, --from the first of them.",
        "./inv up --from {first}",
    ),
    Row(
        "purge-not-confirmed",
        "`./inv down --purge` deletes data for good, so it asks for the environment's name.",
        "./inv down --purge\n# or, where nobody can answer:\n./inv down --purge --yes",
    ),
    Row(
        "logs-previous",
        "--previous is for pods. What the process before this one printed is in a file, where there was one.",
        "cat {path}.previous",
    ),
    Row(
        "broker-of-local",
        "Only `local` can choose its broker; the cluster's is Redpanda.",
        "./inv up --on local --broker {broker}",
    ),
    Row(
        "broker-unknown",
        "The broker of `local` is one of: {known}.",
        "./inv up --on local --broker {nearest}",
    ),
    Row(
        "no-free-port",
        "Every port from {first} to {last} on 127.0.0.1 is taken.",
        "# see who holds them, and end what is not needed:\nss -ltnp",
    ),
)
