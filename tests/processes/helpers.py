"""Small programs as processes, and what to ask of them."""

import os

import psutil

from bootstrap.core.processes import OWNER, Processes, Spec

PATH = {"PATH": os.environ["PATH"]}


def marked(owner: str) -> set[int]:
    """Every process of this machine with that marker."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(OWNER) == owner:
                found.add(process.pid)
        except psutil.Error:
            continue
    return found


def spec(name: str, script: str = "exec sleep 60", key: str = "1") -> Spec:
    return Spec(name, ("/bin/sh", "-c", script), PATH, "/tmp", key)


def pid_of(processes: Processes, name: str) -> int:
    found = processes.find(name)
    assert found is not None
    return found.pid
