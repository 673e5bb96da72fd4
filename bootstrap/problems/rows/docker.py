"""The catalogue's rows about Docker, and about Redpanda in its container."""

from bootstrap.problems.problem import Row

# Not `docker system prune`: it also takes containers that are stopped, such as a cluster's node.
PRUNE = (
    "docker system df\n# remove images and build caches that no container uses (asks first), then go on:\n"
    "docker image prune --all\ndocker builder prune\n./inv up"
)

ROWS: tuple[Row, ...] = (
    Row(
        "docker-elsewhere",
        "Everything of this environment stays on this machine's loopback; a container on another machine cannot.",
        "# take the engine of this machine:\nunset DOCKER_HOST\nexport DOCKER_CONTEXT=default\n./inv up",
    ),
    Row(
        "docker-over-tcp",
        "minikube takes an engine behind a port for one of another machine, and publishes all of the node's ports to "
        "the whole network.",
        "# take the engine's socket:\nunset DOCKER_HOST\nexport DOCKER_CONTEXT=default\n./inv up\n"
        "# or do without a cluster:\n./inv up --on local",
    ),
    Row(
        "docker-config-unreadable",
        "Docker's program and its libraries read logins and proxies from this file, and something in it is not as they "
        "expect, such as an empty auth.",
        "# mend it, or log in anew with `docker login`:\npython3 -m json.tool {path}\n./inv up",
    ),
    Row(
        "docker-not-running",
        "No Docker Engine listens where it should: it is not started, or not installed.",
        "# start it (or open Docker Desktop):\nsudo service docker start\n./inv up\n"
        "# or do without Docker:\n./inv up --on local --broker wheel",
        tool="docker",
        phase="connect",
        pattern=r"FileNotFoundError|ConnectionRefusedError|Connection refused",
    ),
    Row(
        "docker-forbidden",
        "Docker's socket belongs to root and the group docker, and this user is in neither.",
        'sudo usermod -aG docker "$USER"\n# log in again, then:\n./inv up\n'
        "# or do without Docker:\n./inv up --on local --broker wheel",
        tool="docker",
        phase="connect",
        pattern=r"PermissionError",
    ),
    Row(
        "docker-disk-full",
        "The disk on which Docker keeps images, containers and volumes is full.",
        PRUNE,
        tool="docker",
        phase="run",
        pattern=r"no space left on device",
    ),
    Row(
        "image-not-in-registry",
        "The registry does not have the image, or asks for a login. A mirror has each image under its whole name, the "
        "original registry included.",
        "# correct the name (broker.image in environment.toml, PYTHON_IMAGE), or fill the mirror, until this works:\n"
        "docker pull {image}\n./inv up",
        tool="docker",
        phase="run",
        pattern=r"manifest unknown|manifest for .+ not found|pull access denied|[Nn]o such image",
    ),
    Row(
        "registry-unreachable",
        "The image is not on this machine yet, and its registry did not answer.",
        "# check the network or the proxy of the Docker Engine; this must work:\ndocker pull {image}\n./inv up",
        tool="docker",
        phase="run",
        pattern=r"dial tcp|TLS handshake|i/o timeout|Client\.Timeout exceeded|unexpected EOF|connection reset by peer",
    ),
    Row(
        "broker-name-taken",
        "A container of that name is there which this checkout did not make; it is never touched.",
        "docker inspect {name}\n# rename it, or remove it when nobody needs it, then:\n"
        "docker rename {name} {name}-old\n./inv up",
        tool="docker",
        phase="run",
        pattern=r"The container name .+ is already in use",
    ),
    Row(
        "broker-port-taken",
        "Another program or container took port {port} on 127.0.0.1 before the broker's container could.",
        "# the next run picks another port by itself; where the engine is in a machine of its own and the port taken "
        "there,\n# choose another broker.listeners.host in environment.toml:\n./inv up",
        tool="docker",
        phase="run",
        pattern=r"port is already allocated|(?:bind|/tcp): address already in use|bind: Only one usage",
    ),
    Row(
        "broker-container-missing",
        "The container was removed from outside; its topics are still in the volume of the same name.",
        "./inv up",
    ),
    Row(
        "broker-container-stale",
        "The container was made with other settings (image, memory, port) than environment.toml and the checkout have "
        "now.",
        "# makes it anew; the topics stay in the volume of the same name:\n./inv up",
    ),
    Row(
        "broker-container-stopped",
        "Nobody ended it by `inv`: it ended by itself or was stopped from outside; its last words are below.",
        "./inv logs broker\n./inv up",
    ),
    Row(
        "broker-out-of-memory",
        "The kernel killed the broker because it needed more than the {memory_mb} MiB of broker.memory_mb.",
        "# raise broker.memory_mb in environment.toml, then:\n./inv up",
    ),
    Row(
        "broker-port-not-published",
        "The container runs, and the engine does not publish its Kafka port on 127.0.0.1:{port}: {actual}.",
        "docker rm -f {name}\n# makes it anew; the topics stay in the volume of the same name:\n./inv up",
    ),
    Row(
        "docker-failed",
        "The Docker Engine refused with words that this project does not know; they are below.",
        "docker info\n# when that works, go on:\n./inv up",
        unknown=True,
    ),
)
