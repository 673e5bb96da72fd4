"""The catalogue's rows about what keeps a pod from running."""

from bootstrap.problems.problem import Row
from bootstrap.problems.rows import containers
from bootstrap.problems.rows.containers import CHART, LOOK

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
        pattern=r"pull access denied|: (?:unauthorized|denied)\b",
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
        "pod-image-unreachable",
        "The image is not on the node, and its registry cannot be reached from there.",
        "# check the network, or the proxy of the node; then:\n./inv up",
        tool="pod",
        phase="pull",
        pattern=r"no such host|i/o timeout|connection refused|network is unreachable|TLS handshake timeout",
    ),
    Row(
        "pod-image-name-invalid",
        "What the chart or environment.toml names as an image is no name of one.",
        "# correct it (lower case, NAME:TAG), then:\n./inv up",
        tool="pod",
        phase="pull",
        pattern=r"invalid reference format",
    ),
    Row(
        "pod-image-unpulled",
        "The node could not get the image; the words of its container runtime are below.",
        LOOK + "./inv up",
        unknown=True,
    ),
    # --- its configuration
    Row(
        "container-inherits-root",
        "The container must not run as root, and inherits user 0 from the pod's securityContext. The kubelet refuses "
        "that itself: neither the namespace's Pod Security labels nor admission flags of the API server change it.",
        CHART + "take runAsUser out of the pod's securityContext, and give each container\n"
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
        "pod-key-missing",
        "The container takes an environment variable from the key {key} of {object}, which has no such key.",
        "{kubectl} describe configmaps,secrets\n./inv up",
        tool="pod",
        phase="config",
        pattern=r"couldn't find key (?P<key>\S+) in (?P<object>(?:ConfigMap|Secret) \S+)",
    ),
    Row(
        "pod-container-refused",
        "The container runtime, or the kubelet, refused; its words are below.",
        LOOK + "./inv up",
        unknown=True,
    ),
    # --- its volumes
    Row(
        "pod-mount-key-missing",
        "A volume asks for the key {key} of a {object}, which has no such key.",
        CHART + "correct the key in the volume's items, or add it; this shows what is there:\n"
        "{kubectl} get configmaps,secrets --output yaml\n./inv up",
        tool="pod",
        phase="mount",
        pattern=r"(?P<object>configmap|secret) references non-existent (?:config|secret) key: (?P<key>\S+)",
    ),
    Row(
        "pod-mount-object-missing",
        "A volume shows the {kind} {object}, which is not in the namespace {namespace}.",
        "{kubectl} get configmaps,secrets\n./inv up",
        tool="pod",
        phase="mount",
        pattern=r'(?P<kind>configmap|secret) "(?!kube-root-ca\.crt")(?P<object>[^"]+)" not found',
    ),
    Row(
        "pod-not-started",
        "What has to be there before its containers, such as volumes and a network, is not; the events say why.",
        LOOK + "./inv up",
    ),
    Row("pvc-missing", "The claim was deleted, or never made.", "{kubectl} get persistentvolumeclaims\n./inv up"),
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
        "pvc-class-missing",
        "The claim {claim} names the storage class {object}, which the cluster does not have.",
        "{kubectl} get storageclasses\n# correct storageClassName in the chart, then:\n./inv up",
        tool="pod",
        phase="volume",
        pattern=r'storageclass\.storage\.k8s\.io "(?P<object>[^"]+)" not found',
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
        "{kubectl} describe nodes\n./inv up",
        tool="pod",
        phase="schedule",
        pattern=r"Insufficient (?P<resource>cpu|memory|ephemeral-storage)",
    ),
    Row(
        "pod-host-port-taken",
        "The pod wants a port of the node itself (hostPort), and another pod has it.",
        CHART + "take hostPort out, a Service of type NodePort serves as well; then:\n./inv up",
        tool="pod",
        phase="schedule",
        pattern=r"didn't have free ports for the requested pod ports",
    ),
    Row(
        "pod-node-unmatched",
        "The pod asks for a node of a certain kind (nodeSelector or affinity), and none is of that kind.",
        CHART + "take nodeSelector and affinity out, a local cluster has one node; then:\n./inv up",
        tool="pod",
        phase="schedule",
        pattern=r"didn't match Pod's node affinity/selector",
    ),
    Row(
        "pod-unschedulable",
        "The scheduler finds no node for it; its words are below.",
        LOOK + "./inv up",
    ),
    Row(
        "pod-evicted",
        "The node ran out of what its message names, and sent the pod away.",
        "{kubectl} describe nodes\n./inv up",
    ),
    # --- the API server refuses it
    Row(
        "pod-refused-security",
        "The namespace enforces Pod Security `{level}`, and the pod does not meet it. The words below name each "
        "container and what it must set.",
        CHART + "set in each container what is named below (the namespace is right); then:\n./inv up",
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
        "pod-account-missing",
        "The pod runs as the ServiceAccount {account}, which is not in the namespace.",
        CHART + "add the ServiceAccount, or take serviceAccountName out; then:\n./inv up",
        tool="pod",
        phase="admission",
        pattern=r'serviceaccount "(?!default")(?P<account>[^"]+)" not found',
    ),
    Row(
        "pod-refused-webhook",
        "The API server asks the webhook {webhook} for each new pod, and gets no answer: what serves it does not run.",
        "{kubectl} --namespace dapr-system get pods\n./inv up",
        tool="pod",
        phase="admission",
        pattern=r'failed calling webhook "(?P<webhook>[^"]+)"',
    ),
    Row(
        "pod-refused",
        "The API server refused the pod; its words are below.",
        "{kubectl} describe {kind} {name}\n./inv up",
        unknown=True,
    ),
    *containers.ROWS,
    # --- it is under way
    Row("pod-starting", "The pod has been made, and its containers are not yet all there.", LOOK + "./inv up"),
    Row(
        "pod-not-ready",
        "The readiness probe fails: what it asks is not there, or answers that it is not ready.",
        "{kubectl} logs {pod} --container {container}\n" + LOOK + "./inv up",
    ),
    Row("pod-ending", "The pod was deleted, and its containers get their time to end.", LOOK + "./inv up"),
    Row(
        "pod-stuck-terminating",
        "The pod has finalizers ({finalizers}) that whoever set them does not remove: its controller does not run.",
        "# brings it to an end without its controller:\n"
        """{kubectl} patch pod {pod} --type merge --patch '{{"metadata":{{"finalizers":null}}}}'\n./inv up""",
    ),
    # --- the way to it
    Row("service-missing", "The Service was deleted from outside, or never made.", "./inv up"),
    Row(
        "service-selects-nothing",
        "The Service looks for pods with the labels {selector}, and no pod that has an address has them.",
        "{kubectl} get pods --show-labels\n" + CHART + "make selector and labels match; then:\n./inv up",
    ),
    Row(
        "service-without-ready-pod",
        "A Service leads only to pods that are ready; the pods with the labels {selector} are not.",
        "{kubectl} get pods --selector {selector}\n./inv up",
    ),
    # --- the workload
    Row("workload-missing", "The workload was deleted from outside, or never made.", "./inv up"),
    Row("workload-scaled-down", "Somebody set its replicas to 0 after it was deployed.", "./inv up"),
    Row(
        "rollout-blocked",
        "A StatefulSet replaces only pods that are ready, so one that cannot become ready outlives the change that "
        "mends it.",
        "{kubectl} delete pod {pod}\n./inv up",
    ),
    Row(
        "rollout-waiting",
        "The cluster's controllers bring pods of the newest generation up and end the former ones, one after another.",
        "{kubectl} rollout status {kind}/{name} --timeout=60s\n./inv up",
    ),
)
