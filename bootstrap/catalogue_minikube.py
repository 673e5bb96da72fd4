"""The catalogue's rows about minikube, and the engine inside its node."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = (
    # --- namespaces, and the pod from which gates look
    Row("namespace-missing", "The namespace was deleted from outside, with everything in it.", "./inv up"),
    Row(
        "namespace-terminating",
        "Somebody deleted the namespace, and nothing can be made in it until all that was in it is gone.",
        "# see what is left in it; once it is gone, go on:\n"
        "kubectl --kubeconfig {kubeconfig} --context {context} get all --namespace {name}\n./inv up",
    ),
    Row(
        "namespace-not-secured",
        "Its pod-security.kubernetes.io labels are not the ones of dapr.pod_security in environment.toml, so pods "
        "that break the level would be let in.",
        "./inv up",
    ),
    Row(
        "probe-not-ready",
        "Gates ask from this pod what the services' pods see; it is started or asked too early, or cannot run.",
        "kubectl --kubeconfig {kubeconfig} --context {context} describe pod {name} --namespace {namespace}\n./inv up",
    ),
)
