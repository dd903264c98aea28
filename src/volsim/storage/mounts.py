"""What a process sees: a container's own layer, and the volumes mounted over it.

A path is resolved name by name. Where it enters a mount point it goes on in the mount's backing; a symbolic link with
an absolute target starts again at the container's root; ``..`` goes up in what the process sees, so it leaves a volume
only the way it came in. Writing through a read-only mount is EROFS, whatever lies below.

>>> layer = Directory()
>>> shared = Directory(mode=0o777)
>>> backings = {"layer": layer, "shared": shared}
>>> mounts = [Mount(path="/", backing="layer"), Mount(path="/data", backing="shared")]
>>> files = MountedFiles(mounts, backings.__getitem__)
>>> files.write("/data/f", b"x")
>>> list(files.changed())
['shared']
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple

import attrs

from volsim.errors import FileError
from volsim.storage import tree
from volsim.storage.tree import Directory, File, Node, Symlink

__all__ = ["Mount", "MountedFiles", "Stat"]

_LINKS_MOST = 40


class Mount(NamedTuple):
    """A backing, or the part of it at `subpath`, seen at `path`."""

    path: str
    backing: Hashable
    subpath: str = ""
    read_only: bool = False


class Stat(NamedTuple):
    """What `stat` says of a file."""

    kind: str
    mode: int
    size: int
    uid: int
    gid: int
    mtime_us: int


class _Spot(NamedTuple):
    """A resolved path: in which mount, at which path of its backing, and what is there."""

    mount: Mount
    inner: str
    node: Node | None
    seen: str


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part and part != "."]


class MountedFiles:
    """The files of a container, as its processes see them. Collects what is written; nothing is stored elsewhere."""

    def __init__(
        self,
        mounts: Iterable[Mount],
        fetch: Callable[[Hashable], Directory],
        limit: Callable[[Hashable], int | None] = lambda backing: None,
        now_us: int = 0,
    ) -> None:
        self._mounts: dict[str, Mount] = {}
        for mount in mounts:
            self._mounts["/" + "/".join(_parts(mount.path))] = mount
        self._fetch, self._limit, self._now_us = fetch, limit, now_us
        self._trees: dict[Hashable, Directory] = {}
        self._changed: dict[Hashable, None] = {}

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """What is mounted where: the root first, then by path."""
        return tuple(self._mounts[path]._replace(path=path) for path in sorted(self._mounts))

    def usage(self, path: str) -> tuple[Mount, int, int | None]:
        """The mount that `path` lies in, the bytes used in its backing, and how many it takes at most (None: any)."""
        mount = self._existing(path).mount
        return mount, self._tree(mount.backing, path).size, self._limit(mount.backing)

    def changed(self) -> dict[Hashable, Directory]:
        """The backings that were written, with their new trees, in the order of their first change."""
        return {backing: self._trees[backing] for backing in self._changed}

    # -- resolving ----------------------------------------------------------------------------------------------------
    def _tree(self, backing: Hashable, path: str) -> Directory:
        found = self._trees.get(backing)
        if found is None:
            try:
                found = self._trees[backing] = self._fetch(backing)
            except FileError as error:
                raise FileError(error.errno or 5, error.strerror or "", path) from None
        return found

    def _root_of(self, mount: Mount, path: str) -> Node | None:
        root = self._tree(mount.backing, path)
        return tree.lookup(root, mount.subpath) if mount.subpath else root

    def _spot(self, path: str, *, follow: bool = True) -> _Spot:
        """Where `path` leads. ENOENT if a directory on the way is missing, ENOTDIR, ELOOP, EIO."""
        todo, links = _parts(path)[::-1], 0
        trail: list[tuple[str, Mount, str, Node | None]] = [self._enter("", self._mounts["/"], path)]
        while todo:
            name = todo.pop()
            seen, mount, inner, here = trail[-1]
            if name == "..":
                if len(trail) > 1:
                    trail.pop()
                continue
            if here is None:
                raise FileError.of("ENOENT", path)
            if not isinstance(here, Directory):
                raise FileError.of("ENOTDIR", path)
            below = f"{seen}/{name}"
            other = self._mounts.get(below)
            if other is not None:
                trail.append(self._enter(below, other, path))
                continue
            node = here.entries.get(name)
            if isinstance(node, Symlink) and (todo or follow):
                links += 1
                if links > _LINKS_MOST:
                    raise FileError.of("ELOOP", path)
                if node.target.startswith("/"):
                    del trail[1:]
                todo.extend(_parts(node.target)[::-1])
                continue
            if node is None and self._leads_to_mount(below):
                node = Directory()  # the way to a mount point exists, as the container runtime makes it
            trail.append((below, mount, f"{inner}/{name}", node))
        seen, mount, inner, node = trail[-1]
        return _Spot(mount, inner, node, seen or "/")

    def _enter(self, seen: str, mount: Mount, path: str) -> tuple[str, Mount, str, Node | None]:
        subpath = "/".join(_parts(mount.subpath))
        return seen, mount, f"/{subpath}" if subpath else "", self._root_of(mount, path)

    def _leads_to_mount(self, seen: str) -> bool:
        return any(point.startswith(f"{seen}/") for point in self._mounts)

    def _existing(self, path: str, *, follow: bool = True) -> _Spot:
        spot = self._spot(path, follow=follow)
        if spot.node is None:
            raise FileError.of("ENOENT", path)
        return spot

    # -- reading ------------------------------------------------------------------------------------------------------
    def read(self, path: str) -> bytes:
        """The bytes of a file."""
        node = self._existing(path).node
        if isinstance(node, Directory):
            raise FileError.of("EISDIR", path)
        if not isinstance(node, File):
            raise FileError.of("ENXIO", path)
        return node.data

    def listdir(self, path: str) -> list[str]:
        """The names in a directory, mount points included, sorted."""
        spot = self._existing(path)
        if not isinstance(spot.node, Directory):
            raise FileError.of("ENOTDIR", path)
        seen = "" if spot.seen == "/" else spot.seen
        points = {
            point[len(seen) + 1 :].split("/")[0]
            for point in self._mounts
            if point.startswith(f"{seen}/") and point != "/"
        }
        return sorted({*spot.node.entries, *points} - {""})

    def exists(self, path: str) -> bool:
        """Whether there is something at `path`."""
        try:
            return self._spot(path).node is not None
        except FileError:
            return False

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        """Kind (`file`, `directory`, `link` or a special one), mode, size, owner and time of what is at `path`."""
        node = self._existing(path, follow=follow).node
        if isinstance(node, Directory):
            return Stat("directory", node.mode, tree.DIRECTORY_BYTES, node.uid, node.gid, node.mtime_us)
        if isinstance(node, File):
            return Stat("file", node.mode, node.size, node.uid, node.gid, node.mtime_us)
        if isinstance(node, Symlink):
            return Stat("link", node.mode, node.size, 0, 0, 0)
        assert node is not None, "it exists"
        return Stat(node.kind, node.mode, 0, 0, 0, 0)

    def readlink(self, path: str) -> str:
        """The target of a symbolic link. EINVAL if it is none."""
        node = self._existing(path, follow=False).node
        if not isinstance(node, Symlink):
            raise FileError.of("EINVAL", path)
        return node.target

    def walk(self, path: str) -> Iterator[tuple[str, Stat]]:
        """Everything below `path`, itself first; links are not followed."""
        stat = self.stat(path, follow=False)
        yield path, stat
        if stat.kind == "directory":
            for name in self.listdir(path):
                yield from self.walk(f"{path.rstrip('/')}/{name}")

    # -- writing ------------------------------------------------------------------------------------------------------
    def _change(self, spot: _Spot, path: str, act: Callable[[Directory, str], Directory]) -> None:
        if spot.mount.read_only:
            raise FileError.of("EROFS", path)
        backing = spot.mount.backing
        before = self._tree(backing, path)
        try:
            after = act(before, spot.inner or "/")
        except FileError as error:
            raise FileError(error.errno or 5, error.strerror or "", path) from None
        most = self._limit(backing)
        if most is not None and after.size > max(most, before.size):
            raise FileError.of("ENOSPC", path)
        self._trees[backing] = after
        self._changed[backing] = None

    def write(self, path: str, data: bytes, *, append: bool = False, mode: int = 0o644) -> None:
        """Write a file, or behind what is in it. A missing directory is ENOENT."""
        spot = self._spot(path)
        if isinstance(spot.node, Directory):
            raise FileError.of("EISDIR", path)
        self._parent(spot, path)
        if isinstance(spot.node, File) and append:
            data = spot.node.data + data
        self._change(spot, path, lambda root, at: tree.write(root, at, data, mode=mode, mtime_us=self._now_us))

    def _parent(self, spot: _Spot, path: str) -> None:
        if spot.inner == "" and spot.node is None:
            raise FileError.of("ENOENT", path)

    def mkdir(self, path: str, *, parents: bool = False, mode: int = 0o755) -> None:
        """Make a directory; with `parents` it may be there, and what is above it is made too."""
        if parents:
            parts = _parts(path)
            for number in range(1, len(parts)):
                above = "/" + "/".join(parts[:number])
                if not self.exists(above):
                    self.mkdir(above, mode=mode)
        spot = self._spot(path)
        if spot.node is not None:
            if parents and isinstance(spot.node, Directory):
                return
            raise FileError.of("EEXIST", path)
        self._change(spot, path, lambda root, at: tree.mkdir(root, at, mode=mode, mtime_us=self._now_us))

    def remove(self, path: str) -> None:
        """Remove a file, a link or an empty directory; a mount point is EBUSY."""
        spot = self._existing(path, follow=False)
        if spot.seen in self._mounts:
            raise FileError.of("EBUSY", path)
        self._change(spot, path, tree.remove)

    def rmtree(self, path: str) -> None:
        """Remove a directory and all below it, through the mounts in it."""
        if self.stat(path, follow=False).kind == "directory":
            for name in self.listdir(path):
                self.rmtree(f"{path.rstrip('/')}/{name}")
        self.remove(path)

    def symlink(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        spot = self._spot(path, follow=False)
        self._change(spot, path, lambda root, at: tree.symlink(root, at, target))

    def chmod(self, path: str, mode: int) -> None:
        """Change the permissions of a file or directory."""
        spot = self._existing(path)
        node = spot.node
        if isinstance(node, File | Directory):
            self._change(spot, path, lambda root, at: _changed(root, at, node, {"mode": mode}))

    def chown(self, path: str, uid: int | None, gid: int | None) -> None:
        """Give a file or directory to another user or group; None leaves it as it is."""
        spot = self._existing(path)
        node = spot.node
        if isinstance(node, File | Directory):
            owner = {"uid": node.uid if uid is None else uid, "gid": node.gid if gid is None else gid}
            self._change(spot, path, lambda root, at: _changed(root, at, node, owner))

    def rename(self, old: str, new: str) -> None:
        """Move what is at `old` to `new`. EXDEV between two mounts."""
        source, target = self._existing(old, follow=False), self._spot(new, follow=False)
        if source.mount != target.mount:
            raise FileError.of("EXDEV", new)
        if source.mount.read_only:
            raise FileError.of("EROFS", new)
        self._change(source, old, lambda root, at: tree.rename(root, at, target.inner))


def _changed(root: Directory, at: str, node: File | Directory, fields: dict[str, Any]) -> Directory:
    changed: Node = node.replace(**fields) if isinstance(node, Directory) else attrs.evolve(node, **fields)
    if at == "/":
        assert isinstance(changed, Directory)
        return changed
    return tree.put(root, at, changed)
