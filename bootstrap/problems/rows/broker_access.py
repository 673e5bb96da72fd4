"""The catalogue's rows about the ways between the broker, the pods and this machine."""

from bootstrap.problems.problem import Row
from bootstrap.problems.rows.docker import PRUNE

KUBECTL = "kubectl --kubeconfig {kubeconfig} --context {context} -n {namespace}"

ROWS: tuple[Row, ...] = (
    Row(
        "cluster-network-missing",
        "The cluster's node is not a container of the engine that the broker is on: it was made with another engine "
        "or driver, or its network was deleted.",
        "docker network ls --filter name={profile}\n# deletes the cluster with all data in it, to make it anew:\n"
        "minikube delete -p {profile}\n./inv up",
    ),
    Row(
        "cluster-network-foreign",
        "Somebody else made the network, so it is not touched; minikube would put its node into it.",
        "docker network inspect {profile}\n# when nobody needs it, delete it: docker network rm {profile}\n"
        "# else choose another cluster.profile in environment.toml; then:\n./inv up",
    ),
    Row(
        "broker-not-in-network",
        "Pods reach the broker at its own address in the network of the cluster's node, and it has none there: the "
        "container was made anew, or disconnected by hand.",
        "./inv up",
    ),
    Row(
        "broker-name-differs",
        "The broker's Service and EndpointSlice lead to {actual}; the broker is at {wanted}.",
        f"# where somebody else wrote them, they go first:\n{KUBECTL} delete service {{service}} --ignore-not-found\n"
        f"{KUBECTL} delete endpointslices -l kubernetes.io/service-name={{service}}\n./inv up",
    ),
    Row(
        "broker-unreachable-from-pods",
        "The broker answers on this machine, and its name leads to its address; something on the way from a pod (the "
        "cluster's DNS, kube-proxy, a NetworkPolicy, a firewall between Docker's networks) stops it.",
        f"{KUBECTL} get service,endpointslices,networkpolicies\n"
        "kubectl --kubeconfig {kubeconfig} --context {context} -n kube-system get pods\n"
        "docker network inspect {profile}\n./inv up",
    ),
    Row(
        "broker-advertises-unreachable",
        "A Kafka client goes from the first address to the ones that the broker advertises; those of its listener on "
        "port {port} must be reachable from pods.",
        "docker rm -f {name}\n# makes it anew; the topics stay in the volume of the same name:\n./inv up",
    ),
    Row(
        "broker-memory-unbounded",
        "The broker gets {memory_mb} MiB (broker.memory_mb); the engine set no such limit, or it was changed since.",
        "# the engine must not warn of missing support for memory limits:\n"
        "docker info --format '{{{{.MemoryLimit}}}} {{{{.Warnings}}}}'\n"
        "# makes the container anew; the topics stay in the volume of the same name:\n./inv up",
    ),
    Row(
        "broker-aio-limit",
        "Redpanda asks the kernel for some 11,000 asynchronous requests, and the limit that all programs share is met.",
        "# on Linux and in WSL, until the next start:\nsudo sysctl -w fs.aio-max-nr=1048576\n"
        "# with Docker Desktop on a Mac, in its machine:\n"
        "docker run --rm --privileged busybox:1.36 sysctl -w fs.aio-max-nr=1048576\n./inv up",
        tool="redpanda",
        phase="run",
        pattern=r"fs/aio-max-nr",
    ),
    Row(
        "broker-volume-full",
        "The disk that holds the broker's volume, and so its topics, has no room left.",
        PRUNE,
        tool="redpanda",
        phase="run",
        pattern=r"[Nn]o space left on device",
    ),
    Row(
        "topic-round-trip-failed",
        "The topics are there, and a record that is sent to one is not taken, or not given back: most often the disk "
        "that holds the topics is full.",
        "df -h\n./inv logs broker\n# free some room, then:\n./inv up",
    ),
)
