"""The catalogue's rows about reaching the services of a cluster, and reading what its pods print."""

from bootstrap.problems.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "door-taken",
        "Browsers find {name} at this address. Another program, or another cluster, holds the port; or it is published "
        "and no pod of {name} is ready behind it.",
        "./inv status\n# who listens there:\nss -ltnp 'sport = :{port}'",
    ),
    # --- logs
    Row(
        "log-no-pod",
        "Logs are those of pods, and there is none: the service was not deployed, or its pods are refused.",
        "./inv status\n"
        "kubectl --kubeconfig {kubeconfig} --context {context} describe deployments,statefulsets,replicasets "
        "--namespace {namespace} --selector app.kubernetes.io/name={name}",
    ),
    Row(
        "log-no-sidecar",
        "Only a service with an app_id in environment.toml has a sidecar.",
        "./inv logs {name}",
    ),
    Row(
        "log-not-injected",
        "Dapr is switched off for {name} in its chart's values, or the injector missed the pod.",
        "./inv status\n./inv logs {name}",
    ),
    Row(
        "log-no-previous",
        "A pod keeps the log of the container that ran before a restart, and this pod has restarted none.",
        "./inv logs {name}",
    ),
    Row(
        "log-not-started",
        "The container has printed nothing because it has not started yet.",
        "./inv status\n"
        "kubectl --kubeconfig {kubeconfig} --context {context} get pods --namespace {namespace} --output wide",
    ),
)
