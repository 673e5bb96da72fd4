"""The file system of minikube's node: Debian with systemd, Docker, cri-dockerd and CNI plugins.

The files that minikube itself adds to its node image come from its published Go module.
"""

import json
import shutil
import subprocess
from pathlib import Path

import authority
import programs
import rootfs

PACKAGES = (
    "systemd systemd-sysv dbus udev kmod util-linux mount procps iproute2 iputils-ping netcat-openbsd "
    "openssh-server sudo docker.io containerd iptables nftables ebtables conntrack ethtool socat "
    "containernetworking-plugins nfs-common curl rsync lz4 gnupg dnsutils"
)
CNI, OURS = "opt/cni/bin", Path("usr/local/bin")
# In minikube's node image these units are not enabled.
OFF = ("containerd", "nftables", "systemd-resolved", "apt-daily.timer", "apt-daily-upgrade.timer")
SSHD = "PubkeyAuthentication yes\nPasswordAuthentication no\n"
KICBASE = "deploy/kicbase"


def layer() -> Path:
    """Return the folder with what the node has beyond the base."""
    minikube = programs.source(programs.module_of("minikube"))
    dockerd = programs.source(programs.module_of("cri-dockerd"))
    binaries = {name: programs.build(name) for name in ("cri-dockerd", "crictl", "runc-less")}

    def fill(root: Path) -> None:
        given = minikube / KICBASE
        for path, target in (
            (given / "entrypoint", OURS / "entrypoint"),
            (given / "10-network-security.conf", "etc/sysctl.d/10-network-security.conf"),
            (given / "11-tcp-mtu-probing.conf", "etc/sysctl.d/11-tcp-mtu-probing.conf"),
            (given / "containerd.toml", "etc/containerd/config.toml"),
            (given / "automount/minikube-automount", "usr/sbin/minikube-automount"),
            (given / "automount/minikube-automount.service", "usr/lib/systemd/system/minikube-automount.service"),
            (
                given / "scheduled-stop/minikube-scheduled-stop",
                "var/lib/minikube/scheduled-stop/minikube-scheduled-stop",
            ),
            (
                given / "scheduled-stop/minikube-scheduled-stop.service",
                "usr/lib/systemd/system/minikube-scheduled-stop.service",
            ),
            (dockerd / "packaging/systemd/cri-docker.service", "usr/lib/systemd/system/cri-docker.service"),
            (dockerd / "packaging/systemd/cri-docker.socket", "usr/lib/systemd/system/cri-docker.socket"),
            (binaries["cri-dockerd"], "usr/bin/cri-dockerd"),
            (binaries["crictl"], OURS / "crictl"),
        ):
            _put(path, root / target)
        (root / "usr/sbin/runc").rename(root / "usr/sbin/runc.real")
        _put(binaries["runc-less"], root / "usr/sbin/runc")
        shutil.copytree(root / "usr/lib/cni", root / CNI)
        (root / "usr/bin/dockerd").symlink_to("../sbin/dockerd")  # where minikube starts it
        _settle(root)

    files = [given for given in (minikube / KICBASE).rglob("*") if given.is_file()]
    inputs: list[str | Path] = [
        *files,
        dockerd / "packaging/systemd",
        *binaries.values(),
        authority.certificate(),
        Path(__file__),
    ]
    return rootfs.layer("node", PACKAGES, inputs, fill)


def _settle(root: Path) -> None:
    """Write settings, users and what is started, as minikube's node image has them."""
    (root / "etc/ssh/sshd_config.d/minikube.conf").write_text(SSHD)
    (root / "etc/sudoers.d/20-passwordless-sudo").write_text("%sudo ALL=(ALL) NOPASSWD:ALL\n")
    (root / "version.json").write_text(
        json.dumps({"minikube_version": programs.MINIKUBE, "kicbase_version": programs.node_image_version()})
    )
    for folder in ("kind", "etc/kubernetes/manifests"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    authority.trust(root)
    units = root / "lib/systemd/system"
    for wanted in ("multi-user.target.wants", "local-fs.target.wants"):
        for link in (units / wanted).glob("*"):
            if link.name != "systemd-user-sessions.service":  # which ends that only root may log in
                link.unlink()
    for link in units.glob("sockets.target.wants/*udev*"):
        link.unlink()
    for link in (root / "etc/systemd/system").glob("*.wants/*"):
        link.unlink()
    # Name servers of the network must not decide where the control plane is.
    switch = root / "etc/nsswitch.conf"
    switch.write_text(switch.read_text().replace("dns files", "files dns"))
    for command in (
        "useradd --create-home --shell /bin/bash --gid docker --groups sudo docker",
        "passwd --delete docker",
        "install -d --owner docker --group docker --mode 755 /home/docker/.ssh",
        "systemctl enable docker.service ssh.service minikube-automount.service",
        "systemctl mask systemd-binfmt.service",
        f"systemctl disable {' '.join(OFF)}",
    ):
        done = subprocess.run(["chroot", str(root), *command.split()], env=rootfs.ENVIRON, capture_output=True)
        if done.returncode and "disable" not in command:
            raise RuntimeError(f"{command}: {done.stderr.decode()}")


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    executable = target.suffix not in {".conf", ".toml", ".service", ".socket"}
    target.chmod(0o755 if executable else 0o644)
