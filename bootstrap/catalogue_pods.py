"""The catalogue's rows about what keeps a pod from running."""

from bootstrap.problem import Row

_CHART = "# in the chart under infrastructure/charts: "
_LOOK = "{kubectl} describe pod {pod}\n"
_LOG = "{kubectl} logs {pod} --container {container}{previous}\n"

ROWS: tuple[Row, ...] = (
    # --- its image
    Row(
        "pod-image-absent",
        "The image was built in another Docker engine, or under another tag, than the node's; nothing is pulled.",
        "# builds it in the node's engine:\n./inv up",
        tool="pod",
        phase="pull",
        pattern=r"is not present with pull policy of Never",
    ),
    Row(
        "pod-image-denied",
        "The registry has no such image, or shows it only after a login.",
        "# correct the image's name, or build it in the node's engine:\n./inv up",
        tool="pod",
        phase="pull",
        pattern=r"pull access denied|insufficient_scope|401 Unauthorized|403 Forbidden|unauthorized:",
    ),
    Row(
        "pod-image-unknown",
        "The registry has no image of this name and tag.",
        "# correct the image's name or tag, then:\n./inv up",
        tool="pod",
        phase="pull",
        pattern=r"manifest unknown|code = NotFound desc = |: not found(?:$|\")",
    ),
    Row(
        "pod-image-unpulled",
        "The node could not get the image; the words of its container runtime are below.",
        _LOOK + "./inv up",
    ),
    # --- its configuration
    Row(
        "container-inherits-root",
        "The container must not run as root, and inherits user 0 from the pod's securityContext. The kubelet refuses "
        "that itself, whatever Pod Security the namespace enforces.",
        _CHART + "take runAsUser out of the pod's securityContext, and give each container\n"
        "# of the app a numeric user of its own (runAsUser: 10001, runAsGroup: 10001); then:\n./inv up",
        tool="pod",
        phase="config",
        pattern=r"runAsUser breaks non-root policy",
    ),
    Row(
        "container-image-user-root",
        "The container must not run as root, and its image states no user or user 0.",
        "# end the Dockerfile with a numeric user (USER 10001:10001), or set runAsUser in the chart; then:\n./inv up",
        tool="pod",
        phase="config",
        pattern=r"runAsNonRoot and image will run as root",
    ),
    Row(
        "container-image-user-not-numeric",
        "The image names its user {user}; the kubelet reads no /etc/passwd, so it cannot tell that this is not root.",
        "# write the number in the Dockerfile (USER 10001:10001), or set runAsUser in the chart; then:\n./inv up",
        tool="pod",
        phase="config",
        pattern=r"image has non-numeric user \((?P<user>[^)]*)\)",
    ),
    Row(
        "pod-secret-missing",
        "The container takes its environment from the Secret {object}, which is not in the namespace {namespace}.",
        "{kubectl} get secrets\n./inv up",
        tool="pod",
        phase="config",
        pattern=r'secret "(?P<object>[^"]+)" not found',
    ),
    Row(
        "pod-configmap-missing",
        "The container takes its environment from the ConfigMap {object}, which is not in the namespace {namespace}.",
        "{kubectl} get configmaps\n./inv up",
        tool="pod",
        phase="config",
        pattern=r'configmap "(?P<object>[^"]+)" not found',
    ),
    Row(
        "pod-container-refused",
        "The container runtime, or the kubelet, refused; its words are below.",
        _LOOK + "./inv up",
    ),
    # --- its volumes
    Row(
        "pod-mount-key-missing",
        "A volume asks for the key {key} of a {object}, which has no such key.",
        _CHART + "correct the key in the volume's items, or add it; this shows what is there:\n"
        "{kubectl} get configmaps,secrets --output yaml\n./inv up",
        tool="pod",
        phase="mount",
        pattern=r"(?P<object>configmap|secret) references non-existent (?:config|secret) key: (?P<key>\S+)",
    ),
    Row(
        "pod-not-started",
        "What has to be there before its containers, such as volumes and a network, is not; the events say why.",
        _LOOK + "./inv up",
    ),
    Row("pvc-missing", "It was deleted, or never made.", "{kubectl} get persistentvolumeclaims\n./inv up"),
    Row(
        "pvc-no-storage-class",
        "The claim {claim} names no storage class, the cluster has no default one, and no volume fits.",
        "# minikube has both as addons:\nminikube --profile {context} addons enable default-storageclass\n"
        "minikube --profile {context} addons enable storage-provisioner\n./inv up",
        tool="pod",
        phase="volume",
        pattern=r"no persistent volumes available for this claim and no storage class is set",
    ),
    Row(
        "pvc-pending",
        "A volume that the pod needs is not there yet: whoever makes it is at work, or not running.",
        "{kubectl} describe persistentvolumeclaims\n./inv up",
    ),
    # --- its place
    Row(
        "pod-node-too-small",
        "No node has enough free {resource} for what the pod asks for.",
        "# see what is taken; then lower the request in the chart, or raise cpus or memory_mb in environment.toml:\n"
        "kubectl --kubeconfig {kubeconfig} --context {context} describe nodes\n./inv up",
        tool="pod",
        phase="schedule",
        pattern=r"Insufficient (?P<resource>cpu|memory|ephemeral-storage)",
    ),
    Row(
        "pod-host-port-taken",
        "The pod wants a port of the node itself (hostPort), and another pod has it.",
        _CHART + "take hostPort out, a Service of type NodePort serves as well; then:\n./inv up",
        tool="pod",
        phase="schedule",
        pattern=r"didn't have free ports for the requested pod ports",
    ),
    Row(
        "pod-unschedulable",
        "The scheduler finds no node for it; its words are below.",
        _LOOK + "./inv up",
    ),
    Row(
        "pod-evicted",
        "The node ran out of what its message names, and sent the pod away.",
        "kubectl --kubeconfig {kubeconfig} --context {context} describe nodes\n./inv up",
    ),
    # --- the API server refuses it
    Row(
        "pod-refused-security",
        "The namespace enforces Pod Security `{level}`, and the pod does not meet it. The words below name each "
        "container and what it must set.",
        _CHART + "set in each container what is named below (the namespace is right); then:\n./inv up",
        tool="pod",
        phase="admission",
        pattern=r'violates PodSecurity \\?"(?P<level>[^":\\]+)',
    ),
    Row(
        "pod-refused-quota",
        "The ResourceQuota {quota} of the namespace is used up.",
        "{kubectl} describe resourcequota {quota}\n./inv up",
        tool="pod",
        phase="admission",
        pattern=r"exceeded quota: (?P<quota>[^,\s]+)",
    ),
    Row(
        "pod-refused-webhook",
        "The API server asks the webhook {webhook} for each new pod, and gets no answer: what serves it does not run.",
        "kubectl --kubeconfig {kubeconfig} --context {context} get pods --namespace dapr-system\n./inv up",
        tool="pod",
        phase="admission",
        pattern=r'failed calling webhook "(?P<webhook>[^"]+)"',
    ),
    Row(
        "pod-refused",
        "The API server refused the pod; its words are below.",
        "{kubectl} describe {kind} {name}\n./inv up",
    ),
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
        ".venv/bin/python -m bootstrap.locks\n./inv rebuild {service}",
        tool="pod",
        phase="log",
        pattern=r"No module named '?(?P<module>[\w.]+)'?",
    ),
    Row(
        "pod-import-broken",
        "The module {module} is there, and has no {wanted}: the code was written for another version.",
        "# pin the version that has it in services/{service}/requirements.txt, then:\n"
        ".venv/bin/python -m bootstrap.locks\n./inv rebuild {service}",
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
        _CHART + "give each container a port of its own; then:\n./inv up",
        tool="pod",
        phase="log",
        pattern=r"\[Errno 98\].*[Aa]ddress already in use|bind: address already in use",
    ),
    Row(
        "pod-out-of-memory",
        "The container needed more memory than its limit ({limit}), and the kernel killed it.",
        _CHART + "raise resources.limits.memory; then:\n./inv up",
    ),
    Row(
        "pod-liveness",
        "The kubelet kills and restarts the container, because its liveness probe fails: {probe}.",
        _CHART + "correct livenessProbe, or mend what it asks for; this shows more:\n" + _LOOK + "./inv up",
    ),
    Row(
        "pod-crashes",
        "Its program ends by itself; its last words are below.",
        _LOG + "# mend it, then:\n./inv up",
    ),
    # --- the sidecar's last words
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
        "sidecar-waits-for-app",
        "daprd waits until its app listens on port {port}, the pod's annotation dapr.io/app-port.",
        "{kubectl} logs {pod} --container {service}\n"
        "# when the app listens on another port, correct `port` in environment.toml; then:\n./inv up",
        tool="daprd",
        phase="wait",
        pattern=r"waiting on port (?P<port>\d+)",
    ),
    # --- it is under way
    Row("pod-starting", "It has been made, and its containers are not yet all there.", _LOOK + "./inv up"),
    Row(
        "pod-not-ready",
        "Its readiness probe fails: what it asks is not there, or answers that it is not ready.",
        "{kubectl} logs {pod} --container {container}\n" + _LOOK + "./inv up",
    ),
    Row("pod-ending", "It was deleted, and its containers get their time to end.", _LOOK + "./inv up"),
    Row(
        "pod-stuck-terminating",
        "It has finalizers ({finalizers}) that whoever set them does not remove: its controller does not run.",
        "# brings it to an end without its controller:\n"
        """{kubectl} patch pod {pod} --type merge --patch '{{"metadata":{{"finalizers":null}}}}'\n./inv up""",
    ),
    # --- the workload
    Row("workload-missing", "It was deleted from outside, or never made.", "./inv up"),
    Row(
        "rollout-waiting",
        "The cluster's controllers bring pods of the newest generation up and end the former ones, one after another.",
        "{kubectl} rollout status {kind}/{name} --timeout=60s\n./inv up",
    ),
)
