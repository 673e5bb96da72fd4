"""The catalogue's rows about what this machine must have, WSL2 included."""

from bootstrap.problems.problem import Row
from bootstrap.problems.rows.docker import PRUNE

_WSLCONFIG = (
    "# in Windows, in the file .wslconfig of your home, below [wsl2], write\n{lines}"
    "# then end WSL (it ends all that runs in it), open it again, and go on:\n"
    "wsl.exe --shutdown\n./inv up"
)

ROWS: tuple[Row, ...] = (
    Row(
        "docker-program-missing",
        "minikube makes its node, and images are built, by the program docker; the engine alone is not enough.",
        "# install Docker's command line with its plugin buildx, or put its folder on PATH; this must work:\n"
        "docker version\n./inv up",
    ),
    Row(
        "docker-version",
        "Docker Engine 20.10 is the first that works with control groups of version 2, and the oldest that minikube "
        "recommends.",
        "# renew it by the way by which it was installed; this must say 20.10 or later:\n"
        "docker version --format '{{{{.Server.Version}}}}'\n./inv up",
    ),
    Row(
        "docker-not-linux",
        "minikube's node and the broker are Linux containers.",
        "# Docker Desktop: in its menu, 'Switch to Linux containers'; this must say linux:\n"
        "docker info --format '{{{{.OSType}}}}'\n./inv up",
    ),
    Row(
        "docker-clock",
        "The clock of Docker Desktop's virtual machine stands still while the computer sleeps. Certificates and tokens "
        "made on one side are refused on the other.",
        "# restart Docker Desktop, or set the clock by the hardware's; these must agree:\n"
        "date -u\ndocker info --format '{{{{.SystemTime}}}}'\n./inv up",
    ),
    Row(
        "docker-disk-low",
        "The disk that holds {path} has {free} MiB free; the cluster and its images need at least {needed} MiB.",
        PRUNE,
    ),
    Row(
        "node-port-in-use",
        "The cluster's node publishes the port of {name} there, and two programs cannot have one port.",
        "# see who holds it, and end it:\nss -ltnp 'sport = :{port}'\ndocker ps --filter publish={port}\n"
        "# or choose another node_port for {name} in environment.toml, then:\n./inv up",
    ),
    Row(
        "clock-behind",
        "With a clock in the past every certificate is of the future, and is refused.",
        "date\n# set it, as by:\nsudo timedatectl set-ntp true\n./inv up",
    ),
    Row(
        "wsl-version",
        "WSL 1 has no Linux kernel, so no Docker Engine and no cluster can use it.",
        "# this moves the distribution to WSL 2, and ends it; open it again, and go on:\n"
        'wsl.exe --set-version "$WSL_DISTRO_NAME" 2\n./inv up',
    ),
    Row(
        "wsl-cgroup",
        "Kubernetes is leaving version 1 behind, and WSL's mixture of both keeps nodes from starting.",
        _WSLCONFIG.replace("{lines}", "#   kernelCommandLine = cgroup_no_v1=all\n"),
    ),
    Row(
        "wsl-checkout-on-windows",
        "On a disk of Windows, files are ten times slower, locks and permissions do not hold, and changes are not "
        "noticed.",
        "# move it to the disk of WSL:\ngit clone {path} ~/{name}\ncd ~/{name}\n./inv up",
    ),
    Row(
        "wsl-dns",
        "WSL writes that file when it starts, unless it is told not to, or the file is a link to nowhere.",
        "sudo rm -f /etc/resolv.conf\n# below [network] in /etc/wsl.conf there must be no generateResolvConf = false:\n"
        "cat /etc/wsl.conf\nwsl.exe --shutdown\n./inv up",
    ),
    Row(
        "wsl-clock",
        "The clock of WSL stands still while Windows sleeps. Certificates and tokens are refused when clocks differ.",
        "sudo hwclock --hctosys\n./inv up",
    ),
    Row(
        "wsl-docker-not-integrated",
        "Docker Desktop is on this Windows, and is not started, or does not serve this distribution of WSL.",
        "# start Docker Desktop; in Settings, Resources, WSL integration, switch this distribution on:\n"
        'echo "$WSL_DISTRO_NAME"\n# this must work:\ndocker version\n./inv up',
    ),
    Row(
        "wsl-too-small",
        "Windows gives WSL half of its memory unless it is told more.",
        _WSLCONFIG.replace("{lines}", "#   memory={memory}\n#   processors={cpus}\n"),
    ),
)
