"""The catalogue's rows about the processes of `local`: services and their sidecars."""

from bootstrap.problems.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "daprd-missing",
        "DAPRD in the environment names the daprd to use, and there is no such program.",
        "# take the daprd on PATH, or the built-in sidecar where there is none:\nunset DAPRD\n./inv up",
    ),
    Row(
        "sidecar-port-taken",
        "Another program took a port of the sidecar of {name} before the sidecar could listen on it.",
        "# the next run picks another port by itself:\n./inv up",
        tool="sidecar",
        phase="start",
        pattern=r"[Aa]ddress already in use|Failed to bind to address",
    ),
    Row(
        "sidecar-died",
        "The sidecar's process ended by itself; its last words are below.",
        "./inv logs {name} --sidecar\n./inv up",
    ),
    Row(
        "sidecar-not-ready",
        "The sidecar runs, and does not say that it is ready.",
        "./inv logs {name} --sidecar",
    ),
    Row(
        "component-missing",
        "The sidecar of {name} has not loaded the component.",
        "./inv logs {name} --sidecar",
    ),
    Row(
        "sidecar-without-name",
        "daprd runs also when it could not enter its name into the file in which the others look for it, and calls of "
        "{name} by its app id then lead nowhere.",
        "# the next run starts it anew; its log says why it could not:\n./inv up\n./inv logs {name} --sidecar",
    ),
    Row(
        "service-module-missing",
        "The service imports {module}, and its environment does not hold it.",
        "# add the distribution that provides it to {path}/requirements.txt, then:\n./inv up",
        tool="python",
        phase="start",
        pattern=r"ModuleNotFoundError: No module named '(?P<module>[^']+)'",
    ),
    Row(
        "service-settings",
        "The service refused the settings in its environment.",
        "# correct `env` of the service in environment.toml, then:\n./inv up",
        tool="python",
        phase="start",
        pattern=r"(?m)^[a-z][a-z0-9-]*: [A-Z][A-Z0-9_]* (?:is not set|must .+)$",
    ),
    Row(
        "service-port-taken",
        "Another program listens on the service's port.",
        "# the next run picks another port by itself:\n./inv up",
        tool="python",
        phase="start",
        pattern=r"\[Errno (?:48|98)\].*[Aa]ddress already in use",
    ),
    Row(
        "service-crashed",
        "The service's process ended by itself; its last words are below. Where they name a line of the service's own "
        "code, that line raises the error.",
        "./inv logs {name}\n# mend it, then:\n./inv rebuild {name}",
    ),
    Row(
        "service-not-running",
        "The service's process is not there: it was never started, or it was ended from outside.",
        "./inv up",
    ),
    Row(
        "service-stale",
        "The process that runs was started from other code or settings than the ones in the checkout.",
        "./inv rebuild {name}",
    ),
    Row(
        "service-not-alive",
        "The process runs, and its /healthz gives no good answer.",
        "./inv logs {name}",
    ),
    Row(
        "service-not-ready",
        "The service is alive and says which of its own dependencies is not.",
        "./inv logs {name}\n./inv status\n# once what it names is mended:\n./inv up",
    ),
    Row(
        "subscription-missing",
        "environment.toml says that {name} subscribes to the topic, and its sidecar has no such subscription in place.",
        "./inv logs {name} --sidecar",
    ),
)
