"""The catalogue's rows about the API of a Kubernetes cluster, and the way to it."""

from bootstrap.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "kubeconfig-unusable",
        "The environment keeps a kubeconfig of its own, and that file is not there or does not name its cluster.",
        "# it is written anew:\n./inv up",
    ),
    Row(
        "cluster-unreachable",
        "The API server of the cluster does not answer: the cluster is stopped, still starts, or its network is away.",
        "./inv status\n./inv up",
    ),
    Row("cluster-refused", "The cluster answered, and refused; its own words are below.", "./inv up"),
)
