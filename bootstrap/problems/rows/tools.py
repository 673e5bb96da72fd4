"""The catalogue's rows about tools and downloads."""

from bootstrap.problems.problem import Row

ROWS: tuple[Row, ...] = (
    Row(
        "tool-missing",
        "{name} is not on PATH, {variable} names no program that this user may run, and the cache does not have it.",
        "# downloads {name} {wanted} into your cache, and installs nothing else:\n"
        "unset {variable}\n./inv up --only tools",
    ),
    Row(
        "tool-version",
        "{why} Accepted is {name} {oldest} and later, before {newest}.",
        "# let inv download {name} {wanted} into your cache, or name another one in {variable}:\n"
        "unset {variable}\n./inv up",
    ),
    Row(
        "tool-broken",
        "The program is there, and does not say its version: it may be for another processor, cut short, or another "
        "program of that name.",
        "# this must work:\n{command}\n# else name another one, or let inv download its own:\nunset {variable}\n"
        "./inv up",
    ),
    Row(
        "platform-unsupported",
        "minikube and helm are published for Linux and macOS, on amd64 and arm64; on Windows this runs inside WSL2.",
        "# install minikube and helm by hand, name them, and go on:\n"
        'export MINIKUBE="$(command -v minikube)" HELM="$(command -v helm)"\n./inv up',
    ),
    Row(
        "checksum-unreadable",
        "Beside each file its publisher has the SHA-256 that it must have; at {url} is something else, as a mirror or "
        "a login page gives.",
        "# this must print 64 hexadecimal digits:\ncurl -fsSL {url}\n./inv up",
    ),
    Row(
        "download-offline",
        "INV_OFFLINE says to do without the network.",
        "# allow it once; it stays in {cache}:\nunset INV_OFFLINE\n./inv up",
    ),
    Row(
        "offline-missing",
        "Without the network `up` takes what earlier runs left in the cache of tools, in minikube's cache and in this "
        "machine's Docker Engine. INV_KEEP=1 makes a run leave there all that a new cluster needs; with INV_MIRROR "
        "every run does.",
        "# with the network, once:\nunset INV_OFFLINE\nexport INV_KEEP=1\n./inv up\n"
        "# and from then on without it:\nexport INV_OFFLINE=1\n./inv up",
    ),
    Row(
        "image-offline",
        "INV_OFFLINE says to do without the network, and this machine's Docker Engine does not have the image.",
        "# with the network, once; it stays in this machine's Docker Engine:\nunset INV_OFFLINE\n"
        "export INV_KEEP=1\n./inv up",
    ),
    Row(
        "download-unreachable",
        "The name {host} is not known here, or nothing there takes the connection: no network, a firewall, or a proxy "
        "that is needed and not set.",
        "# this must work:\ncurl -fsSIL {url}\n# behind a proxy:\nexport https_proxy=http://PROXY:PORT\n"
        "# with a mirror of your own, which has the file under {host}/...:\nexport INV_MIRROR=https://MIRROR/PATH\n"
        "./inv up",
    ),
    Row(
        "download-proxy",
        "The proxy ({proxy}) that the environment names does not take the connection, or does not let it through.",
        "# this must work:\ncurl -fsSIL {url}\n# correct the proxy, or do without it for that host:\n"
        'export no_proxy="$no_proxy,{host}"\n./inv up',
    ),
    Row(
        "download-certificate",
        "The certificate of {host} is signed by nobody that this machine trusts: mostly a proxy that opens TLS, or a "
        "clock that is wrong.",
        "# trust your company's certificate authority, in a file of PEM certificates:\n"
        "export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt\ndate\n./inv up",
    ),
    Row(
        "download-not-found",
        "There is no such file: the version does not exist, or the mirror does not have it.",
        "# this must work:\ncurl -fsSIL {url}\n# else correct the version in environment.toml, or fill the mirror:\n"
        "./inv up",
    ),
    Row(
        "download-failed",
        "The server, or the way to it, failed in the middle. What came is kept.",
        "# goes on where it was cut:\n./inv up",
    ),
    Row(
        "download-corrupt",
        "The bytes that came are not the published ones, so they were deleted: a broken mirror, a proxy that changes "
        "what it passes on, or worse.",
        "# look at what is served there; nothing of it was run:\ncurl -fsSIL {url}\n./inv up",
    ),
    Row(
        "cache-not-writable",
        "Tools are kept in a cache of your own, and that folder cannot be written.",
        '# make it yours, or choose another place with XDG_CACHE_HOME:\nsudo chown -R "$(id -u)" {cache}\n./inv up',
    ),
)
