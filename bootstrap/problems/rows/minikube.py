"""The catalogue's rows about minikube, and the engine inside its node."""

from bootstrap.problems.problem import Row
from bootstrap.problems.rows.docker import PRUNE

_RECREATE = (
    "# deletes the cluster and the broker's topics with all data in them (asks first), then makes them anew:\n"
    "./inv down --purge\n./inv up\n"
    "# deletes the cluster alone, and does not ask: minikube delete -p {profile}"
)
_LOOK = "kubectl --kubeconfig {kubeconfig} --context {context}"

ROWS: tuple[Row, ...] = (
    # --- the profile
    Row(
        "profile-not-ours",
        "Profiles are shared by all checkouts and projects of a user; one that another made is never touched.",
        "# choose another name for cluster.profile in environment.toml than these:\nminikube profile list\n"
        "# or, when nobody needs that cluster any more, delete it: minikube delete -p {profile}\n./inv up",
    ),
    Row(
        "cluster-differs",
        "minikube cannot change these in a cluster that is there; the rows below show what it has.",
        "# set environment.toml back to what the cluster has, and go on:\n./inv up\n" + _RECREATE,
    ),
    Row(
        "cluster-too-large",
        "The cluster cannot be given more than the Docker Engine has.",
        "# in environment.toml, below [cluster], write\n#   {key} = {fits}\n"
        "# or give the engine more than that (Docker Desktop: Settings, Resources; WSL2: .wslconfig), then:\n./inv up",
    ),
    Row(
        "engine-too-small",
        "Kubernetes does not start with less than {fits} {unit}.",
        "# give the Docker Engine more (Docker Desktop: Settings, Resources; WSL2: .wslconfig), then:\n./inv up\n"
        "# or do without a cluster:\n./inv up --on local",
    ),
    # --- minikube's own words
    Row(
        "minikube-as-root",
        "minikube's docker driver refuses to run as root.",
        "# as a user who may use Docker:\n./inv up\n# or do without a cluster:\n./inv up --on local",
        tool="minikube",
        phase="start",
        pattern=r"^DRV_AS_ROOT",
    ),
    Row(
        "minikube-without-docker",
        "minikube uses the docker program, and that cannot use this machine's Docker Engine.",
        "# this must work:\ndocker version\n./inv up",
        tool="minikube",
        phase="start",
        pattern=r"^(?:PROVIDER_DOCKER_|DRV_DOCKER_NOT_RUNNING)",
    ),
    Row(
        "kubernetes-not-supported",
        "This minikube does not make clusters of Kubernetes {kubernetes}.",
        "# set cluster.kubernetes in environment.toml to one of these, then:\n"
        "minikube config defaults kubernetes-version\n./inv up",
        tool="minikube",
        phase="start",
        pattern=r"^K8S_(?:OLD|NEW)_UNSUPPORTED",
    ),
    Row(
        "minikube-offline",
        "minikube must download the node's image and Kubernetes once, and what it needs did not answer.",
        "# check the network or the proxy (HTTPS_PROXY); mirrors: MINIKUBE_IMAGE_MIRROR_COUNTRY, "
        "MINIKUBE_IMAGE_REPOSITORY, MINIKUBE_BINARY_MIRROR. Then:\n./inv up",
        tool="minikube",
        phase="start",
        pattern=r"^(?:INET_|K8S_FAIL_CONNECT)|no such host|i/o timeout|TLS handshake timeout|proxyconnect tcp",
    ),
    Row(
        "minikube-disk-full",
        "The disk on which Docker keeps images, containers and volumes is full. minikube makes the node there.",
        PRUNE,
        tool="minikube",
        phase="start",
        pattern=r"^GUEST_PROVISION_NOSPACE|^RSRC_(?:DOCKER|INSUFFICIENT)_STORAGE|no space left on device",
    ),
    Row(
        "mirror-kubernetes-unknown",
        "With a mirror, minikube's cache is filled before it starts. The images of Kubernetes {known} are known, and "
        "environment.toml has another version.",
        "# set cluster.kubernetes in environment.toml to one of {known}, or do without the mirror:\n"
        "unset INV_MIRROR\n./inv up",
    ),
    Row(
        "minikube-port-taken",
        "Each node port of environment.toml is published on this machine, and another program or container has {port}.",
        "# see who has it and end that, or change node_port in environment.toml:\nss -ltnp 'sport = :{port}'\n./inv up",
        tool="minikube",
        phase="start",
        # A program has it, or another container.
        pattern=r"(?:listen tcp4?|Bind for|bind host port(?: for)?) [\d.]+:(?P<port>\d+)\S*"
        r"(?: bind:)? (?:address already in use|failed: port is already allocated|Only one usage)",
    ),
    Row(
        "profile-unreadable",
        "minikube's file about the profile is cut off or no JSON, so minikube neither starts nor shows it.",
        "# when nobody needs that cluster and its data any more:\nminikube delete -p {profile}\n./inv up",
        tool="minikube",
        phase="start",
        pattern=r"^HOST_CONFIG_LOAD",
    ),
    Row(
        "minikube-failed",
        "minikube ended with an error that this project does not know; its words are below.",
        "minikube logs -p {profile}\n./inv up",
        unknown=True,
    ),
    Row(
        "cluster-broken",
        "The cluster came up before, and now minikube cannot start it. It may hold data, so it is not deleted here.",
        "minikube logs -p {profile}\n./inv up\n" + _RECREATE,
    ),
    # --- the cluster
    Row(
        "cluster-paused",
        "A paused cluster keeps all that runs in it and answers nothing until it goes on.",
        "./inv up",
    ),
    Row(
        "cluster-stopped",
        "The container of the cluster's node does not run; all that is in it stays.",
        "./inv up",
    ),
    Row(
        "cluster-node-missing",
        "The container of the cluster's node was deleted from outside; its data is in minikube's volume of the same "
        "name, where that is still there.",
        "./inv up",
    ),
    Row(
        "cni-config-missing",
        "minikube writes a CNI configuration while it makes a cluster, and this node has none: its first start was cut "
        "short, or somebody deleted the file. No start of it afterwards writes it, and no pod gets an address.",
        "# only a new cluster helps; see what is in this one before:\n"
        + _LOOK
        + " get pods --all-namespaces\n"
        + _RECREATE,
    ),
    Row(
        "api-not-ready",
        "The API server's own checks below have not passed: it starts, or its database is in trouble.",
        _LOOK + " get --raw '/readyz?verbose'\n./inv up",
    ),
    Row(
        "kubernetes-version",
        "Charts are validated against the pinned version; another one may refuse or drop what they say.",
        "# set cluster.kubernetes in environment.toml to {found}, or let minikube upgrade the cluster:\n./inv up",
    ),
    Row("node-not-ready", "Pods start only on a node that is Ready and has no taint.", _LOOK + " describe nodes"),
    Row(
        "kubelet-silent",
        "The kubelet starts and watches the pods of a node. The API gave up on it a moment ago: it was stopped, it "
        "hangs, or this machine has just slept.",
        "./inv up",
    ),
    Row(
        "kubelet-lost",
        "The kubelet starts and watches the pods of a node. The API gave up on it more than a minute ago: it was "
        "stopped, or it hangs.",
        "./inv up\n# where that does not help, start the node anew before:\nminikube stop -p {profile}\n./inv up",
    ),
    Row(
        "node-cordoned",
        "Somebody cordoned the node, so nothing new can start there.",
        _LOOK + " uncordon {name}\n./inv up",
    ),
    Row(
        "node-under-pressure",
        "The kubelet ends pods, and starts no new ones, until there is more {what} again.",
        _LOOK + " describe nodes\n# when the disk is full, see what takes the room, and free it:\n"
        "docker system df\nminikube ssh -p {profile} -- docker system df\n./inv up",
    ),
    Row(
        "control-plane-down",
        "It is a part of Kubernetes itself, and its own words are below. Without it the API takes what it is told, and "
        "nothing is carried out.",
        "{look}\n# where it does not come up by itself, start the node anew:\nminikube stop -p {profile}\n./inv up",
    ),
    Row(
        "no-default-storage",
        "The database asks for a volume and names no storage class; without a default one it never gets it.",
        "minikube addons enable default-storageclass -p {profile}\n"
        "minikube addons enable storage-provisioner -p {profile}\n./inv up",
    ),
    Row(
        "storage-provisioner-missing",
        "Only this pod makes volumes of the default storage class. Nothing but minikube's addon makes it anew.",
        "minikube addons enable storage-provisioner -p {profile}\n./inv up",
    ),
    Row(
        "storage-provisioner-down",
        "{reason} Only this pod makes volumes of the default storage class: until it runs, no claim gets one.",
        "{look}\n# deletes that pod, and has minikube's addon make it anew:\n./inv up\n"
        "# where that does not help, start the node anew before:\n# minikube stop -p {profile}",
    ),
    Row(
        "pod-security-off",
        "The API server runs without the admission plugin PodSecurity, so the labels of namespaces do nothing.",
        "# the cluster was made with --extra-config=apiserver.disable-admission-plugins=PodSecurity\n" + _RECREATE,
    ),
    Row(
        "dns-not-answering",
        "CoreDNS runs, and a pod that asks it gets no answer: the cluster's network is in trouble.",
        _LOOK + " logs --namespace kube-system --selector k8s-app=kube-dns\nminikube stop -p {profile}\n./inv up",
    ),
    # --- namespaces, and the pod from which gates look
    Row("namespace-missing", "The namespace was deleted from outside, with everything in it.", "./inv up"),
    Row(
        "namespace-terminating",
        "Somebody deleted the namespace, and nothing can be made in it until all that was in it is gone.",
        "# see what is left in it; once it is gone, go on:\n" + _LOOK + " get all --namespace {name}\n./inv up",
    ),
    Row(
        "namespace-not-secured",
        "The namespace's pod-security.kubernetes.io labels are not the ones of dapr.pod_security in environment.toml, "
        "so pods that break the level would be let in.",
        "./inv up",
    ),
    Row("probe-missing", "The pod from which gates look was deleted from outside.", "./inv up"),
    Row(
        "probe-not-ready",
        "Gates ask from this pod what the services' pods see; it is still starting, or cannot run.",
        _LOOK + " describe pod {name} --namespace {namespace}\n./inv up",
    ),
    # --- the engine in the node
    Row(
        "docker-env-failed",
        "Images are built by the Docker Engine in the node, and only minikube knows how to reach it.",
        "minikube docker-env -p {profile} --shell=none --output=json\n./inv up",
        unknown=True,
    ),
    Row(
        "docker-env-away",
        "minikube told where the node's engine is, and nothing that minikube's certificates vouch for answers there.",
        "minikube ssh -p {profile} -- systemctl status docker\nminikube stop -p {profile}\n./inv up",
    ),
    Row(
        "docker-env-unsafe",
        "Images are built only by the engine in the node, over TLS, on this machine.",
        "# this must show an address of this machine or of the node:\n"
        "minikube docker-env -p {profile} --shell=none --output=json\nminikube stop -p {profile}\n./inv up",
    ),
    Row(
        "docker-env-unproven",
        "That an engine is the node's is told by the containers that it runs, and none is there yet.",
        "./inv up",
    ),
    Row(
        "docker-env-elsewhere",
        "The engine does not run the containers that the API server says run on the node: images built there would be "
        "missed.",
        "minikube stop -p {profile}\n./inv up",
    ),
)
