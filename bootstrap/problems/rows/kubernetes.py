"""The catalogue's rows about the API of a Kubernetes cluster, and the way to it."""

from bootstrap.problems.problem import Row

_ANEW = "# the kubeconfig of this checkout is written anew; nobody else uses it:\nrm .inv/minikube/kubeconfig\n./inv up"

ROWS: tuple[Row, ...] = (
    Row(
        "kubeconfig-unusable",
        "The environment keeps a kubeconfig of its own, and that file is not there or does not name its cluster.",
        "./inv up",
    ),
    Row(
        "cluster-certificate-expired",
        "The certificate of the API server is not valid at this machine's time: it has expired, or the clock is wrong. "
        "minikube makes a new one when it starts.",
        "# the time must be right, which it may not be in WSL2 after a sleep:\ndate\n./inv up",
        tool="kubernetes",
        phase="connect",
        pattern=r"CERTIFICATE_VERIFY_FAILED\].*(?:certificate has expired|certificate is not yet valid)",
    ),
    Row(
        "cluster-is-another",
        "What answers at the address in the environment's kubeconfig is not the cluster that it was written for: that "
        "one was made anew, or its address went to another one.",
        _ANEW,
        tool="kubernetes",
        phase="connect",
        pattern=r"CERTIFICATE_VERIFY_FAILED",
    ),
    Row(
        "cluster-unreachable",
        "The API server of the cluster does not answer: the cluster is stopped, still starts, or its network is away.",
        "./inv up",
    ),
    Row(
        "cluster-login-refused",
        "The API server does not take the certificate in the environment's kubeconfig: it has expired, or the cluster "
        "was made anew.",
        _ANEW,
        tool="kubernetes",
        phase="api",
        pattern=r"^401 ",
    ),
    Row(
        "cluster-rights-missing",
        "The user of the environment's kubeconfig may not do that; minikube writes one who may do everything.",
        _ANEW,
        tool="kubernetes",
        phase="api",
        pattern=r'^403 .*User "[^"]*" cannot ',
    ),
    Row(
        "cluster-namespace-ending",
        "The namespace {namespace} is being deleted, with all that it holds; nothing new can be made there until it is "
        "gone.",
        "# a minute later:\n./inv up",
        tool="kubernetes",
        phase="api",
        pattern=r"in namespace (?P<namespace>\S+) because it is being terminated",
    ),
    Row(
        "cluster-field-unknown",
        "The pinned Kubernetes has no field {field} there: it is misspelt, or stands at the wrong level.",
        "# correct it where the object is written, then:\n./inv up",
        tool="kubernetes",
        phase="api",
        pattern=r'(?:unknown field "|\): (?=\S+: field not declared in schema))(?P<field>[\w.\[\]-]+)',
    ),
    Row(
        "cluster-refused",
        "The cluster answered, and refused; its own words are below.",
        "./inv up",
        unknown=True,
    ),
)
