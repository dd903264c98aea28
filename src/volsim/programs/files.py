"""The files of a process as its program names them: from the working directory, devices included.

A device is something that looks like a file and is none: what is written to ``/dev/null`` is gone, ``/dev/zero`` gives
zeros without end, ``/dev/stdout`` is the process's output. ``/proc`` has the few files that scripts read. There is no
chance in a simulation: ``/dev/urandom`` gives numbers that follow from the host name and the time.

>>> from volsim.storage.mounts import Mount, MountedFiles
>>> from volsim.storage.tree import Directory
>>> tree = MountedFiles([Mount(path="/", backing="layer")], {"layer": Directory()}.__getitem__)
>>> files = Files(Process(argv=(), env={}, files=tree, now_us=1_500_000, cwd="/"))
>>> files.write("note", b"x"); files.read("/note"), files.read("/proc/uptime")
(b'x', b'1.50 1.50\\n')

Modelled: names, the devices ``null zero full random urandom stdin stdout stderr tty``, a few files of ``/proc``.
Not modelled: other devices, permissions, owners of processes, hard links, access times.
Source: null(4), full(4), random(4), proc(5), path_resolution(7).
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from hashlib import shake_128
from posixpath import join, normpath

from volsim.errors import FileError, OutOfMemory
from volsim.programs.process import Process
from volsim.storage.mounts import Mount, Stat

__all__ = ["BLOCK", "FILE_MOST", "Files", "file_system", "noise"]

BLOCK = 1024 * 1024  # bytes read at once from a device that never ends
FILE_MOST = 256 * BLOCK  # bytes of a file that a tool makes in one go: they are held in memory
_ENDLESS = frozenset({"/dev/zero", "/dev/random", "/dev/urandom"})
_OUTPUT = {
    "/dev/stdout": 1, "/dev/fd/1": 1, "/proc/self/fd/1": 1, "/proc/1/fd/1": 1, "/dev/tty": 1, "/dev/console": 1,
    "/dev/stderr": 2, "/dev/fd/2": 2, "/proc/self/fd/2": 2, "/proc/1/fd/2": 2,
}  # fmt: skip
_INPUT = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_STEPS_MOST = 4096  # names in a path, those of links included; PATH_MAX bounds them on Linux
_TYPES = {"layer": "overlay", "disk": "ext4", "memory": "tmpfs"}


def noise(seed: str, length: int) -> bytes:
    """Bytes that look like chance and are the same whenever they are asked for.

    >>> noise("a", 3) == noise("a", 5)[:3]
    True
    """
    return shake_128(seed.encode()).digest(length)


def file_system(mount: Mount) -> str:
    """The type of file system that `mount` and `df` show for a mount."""
    kind = mount.backing[0] if isinstance(mount.backing, tuple) and mount.backing else mount.backing
    return _TYPES.get(str(kind), "volume")


class Files:
    """A process's files: relative names, and devices. What fails raises `FileError`, as in `MountedFiles`."""

    def __init__(self, process: Process) -> None:
        self._process, self._tree = process, process.files

    def path(self, name: str) -> str:
        """The absolute path of what the process calls `name`."""
        if not name:
            raise FileError.of("ENOENT", name)
        if "\0" in name:
            raise FileError.of("EINVAL", name)
        return join(self._process.cwd, name)

    # -- devices ------------------------------------------------------------------------------------------------------
    def _proc(self, path: str) -> bytes | None:
        """The content of a file that the kernel makes up."""
        process = self._process
        made_up: dict[str, Callable[[], str]] = {
            "/proc/uptime": lambda: f"{process.now_us / 1e6:.2f} {process.now_us / 1e6:.2f}\n",
            "/proc/mounts": self._mount_table,
            "/proc/self/mounts": self._mount_table,
            "/proc/sys/kernel/hostname": lambda: f"{process.hostname}\n",
            "/etc/hostname": lambda: f"{process.hostname}\n",
        }
        return made_up[path]().encode() if path in made_up else None

    def _mount_table(self) -> str:
        lines = []
        for mount in self._tree.mounts:
            kind = file_system(mount)
            access = "ro" if mount.read_only else "rw"
            most = self._tree.usage(mount.path)[2] if kind == "tmpfs" else None
            size = "" if most is None else f",size={most // 1024}k"
            lines.append(f"{kind} {mount.path} {kind} {access},relatime{size} 0 0\n")
        return "".join(lines)

    @staticmethod
    def output(path: str) -> int | None:
        """The descriptor (1 or 2) that a device such as ``/dev/stderr`` stands for."""
        return _OUTPUT.get(path)

    @staticmethod
    def is_input(name: str) -> bool:
        """Whether a name stands for standard input."""
        return name in _INPUT

    def endless(self, path: str) -> Callable[[int], bytes] | None:
        """Where a device that never ends gets its next so many bytes from; None if `path` is no such device."""
        if path not in _ENDLESS:
            return None
        if path == "/dev/zero":
            return bytes
        return lambda length: noise(f"{self._process.hostname}/{self._process.now_us}", length)

    # -- reading ------------------------------------------------------------------------------------------------------
    def read(self, name: str) -> bytes:
        """The bytes of a file. A device that never ends is ENOMEM: nobody has so much memory."""
        if self.is_input(name):
            return self._process.input()
        path = self.path(name)
        if path == "/dev/null":
            return b""
        if path in _ENDLESS:
            raise FileError.of("ENOMEM", path)
        made_up = self._proc(normpath(path))
        return made_up if made_up is not None else self._tree.read(path)

    def listdir(self, name: str) -> list[str]:
        """The names in a directory, sorted."""
        return self._tree.listdir(self.path(name))

    def stat(self, name: str, *, follow: bool = True) -> Stat:
        """Kind, mode, size, owner and time of a file; devices are `char`."""
        path = self.path(name)
        if path == "/dev/null" or path in _ENDLESS or path in _OUTPUT:
            return Stat("char", 0o666, 0, 0, 0, 0)
        made_up = self._proc(normpath(path))
        if made_up is not None:
            return Stat("file", 0o444, 0, 0, 0, self._process.now_us)
        return self._tree.stat(path, follow=follow)

    def exists(self, name: str, *, follow: bool = True) -> bool:
        """Whether there is something of that name."""
        return self.kind(name, follow=follow) != ""

    def kind(self, name: str, *, follow: bool = True) -> str:
        """What there is: `file`, `directory`, `link`, `char`, …; an empty text if nothing is."""
        try:
            return self.stat(name, follow=follow).kind
        except FileError:
            return ""

    def length(self, name: str) -> int:
        """How many bytes a file holds; 0 if it is not there."""
        return self.stat(name).size if self.exists(name) else 0

    def readlink(self, name: str) -> str:
        """The target of a symbolic link."""
        return self._tree.readlink(self.path(name))

    # -- writing ------------------------------------------------------------------------------------------------------
    def write(self, name: str, data: bytes, *, append: bool = False) -> None:
        """Write a file or device. What fits is written before ENOSPC is raised, as the kernel does it."""
        path = self.path(name)
        if path == "/dev/full" and data:
            raise FileError.of("ENOSPC", path)
        if path in ("/dev/null", "/dev/full"):
            return
        if path in _OUTPUT:
            self._process.write(data, _OUTPUT[path])
            return
        try:
            self._tree.write(path, data, append=append)
        except FileError as error:
            if error.errno == errno.ENOSPC and data:
                self._write_what_fits(path, data, append)
            raise
        except OutOfMemory:
            self._write_what_fits(path, data, append)
            raise

    def replace(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all, as a database does it, with a journal."""
        self._tree.write(self.path(name), data)

    def _write_what_fits(self, path: str, data: bytes, append: bool) -> None:
        """Write as much from the beginning of `data` as there is room for."""
        self._tree.write(path, b"", append=append)
        room, memory = self._tree.room(path)
        self._tree.write(path, data[:room], append=True)
        if memory is not None:
            raise OutOfMemory(whole=memory.whole)

    def mkdir(self, name: str, mode: int = 0o755) -> None:
        """Make a directory."""
        self._tree.mkdir(self.path(name), mode=mode)

    def remove(self, name: str) -> None:
        """Remove a file, a link or an empty directory."""
        self._tree.remove(self.path(name))

    def symlink(self, name: str, target: str) -> None:
        """Make a symbolic link."""
        self._tree.symlink(self.path(name), target)

    def chmod(self, name: str, mode: int) -> None:
        """Change the permissions of a file or directory."""
        self._tree.chmod(self.path(name), mode)

    def chown(self, name: str, uid: int | None, gid: int | None) -> None:
        """Change the owner of a file or directory."""
        self._tree.chown(self.path(name), uid, gid)

    def rename(self, old: str, new: str) -> None:
        """Move a file or directory within a file system; EXDEV between two."""
        self._tree.rename(self.path(old), self.path(new))

    def usage(self, name: str) -> tuple[Mount, int, int | None]:
        """The mount that a file lies in, the bytes used there, and how many there can be."""
        return self._tree.usage(self.path(name))

    def read_only(self, name: str) -> bool:
        """Whether a file lies in a mount that cannot be written."""
        return self.usage(name)[0].read_only

    def resolved(self, name: str) -> str:
        """The path of a file without links and dots. ENOENT if it is not there, ELOOP."""
        todo, done = self.path(name).split("/")[::-1], ""
        for _ in range(_STEPS_MOST):
            if not todo:
                break
            part = todo.pop()
            if part in ("", "."):
                continue
            below = f"{done}/{part}"
            if part == "..":
                done = done.rpartition("/")[0]
            elif self.stat(below, follow=False).kind == "link":
                target = self.readlink(below)
                done = "" if target.startswith("/") else done
                todo += target.split("/")[::-1]
            else:
                done = below
        else:
            raise FileError.of("ELOOP", name)
        return done or "/"
