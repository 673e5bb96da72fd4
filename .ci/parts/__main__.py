"""Build what a laptop would download for this environment: `python3 .ci/parts tools`, then `python3 .ci/parts`.

`tools` builds the programs that tests call by themselves, and prints `NAME=PATH` for each. Without it everything is
built: the programs, the images in a registry's storage, and the files of the site; `WHAT=PATH` is printed for each.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import authority
import cache
import images
import layers
import node
import programs
import rootfs
import site_files

TOOLS = ("daprd", "helm", "minikube")


def main() -> None:
    # Debian's packages and Maven's come over the network while the compiler works.
    with ThreadPoolExecutor(1) as beside:
        packages = None if sys.argv[1:] == ["tools"] else beside.submit(_packages)
        for name in TOOLS if packages is None else programs.PROGRAMS:
            path = programs.build(name)
            if packages is None:
                _tell(name.upper(), str(path))
        if packages is None:
            return
        packages.result()
    node.layer()
    _tell("registry", str(images.push_all()))
    _tell("site", str(site_files.folder()))
    _tell("authority", str(authority.folder()))
    _tell("runc", str(programs.build("runc-less")))


def _packages() -> None:
    rootfs.base()
    for make in (layers.python, layers.proxy, layers.postgres, layers.kafka):
        make()


def _tell(what: str, path: str) -> None:
    sys.stdout.write(f"{what}={path}\n")
    sys.stdout.flush()


if os.geteuid() != 0:
    sys.exit("Images are made from root file systems, which takes root.")
cache.CACHE.mkdir(parents=True, exist_ok=True)
main()
