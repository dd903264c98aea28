"""What is on a node's disk before anybody uses it: the directories of every Linux system, and the kubelet's own.

Source: Filesystem Hierarchy Standard 3.0; file-hierarchy(7); kubelet, setupDataDirs and the device manager.
"""

from __future__ import annotations

from volsim.storage import tree
from volsim.storage.tree import Directory

__all__ = ["NODE_DISK"]

_USUAL = (
    "bin", "boot", "dev", "etc", "etc/ssl", "etc/ssl/certs", "home", "lib", "lib/modules", "media", "mnt", "opt",
    "proc", "run", "sbin", "srv", "sys", "usr", "usr/bin", "usr/lib", "usr/local", "usr/share", "var", "var/cache",
    "var/lib", "var/lib/kubelet", "var/lib/kubelet/device-plugins", "var/lib/kubelet/plugins",
    "var/lib/kubelet/plugins_registry", "var/lib/kubelet/pod-resources", "var/lib/kubelet/pods", "var/log",
    "var/log/pods", "var/spool",
)  # fmt: skip


def _node_disk() -> Directory:
    root = Directory()
    for path in _USUAL:
        root = tree.mkdir(root, path)
    root = tree.mkdir(root, "root", mode=0o700)
    for path in ("tmp", "var/tmp"):
        root = tree.mkdir(root, path, mode=0o1777)
    return tree.symlink(root, "var/run", "../run")


NODE_DISK = _node_disk()
"""The disk of a new node.

>>> tree.listdir(NODE_DISK, "/var/lib/kubelet")
['device-plugins', 'plugins', 'plugins_registry', 'pod-resources', 'pods']
"""
