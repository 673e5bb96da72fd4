"""The catalogue's rows about Helm releases, and the services that they make."""

from bootstrap.problems.problem import Row

ROWS: tuple[Row, ...] = (
    # --- Helm's words
    Row(
        "release-failed",
        "Helm ended with an error that this project does not know; its words are below.",
        "helm --kubeconfig {kubeconfig} --kube-context {context} list --all-namespaces\n./inv up",
        unknown=True,
    ),
    Row(
        "release-cluster-unreachable",
        "The API server did not answer Helm: the cluster is stopped, still starts, or its network is away.",
        "./inv status\n./inv up",
        tool="helm",
        phase="deploy",
        pattern=r"(?i)kubernetes cluster unreachable",
    ),
    Row(
        "release-field-unknown",
        "The API server has no field {field} there, and refuses what has a field that it does not know.",
        "# move the field to where it belongs, or remove it, in infrastructure/charts/{name}, then:\n./inv up",
        tool="helm",
        phase="deploy",
        pattern=r"failed to create typed patch object .*?: (?P<field>\.\S+): field not declared in schema",
    ),
    Row(
        "release-field-immutable",
        "{field} of the {kind} {object} can only be set when the object is made, and the chart changes it.",
        "# take the change back, or let the object be made anew (its pods restart, volumes stay):\n"
        "kubectl --kubeconfig {kubeconfig} --context {context} -n {namespace} delete {kind} {object}\n./inv up",
        tool="helm",
        phase="deploy",
        pattern=r'(?P<kind>\w+)\.apps "(?P<object>[^"]+)" is invalid: (?P<field>spec[\w.]*): '
        r"(?:Invalid value: .*field is immutable|Forbidden: updates to statefulset spec)",
    ),
    Row(
        "release-not-owned",
        "{kind} {object} exists in the cluster and was not made by this release, so Helm leaves it alone.",
        "# if nobody needs it, delete it:\n"
        "kubectl --kubeconfig {kubeconfig} --context {context} -n {namespace} delete {kind} {object}\n./inv up",
        tool="helm",
        phase="deploy",
        pattern=r'(?P<kind>\w+) "(?P<object>[^"]+)" in namespace "(?P<namespace>[^"]*)" exists and cannot be imported',
    ),
    Row(
        "node-port-taken",
        "Node port {port} belongs to another Service of the cluster; each port can have one Service.",
        "# find it, and delete it or give services.{name} another node_port in environment.toml:\n"
        "kubectl --kubeconfig {kubeconfig} --context {context} get services --all-namespaces | grep {port}\n./inv up",
        tool="helm",
        phase="deploy",
        pattern=r"nodePort: Invalid value: (?P<port>\d+): provided port is already allocated",
    ),
    Row(
        "release-namespace-missing",
        "The namespace {namespace} was deleted after it was made.",
        "# it is made anew, with its Pod Security labels:\n./inv up",
        tool="helm",
        phase="deploy",
        pattern=r'namespaces "(?P<namespace>[^"]+)" not found',
    ),
    Row(
        "release-in-progress",
        "Another Helm is at work on this release, or was ended in the middle since this run began.",
        "# the interrupted operation is recovered:\n./inv up",
        tool="helm",
        phase="deploy",
        pattern=r"another operation \(install/upgrade/rollback\) is in progress",
    ),
    Row(
        "release-object-appeared",
        "{kind} {object} was made by somebody else while Helm was at work: a request of an interrupted Helm came late, "
        "or another program deploys the same.",
        "# it is taken over:\n./inv up",
        tool="helm",
        phase="deploy",
        pattern=r'original object (?P<kind>\w+) with the name "(?P<object>[^"]+)" not found',
    ),
    Row(
        "release-timeout",
        "Something that Helm waits for, a hook of the chart, did not end in time.",
        "kubectl --kubeconfig {kubeconfig} --context {context} get jobs,pods --all-namespaces\n./inv up",
        tool="helm",
        phase="deploy",
        pattern=r"context deadline exceeded|timed out waiting for the condition",
    ),
    # --- a service in the cluster
    Row(
        "release-differs",
        "Helm has not deployed it, was interrupted, or took another chart, image or values than the checkout has.",
        "./inv rebuild {name}",
    ),
    Row(
        "sidecar-missing",
        "Dapr's injector did not answer when the pod was made, and the API server took the pod as it was. The "
        "injector answers now: a pod that is made anew gets its sidecar.",
        "./inv up\n{kubectl} logs deployment/dapr-sidecar-injector",
    ),
    Row(
        "image-differs",
        "The container runs another image than the one of the checkout: the rollout is under way, or somebody changed "
        "the Deployment or the image by hand.",
        "{kubectl} rollout status deployment/{name} --timeout=60s\n./inv up",
    ),
    Row(
        "service-restarted",
        "The container ended and was started again: it may end again.",
        "./inv logs {name} {options}\n./inv up",
    ),
    Row(
        "service-unreachable",
        "Asked from another pod, the Service of {name} leads to no good answer, although its pods are Ready.",
        "./inv logs {name}\n./inv status",
    ),
)
