"""Volumes that hold nothing of value, though containers may write to them: temporary ones, and the machine's own.

>>> volume = {"name": "tmp", "emptyDir": {}}
>>> no_value(volume, {"containers": [{"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}]})
'holds nothing of value at /tmp'
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from volsim.checking.provisioners import is_on_a_server
from volsim.checking.workloads import Manifest

__all__ = ["no_value"]

_TEMPORARY = ("/tmp", "/var/tmp")
_VOLATILE = ("/run", "/var/run", "/var/cache", "/dev/shm")
"""Where nobody keeps data in a container. Source: Filesystem Hierarchy Standard 3.0."""
_ROOTS = ("/", "/etc", "/var", "/var/log")
_MACHINE = (
    *("/bin", "/boot", "/dev", "/etc/kubernetes", "/etc/pki", "/etc/ssl", "/lib", "/lib64", "/proc", "/run", "/sbin"),
    *("/sys", "/usr", "/var/lib/containerd", "/var/lib/docker", "/var/lib/kubelet", "/var/run"),
)
"""What of a node is the machine's own: pods look at it, or manage it. Source: likewise; kubelet and runtimes."""
_PREPARES = re.compile(r"\b(chgrp|chmod|chown|mkdir|rm|rmdir|sysctl|ulimit)\b")
_FILLS = re.compile(r"\b(cat|cp|curl|dd|echo|envsubst|git|install|ln|mv|printf|rsync|sed|tar|tee|touch|unzip|wget)\b|>")


def no_value(volume: Manifest, pod: Manifest) -> str:
    """Why what is written to a volume of a pod counts for nothing; empty if it counts. `pod` is its spec."""
    if "emptyDir" in volume or volume.keys() == {"name"}:  # which is what a volume is that says no more
        paths = sorted({mount.get("mountPath") or "" for mount in _mounts(volume, pod.get("containers") or [])})
        if paths and all(map(_is_temporary, paths)):
            return f"holds nothing of value at {', '.join(paths)}"
        by = [each.get("name") or "" for each in pod.get("initContainers") or [] if _fills(each, volume)]
        return f"is filled anew for each pod, by init container {by[0]}" if by else ""
    path = (volume.get("hostPath") or {}).get("path") or ""
    if path and ((path.rstrip("/") or "/") in _ROOTS or _lies_under(path, _MACHINE)):
        return f"{path} is the machine's own and holds no data of it"
    driver = (volume.get("csi") or {}).get("driver") or ""
    return f"what {driver} mounts is on its server, and stays there" if is_on_a_server(driver) else ""


def _mounts(volume: Manifest, containers: list[Manifest]) -> Iterator[Manifest]:
    for container in containers:
        yield from (each for each in container.get("volumeMounts") or [] if each.get("name") == volume["name"])


def _fills(container: Manifest, volume: Manifest) -> bool:
    """Whether an init container puts something into a volume, and does not only see to its owner and mode."""
    if container.get("restartPolicy") == "Always" or all(each.get("readOnly") for each in _mounts(volume, [container])):
        return False
    words = " ".join([*(container.get("command") or []), *(container.get("args") or [])])
    return not _PREPARES.search(words) or bool(_FILLS.search(words))


def _is_temporary(path: str) -> bool:
    return path.rstrip("/") in _TEMPORARY or _lies_under(path, _VOLATILE)


def _lies_under(path: str, directories: tuple[str, ...]) -> bool:
    return any(f"{path.rstrip('/')}/".startswith(f"{each}/") for each in directories)
