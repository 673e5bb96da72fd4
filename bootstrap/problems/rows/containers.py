"""The catalogue's rows about containers that end, or cannot be started at all."""

from bootstrap.problems.problem import Row

CHART = "# in the chart under infrastructure/charts: "
LOOK = "{kubectl} describe pod {pod}\n"
_LOG = "{kubectl} logs {pod} --container {container} --previous={previous}\n"

ROWS: tuple[Row, ...] = (
    # --- its program is not started
    Row(
        "pod-program-missing",
        "The container is to run {program}, and its image does not have that program.",
        "# correct ENTRYPOINT or PATH in the Dockerfile, or `command` in the chart; then:\n./inv up",
        tool="pod",
        phase="start",
        pattern=r'exec: \\?"(?P<program>[^"\\]+)\\?": (?:executable file not found|(?:stat \S+ )?no such file)',
    ),
    Row(
        "pod-program-denied",
        "The container's user may not run {program}: it is not executable, or lies where only its owner may look.",
        "# in the Dockerfile: install into a place that is open to all, such as /opt/venv, or copy it with\n"
        "# COPY --chmod=755; then:\n./inv up",
        tool="pod",
        phase="start",
        pattern=r'exec: \\?"(?P<program>[^"\\]+)\\?": (?:stat \S+ )?permission denied',
    ),
    # --- its last words
    Row(
        "pod-module-missing",
        "The program imports {module}, and Python does not find it in the image.",
        "# add the distribution that provides it to services/{service}/requirements.txt, then:\n"
        ".venv/bin/python -m bootstrap.setup.locks\n./inv rebuild {service}",
        tool="pod",
        phase="log",
        pattern=r"No module named '?(?P<module>[\w.]+)'?",
    ),
    Row(
        "pod-import-broken",
        "The module {module} is there, and has no {wanted}: the code was written for another version.",
        "# pin the version that has it in services/{service}/requirements.txt, then:\n"
        ".venv/bin/python -m bootstrap.setup.locks\n./inv rebuild {service}",
        tool="pod",
        phase="log",
        pattern=r"ImportError: cannot import name '(?P<wanted>[^']+)' from '(?P<module>[^']+)'",
    ),
    Row(
        "pod-code-unreadable",
        "Python cannot read {file}, line {line}.",
        "# mend that line, then:\n./inv rebuild {service}",
        tool="pod",
        phase="log",
        pattern=r'File "(?P<file>[^"]+)", line (?P<line>\d+)\n(?:.*\n){0,3}(?:Syntax|Indentation|Tab)Error: ',
    ),
    Row(
        "pod-program-format",
        "{program} is no program of this machine's kind: it was built for another processor, or is a script without "
        "its first line (#!).",
        "# build the image on this machine, or give the script its first line; then:\n./inv rebuild {service}",
        tool="pod",
        phase="log",
        pattern=r"exec (?P<program>\S+): exec format error",
    ),
    Row(
        "pod-file-denied",
        "The container's user may not read {file}. Whatever lies below /root is closed to others.",
        "# in the Dockerfile: install into a place that is open to all, such as a virtual environment in /opt/venv,\n"
        "# or open what was copied with `COPY --chmod=755`; then:\n./inv rebuild {service}",
        tool="pod",
        phase="log",
        pattern=r"(?:can't open file (?='[^']+': \[Errno 13\])|\[Errno 13\] Permission denied: )'(?P<file>[^']+)'",
    ),
    Row(
        "pod-writes-root",
        "The program writes to {file}, and the container's root filesystem is read-only.",
        "# write to /tmp, to the database or the state store, or mount a volume there in the chart; then:\n"
        "./inv rebuild {service}",
        tool="pod",
        phase="log",
        pattern=r"\[Errno 30\] Read-only file system: '(?P<file>[^']+)'",
    ),
    Row(
        "pod-setting-wrong",
        "The program cannot use the environment variable {variable}: the container does not have it, or not as it "
        "must be.",
        "# correct `env` of the service in environment.toml, or in its chart; then:\n./inv up",
        tool="pod",
        phase="log",
        pattern=r"(?m)(?:in __getitem__\n(?:.*\n)?KeyError: '|^[a-z][a-z0-9-]*: )(?P<variable>[A-Z][A-Z0-9_]*)"
        r"(?:'| is not set| must .+)$",
    ),
    Row(
        "pod-port-taken",
        "Two programs of the pod want the same port: its containers share one address.",
        CHART + "give each container a port of its own; then:\n./inv up",
        tool="pod",
        phase="log",
        pattern=r"\[Errno 98\].*[Aa]ddress already in use|bind: address already in use",
    ),
    Row(
        "pod-name-unknown",
        "The program asks for a host by a name that the cluster's name server does not know: there is no Service of "
        "that name in that namespace, or the name server gives no answer.",
        "{kubectl} get services\n# correct the name in `env` of the service in environment.toml, or its chart; then:\n"
        "./inv up",
        tool="pod",
        phase="log",
        pattern=r"\[Errno -[235]\] |[Tt]emporary failure in name resolution",
    ),
    Row(
        "pod-out-of-memory",
        "The container needed more memory than its limit ({limit}), and the kernel killed it.",
        CHART + "raise resources.limits.memory; then:\n./inv up",
    ),
    Row(
        "pod-liveness",
        "The kubelet kills and restarts the container, because its liveness probe fails: {probe}.",
        CHART + "correct livenessProbe, or mend what it asks for; this shows more:\n" + LOOK + "./inv up",
    ),
    Row(
        "pod-crashes",
        "The container's program ends by itself; its last words are below. Where they name a line of the service's own "
        "code, that line raises the error.",
        _LOG + "# mend it, then:\n./inv up",
    ),
    # --- the sidecar's last words
    Row(
        "daprd-certificate-expired",
        "daprd refuses the certificate of Dapr's control plane, whose time is over or has not begun: the clock was "
        "changed, or Dapr's root certificate is older than a year.",
        "date -u\n./inv diagnose\n./inv up",
        tool="daprd",
        phase="log",
        pattern=r"x509.*certificate has expired or is not yet valid",
    ),
    Row(
        "daprd-trust-differs",
        "The pod holds another root certificate than the one of Dapr's control plane, which was made anew since.",
        "# restarts the pods that hold the former one:\n./inv up",
        tool="daprd",
        phase="log",
        pattern=r"x509svid: could not verify leaf certificate|x509: certificate signed by unknown authority",
    ),
    Row(
        "daprd-component-unreachable",
        "daprd ends when it cannot reach what the component {component} stands for: a broker or a database.",
        "{kubectl} get components.dapr.io {component} --output yaml\n./inv status\n./inv up",
        tool="daprd",
        phase="log",
        pattern=r"(?:INIT_COMPONENT_FAILURE\]|[Ff]ailed to init component).*? (?P<component>[a-z0-9][-a-z0-9]*) "
        r"\([a-z]+\.[^)]*\).*(?:connection refused|no such host|i/o timeout|run out of available brokers|"
        r"no route to host|network is unreachable|failed to connect|context deadline exceeded)",
    ),
    Row(
        "daprd-component-invalid",
        "daprd ends because it cannot use the component {component} as it is written.",
        "# correct it in infrastructure/dapr, then:\n./inv up",
        tool="daprd",
        phase="log",
        pattern=r"(?:INIT_COMPONENT_FAILURE\]|[Ff]ailed to init component|error.{0,40}component).*? "
        r"(?P<component>[a-z0-9][-a-z0-9]*) \([a-z]+\.[^)]*\)",
    ),
    Row(
        "sidecar-waits-for-identity",
        "daprd waits for its certificate, and dapr-sentry gives none that it can use: sentry is not there, or the "
        "clocks differ, so that a certificate is not valid yet or no longer.",
        "{kubectl} --namespace dapr-system logs deployment/dapr-sentry\n# compare with this machine's clock:\n"
        "{kubectl} exec {pod} -- date -u\ndate -u\n./inv up",
        tool="daprd",
        phase="wait",
        pattern=r"Fetching initial identity(?!(?s:.*)(?:Security is initialized|Fatal error))",
    ),
    Row(
        "sidecar-waits-for-app",
        "daprd waits until its app listens on port {port}, the pod's annotation dapr.io/app-port.",
        "{kubectl} logs {pod} --container {service}\n"
        "# when the app listens on another port, correct `port` in environment.toml; then:\n./inv up",
        tool="daprd",
        phase="wait",
        pattern=r"waiting (?:on|for application to listen on) port (?P<port>\d+)",
    ),
)
