"""Every problem of the images: what BuildKit and pip say in a build, and what a container says at its start."""

from bootstrap.problems.problem import Row
from bootstrap.problems.rows.docker import PRUNE

# The image is in the node's engine alone; what that takes is set for one command, not for the user's shell.
_RUN = (
    "# the same run, by hand, in the engine of the node:\n"
    '(eval "$(minikube docker-env -p {profile} --shell=bash)" && {command})'
)

ROWS: tuple[Row, ...] = (
    # --- the build: the first row that matches counts, so those that explain others come first
    Row(
        "build-disk-full",
        "The disk on which Docker keeps images, containers and volumes is full.",
        PRUNE,
        tool="image",
        phase="build",
        pattern=r"[Nn]o space left on device",
    ),
    Row(
        "buildkit-missing",
        "Since version 23, docker builds with BuildKit only through its plugin buildx, which is missing or broken.",
        "# the name of the package differs: docker-buildx-plugin from Docker, docker-buildx from distributions:\n"
        "sudo apt-get install docker-buildx-plugin || sudo apt-get install docker-buildx\n"
        "# this must show a version:\ndocker buildx version\n./inv up",
        tool="image",
        phase="build",
        pattern=r"buildx component is missing or broken|requires? BuildKit|BuildKit must be enabled",
    ),
    Row(
        "docker-client-too-old",
        "minikube brings an engine of its own into the node; it is newer, and no longer speaks with this machine's "
        "docker program.",
        "docker version\n# install a newer docker program, as https://docs.docker.com/engine/install/ says; then:\n"
        "./inv up",
        tool="image",
        phase="build",
        pattern=r"client version \S+ is too old\. Minimum supported API version is",
    ),
    Row(
        "build-engine-lost",
        "The Docker Engine went away in the middle of the build: it was stopped, or it crashed.",
        "docker info\n# when that works, go on:\n./inv up",
        tool="image",
        phase="build",
        pattern=r"Cannot connect to the Docker daemon|error reading from server: EOF|(?m:^(?:ERROR: )?unexpected EOF$)",
    ),
    Row(
        "base-image-unreachable",
        "The base image is not in this engine yet, and its registry did not answer.",
        "# check the network or the proxy of the Docker Engine, or name a mirror's image:\n"
        "export PYTHON_IMAGE=MIRROR/python:3.11-slim\n./inv up",
        tool="image",
        phase="build",
        pattern=r"failed to do request: |failed to fetch (?:anonymous|oauth) token",
    ),
    Row(
        "base-image-not-found",
        "The registry has no such base image, or asks for a login.",
        "# correct PYTHON_IMAGE in {dockerfile}, or in the environment; this takes the Dockerfile's own again:\n"
        "unset PYTHON_IMAGE\n./inv up",
        tool="image",
        phase="build",
        pattern=r"(?:LLB definition|metadata for \S+): (?:pull access denied|\S+: not found|\S+: unexpected status)",
    ),
    Row(
        "build-copy-source-missing",
        "The Dockerfile takes {source} from the build context services/, and it is not there, or .dockerignore "
        "leaves it out.",
        "# create the file, or correct the path in {dockerfile}:\nls services {path}\n./inv up",
        tool="image",
        phase="build",
        pattern=r'(?:cache key: (?:.*: )?"/?|\.dockerignore: stat )(?P<source>[^"\s:]+)"?(?: not found)?: '
        r"(?:not found|file does not exist)",
    ),
    Row(
        "build-certificate",
        "The build does not know the certificate authority of the package index, as a company's proxy may bring "
        "its own.",
        "# the file with that authority's certificate:\nexport PIP_CERT=/etc/ssl/certs/ca-certificates.crt\n./inv up",
        tool="image",
        phase="build",
        pattern=r"CERTIFICATE_VERIFY_FAILED",
    ),
    Row(
        "build-network",
        "pip did not reach the package index from inside the build.",
        "# check the network or the proxy of the Docker Engine; a mirror is set with PIP_INDEX_URL. Then:\n./inv up",
        tool="image",
        phase="build",
        pattern=r"Temporary failure in name resolution|Name or service not known|Network is unreachable"
        r"|Failed to establish a new connection|Connect(?:ion)? ?[Tt]ime(?:d )?out|Read timed out",
    ),
    Row(
        "build-requirements-conflict",
        "Two requirements exclude each other, so pip finds no set of versions.",
        "# loosen one of the pins that are named above in {path}/requirements.txt, then:\n"
        ".venv/bin/python -m bootstrap.setup.locks\n./inv up",
        tool="image",
        phase="build",
        pattern=r"ResolutionImpossible",
    ),
    Row(
        "build-hash-mismatch",
        "What the package index serves has another hash than the one in the requirements: the file was changed there, "
        "by a mirror or a proxy on the way, or the hash was written for another file.",
        "# look at what the words name; when the new file is the right one, write the locks anew:\n"
        ".venv/bin/python -m bootstrap.setup.locks\n./inv up",
        tool="image",
        phase="build",
        pattern=r"THESE PACKAGES DO NOT MATCH THE HASHES",
    ),
    Row(
        "build-python-unsupported",
        "The version of {wanted} that is asked for was made for another Python than the base image has.",
        "# ask for a version that takes this Python in {path}/requirements.txt, then:\n"
        ".venv/bin/python -m bootstrap.setup.locks\n./inv up",
        tool="image",
        phase="build",
        # pip names every version that it left aside; it is the cause when the one asked for is among them.
        pattern=r"require a different python version: .*?\b(?P<version>\d[\w.]*) Requires-Python (?s:.*)"
        r"No matching distribution found for (?P<wanted>[^\s=]+)==(?P=version)\s",
    ),
    Row(
        "build-requirement-not-found",
        "The package index has no distribution {wanted} for the Python of the base image.",
        "# correct the name or the version in {path}/requirements.txt, then:\n./inv up",
        tool="image",
        phase="build",
        pattern=r"No matching distribution found for (?P<wanted>\S+)",
    ),
    Row(
        "build-failed",
        "A step of the build ended with an error that this project does not know; its words are below.",
        "# mend {dockerfile} until this works:\ndocker build --file {dockerfile} services\n./inv up",
        unknown=True,
    ),
    # --- the image and its run
    Row(
        "image-missing", "The image was not built here yet, or was removed since, or the code has changed.", "./inv up"
    ),
    Row("image-not-proven", "The last run ended before it was proven, or it failed there.", "./inv up"),
    Row(
        "image-user-root",
        "Pods must not run as root: Kubernetes refuses an image whose user is root or not stated.",
        "# end {dockerfile} with `USER {uid}:{uid}`, then:\n./inv up",
    ),
    Row(
        "image-user-not-numeric",
        "Kubernetes reads no /etc/passwd of an image, so it cannot tell that a user's name is not root's.",
        "# end {dockerfile} with `USER {uid}:{uid}`, then:\n./inv up",
    ),
    Row(
        "image-file-not-readable",
        "The Dockerfile put it where only its owner may look; the pod runs as uid {uid}. Whatever lies below /root "
        "is closed to others, and Python then says that a file cannot be opened or that a module is not there.",
        "# in {dockerfile}: install into a place that is open to all, such as a virtual environment in /opt/venv,\n"
        "# or open what was copied with `COPY --chmod=755`; then:\n./inv up",
        tool="image",
        phase="run",
        pattern=r"\[Errno 13\] Permission denied|\": permission denied|\(PermissionError: \[Errno 13\]",
    ),
    Row(
        "image-module-not-on-path",
        "The module was installed into a folder that is none of those in which the Python of ENTRYPOINT looks: another "
        "Python's, or one that PATH or PYTHONPATH does not name.",
        "# in {dockerfile}: start the Python for which it was installed (`ENV PATH=/opt/venv/bin:$PATH`), or name the\n"
        "# folder with `ENV PYTHONPATH={folder}`; then:\n./inv up",
    ),
    Row(
        "image-module-missing",
        "The service imports {module}, and Python does not find it in the image.",
        "# add the distribution that provides it to {requirements}, or copy its folder in {dockerfile}; then:\n"
        ".venv/bin/python -m bootstrap.setup.locks\n./inv up",
        tool="image",
        phase="run",
        pattern=r"No module named '?(?P<module>[\w.]+)'?",
    ),
    Row(
        "image-writes-root",
        "The service writes to {file}; the root filesystem of a pod is read-only, only /tmp can be written.",
        "# write to /tmp, or to the database or the state store; then:\n./inv up",
        tool="image",
        phase="run",
        pattern=r"\[Errno 30\] Read-only file system: '(?P<file>[^']+)'",
    ),
    Row(
        "image-entry-point-missing",
        "ENTRYPOINT names the program {program}, and the image does not have it.",
        "# correct ENTRYPOINT or PATH in {dockerfile}, then:\n./inv up",
        tool="image",
        phase="run",
        pattern=r'exec: \\?"(?P<program>[^"\\]+)\\?": (?:stat \S+ no such file or directory|executable file not found)',
    ),
    Row(
        "image-not-alive",
        "The image was started as a pod will start it: no rights, a read-only root filesystem, no network. Its log is "
        "below.",
        _RUN,
    ),
    Row(
        "image-service-raises",
        "The service's own code raises an error that nothing catches. The image was started as a pod will start it: no "
        "rights, a read-only root filesystem, no network, so a service must start without those that it calls.",
        "# mend {at}, then:\n./inv up\n" + _RUN,
    ),
    Row(
        "image-run-failed",
        "The image was started as a pod will start it: no rights, a read-only root filesystem, no network. Its last "
        "words are below.",
        _RUN,
        unknown=True,
    ),
)
