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

from volsim.errors import FileError, OutOfMemory
from volsim.storage import tree
from volsim.storage.tree import Directory, File, Node, Symlink

__all__ = ["ROOT", "Credentials", "Identity", "Mount", "MountedFiles", "Stat"]

_LINKS_MOST = 40
_READ, _WRITE, _SEARCH = 4, 2, 1
_SET_GROUP, _STICKY = 0o2000, 0o1000


class Identity:
    """Which of several directories that had the same path one after the other (`volsim.storage.tree.identity`).

    All identities compare equal, for they only count how often something was removed: two clusters in which everything
    else is the same are the same, however often.

    >>> Identity((0, 1)) == Identity((0, 2)), Identity((0, 1)).names((0, 2))
    (True, False)
    """

    __slots__ = ("_numbers",)
    fingerprint = 0x6964656E

    def __init__(self, numbers: tuple[int, ...]) -> None:
        self._numbers = numbers

    def names(self, numbers: tuple[int, ...] | None) -> bool:
        """Whether these are its numbers."""
        return numbers == self._numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity)

    def __hash__(self) -> int:
        return self.fingerprint

    def __repr__(self) -> str:
        return f"Identity({self._numbers!r})"


class Mount(NamedTuple):
    """A backing, or the part of it at `subpath`, seen at `path`."""

    path: str
    backing: Hashable
    subpath: str = ""
    read_only: bool = False
    identity: Identity | None = None
    """Which directory at `subpath` it is; None: whichever there is."""
    remote: bool = False
    """Whether what was removed since is ESTALE, as on a file server, and not empty."""


class Credentials(NamedTuple):
    """As whom a process works: user, group, and the other groups it belongs to.

    >>> Credentials(1000, 0, (2000,)).may(Directory(mode=0o2775, gid=2000), "w")
    True
    """

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()

    def may(self, node: Node, what: str) -> bool:
        """Whether the process may read (`r`), write (`w`) or search (`x`) a file or directory. Root always may."""
        if self.uid == 0 or isinstance(node, Symlink):
            return True
        bits = {"r": _READ, "w": _WRITE, "x": _SEARCH}[what]
        if node.uid == self.uid:
            return bool(node.mode >> 6 & bits)
        if node.gid == self.gid or node.gid in self.groups:
            return bool(node.mode >> 3 & bits)
        return bool(node.mode & bits)


ROOT = Credentials()
"""Whom the permissions of files do not bind."""


class Memory(NamedTuple):
    """What a container's processes may put into memory before they are killed, and what they have put there."""

    most: int
    charged: int = 0
    whole: bool = True
    """Whether the whole container is killed, or only the process that wants more."""


class Stat(NamedTuple):
    """What `stat` says of a file."""

    kind: str
    mode: int
    size: int
    uid: int
    gid: int
    mtime_us: int


_MINE = File(mode=0o666)
"""Stands for what may be changed without a look at permissions: they have been looked at."""


class _Spot(NamedTuple):
    """A resolved path: in which mount, at which path of its backing, and what is there."""

    mount: Mount
    inner: str
    node: Node | None
    seen: str
    parent: Node | None


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
        who: Credentials = ROOT,
        paged: Callable[[Hashable], bool] = lambda backing: False,
        memory: Memory | None = None,
    ) -> None:
        self.who = who
        self._paged, self._memory = paged, memory
        self.charged = 0 if memory is None else memory.charged
        """How many bytes the container has put into memory."""
        self.reserved = 0
        """How many bytes a process beside the first one takes itself."""
        self._mounts: dict[str, Mount] = {}
        for mount in mounts:
            self._mounts["/" + "/".join(_parts(mount.path))] = mount
        self._fetch, self._limit, self._now_us = fetch, limit, now_us
        self._trees: dict[Hashable, Directory] = {}
        self._changed: dict[Hashable, None] = {}
        self._last: dict[str, Node] = {}  # files that are mounted, as they were before the process changed anything

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """What is mounted where: the root first, then by path."""
        return tuple(self._mounts[path]._replace(path=path) for path in sorted(self._mounts))

    def usage(self, path: str) -> tuple[Mount, int, int | None]:
        """The mount that `path` lies in, the bytes used in its backing, and how many it takes at most (None: any)."""
        mount = self._existing(path).mount
        return mount, self._used(mount.backing, self._tree(mount.backing, path)), self._limit(mount.backing)

    def _memory_left(self) -> int:
        assert self._memory is not None, "it is limited"
        return self._memory.most - self.reserved - self.charged

    def _used(self, backing: Hashable, root: Directory) -> int:
        return root.pages if self._paged(backing) else root.size

    def room(self, path: str) -> tuple[int, Memory | None]:
        """How many bytes can be written behind a file; and the memory, if it is what ends then."""
        spot = self._existing(path)
        mount, used, most = self.usage(path)
        rooms: list[tuple[int, bool]] = []
        if most is not None:
            rooms.append((most - used, False))
        if self._memory is not None and self._paged(mount.backing):
            rooms.append((self._memory_left(), True))
        assert rooms, "what has no limit is never full"
        room, killed = min(rooms)
        slack = -spot.node.size % tree.PAGE if isinstance(spot.node, File) and self._paged(mount.backing) else 0
        return max(room, 0) + slack, self._memory if killed else None

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
        if not mount.subpath:
            return root
        if self._is_gone(mount, root):
            if mount.remote:
                raise FileError.of("ESTALE", path)
            return self._last.get(mount.path) or Directory()
        return tree.lookup(root, mount.subpath)

    @staticmethod
    def _is_gone(mount: Mount, root: Directory) -> bool:
        """Whether the directory that was mounted has been removed since."""
        return mount.identity is not None and not mount.identity.names(tree.identity(root, mount.subpath))

    def real(self, path: str) -> str:
        """The path of what is at `path`, without links and dots. ENOENT, ENOTDIR, ELOOP."""
        return self._existing(path).seen

    def mount_of(self, path: str) -> tuple[Mount, str]:
        """The mount in which `path` lies, and its path in the mount's backing. ENOENT if nothing is there."""
        spot = self._existing(path)
        return spot.mount, spot.inner or "/"

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
            if not self.who.may(here, "x"):
                raise FileError.of("EACCES", path)
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
        return _Spot(mount, inner, node, seen or "/", trail[-2][3] if len(trail) > 1 else None)

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
        assert node is not None, "it exists"
        data = tree.content(node, path)
        self._require(node, "r", path)
        return data

    def _require(self, node: Node, what: str, path: str) -> None:
        if not path.startswith("/proc/") and not self.who.may(node, what):  # /proc is the kernel's own
            raise FileError.of("EACCES", path)

    def listdir(self, path: str) -> list[str]:
        """The names in a directory, mount points included, sorted."""
        spot = self._existing(path)
        if not isinstance(spot.node, Directory):
            raise FileError.of("ENOTDIR", path)
        self._require(spot.node, "r", path)
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
        return Stat(node.kind, node.mode, 0, node.uid, node.gid, 0)

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
    def _change(
        self, spot: _Spot, path: str, act: Callable[[Directory, str], Directory], *, needs: Node | None = None
    ) -> None:
        """Let `act` change the backing; the process must be allowed to write `needs`, by default the directory."""
        if spot.mount.read_only:
            raise FileError.of("EROFS", path)
        wanted = needs if needs is not None else spot.parent
        if wanted is not None:
            self._require(wanted, "w", path)
        backing = spot.mount.backing
        before = self._tree(backing, path)
        if self._is_gone(spot.mount, before):
            raise FileError.of("ENOENT", path)
        try:
            after = act(before, spot.inner or "/")
        except FileError as error:
            raise FileError(error.errno or 5, error.strerror or "", path) from None
        self._remember_files(backing, before)
        most, used, had = self._limit(backing), self._used(backing, after), self._used(backing, before)
        if most is not None and used > max(most, had):
            raise FileError.of("ENOSPC", path)
        if self._memory is not None and self._paged(backing):
            if used > had and used - had > self._memory_left():
                raise OutOfMemory(whole=self._memory.whole)
            self.charged = max(self.charged + used - had, 0)  # what others had put there was not its own
        self._trees[backing] = after
        self._changed[backing] = None

    def _remember_files(self, backing: Hashable, root: Directory) -> None:
        """Note the files that are mounted from a backing: whoever has one goes on reading it if it is replaced."""
        for mount in self._mounts.values():
            if mount.backing == backing and mount.identity is not None and not self._is_gone(mount, root):
                node = tree.lookup(root, mount.subpath)
                if isinstance(node, File):
                    self._last[mount.path] = node

    def write(self, path: str, data: bytes, *, append: bool = False, mode: int = 0o644) -> None:
        """Write a file, or behind what is in it. A missing directory is ENOENT."""
        spot = self._spot(path)
        if isinstance(spot.node, Directory):
            raise FileError.of("EISDIR", path)
        self._parent(spot, path)
        if isinstance(spot.node, File) and append:
            data = spot.node.data + data
        gid = self._group_in(spot.parent)
        self._change(
            spot,
            path,
            lambda root, at: tree.write(root, at, data, mode=mode, uid=self.who.uid, gid=gid, mtime_us=self._now_us),
            needs=spot.node,
        )

    def _parent(self, spot: _Spot, path: str) -> None:
        if spot.inner == "" and spot.node is None:
            raise FileError.of("ENOENT", path)

    def _group_in(self, parent: Node | None) -> int:
        """The group of what is made in a directory: its own, if the directory hands it on."""
        if isinstance(parent, Directory) and parent.mode & _SET_GROUP:
            return parent.gid
        return self.who.gid

    def mkdir(self, path: str, *, parents: bool = False, mode: int = 0o755) -> None:
        """Make a directory; with `parents` it may be there, and what is above it is made too."""
        if parents:
            parts = _parts(path)
            for number in range(1, len(parts)):
                above = "/" + "/".join(parts[:number])
                if not self.exists(above):
                    self.mkdir(above, mode=mode)
        spot = self._spot(path, follow=False)
        if spot.node is not None:
            if parents and self.stat(path).kind == "directory":
                return
            raise FileError.of("EEXIST", path)
        gid = self._group_in(spot.parent)
        if isinstance(spot.parent, Directory):
            mode |= spot.parent.mode & _SET_GROUP
        self._change(
            spot,
            path,
            lambda root, at: tree.mkdir(root, at, mode=mode, uid=self.who.uid, gid=gid, mtime_us=self._now_us),
        )

    def remove(self, path: str) -> None:
        """Remove a file, a link or an empty directory; a mount point is EBUSY."""
        spot = self._existing(path, follow=False)
        if spot.seen in self._mounts:
            raise FileError.of("EBUSY", path)
        self._may_take(spot, path)
        self._change(spot, path, tree.remove)

    def _may_take(self, spot: _Spot, path: str) -> None:
        """In a sticky directory only the owner of a file, or of the directory, may remove or move it."""
        parent, node = spot.parent, spot.node
        if self.who.uid == 0 or not isinstance(parent, Directory) or not parent.mode & _STICKY:
            return
        if self.who.uid not in (parent.uid, getattr(node, "uid", 0)):
            raise FileError.of("EPERM", path)

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
            if self.who.uid not in (0, node.uid):
                raise FileError.of("EPERM", path)
            self._change(spot, path, lambda root, at: _changed(root, at, node, {"mode": mode}), needs=_MINE)

    def chown(self, path: str, uid: int | None, gid: int | None) -> None:
        """Give a file or directory to another user or group; None leaves it as it is."""
        spot = self._existing(path)
        node = spot.node
        if isinstance(node, File | Directory):
            owner = {"uid": node.uid if uid is None else uid, "gid": node.gid if gid is None else gid}
            if self.who.uid != 0 and not self._may_give(node, owner):
                raise FileError.of("EPERM", path)
            self._change(spot, path, lambda root, at: _changed(root, at, node, owner), needs=_MINE)

    def _may_give(self, node: File | Directory, owner: dict[str, int]) -> bool:
        """Whether a user may make so: the owner may choose among the own groups, nothing else."""
        mine = node.uid == self.who.uid == owner["uid"]
        return mine and owner["gid"] in (node.gid, self.who.gid, *self.who.groups)

    def rename(self, old: str, new: str) -> None:
        """Move what is at `old` to `new`. EXDEV between two mounts."""
        source, target = self._existing(old, follow=False), self._spot(new, follow=False)
        if source.mount != target.mount:
            raise FileError.of("EXDEV", new)
        if source.mount.read_only:
            raise FileError.of("EROFS", new)
        if target.parent is not None:
            self._require(target.parent, "w", new)
        self._may_take(source, old)
        self._change(source, old, lambda root, at: tree.rename(root, at, target.inner))


def _changed(root: Directory, at: str, node: File | Directory, fields: dict[str, Any]) -> Directory:
    changed: Node = node.replace(**fields) if isinstance(node, Directory) else attrs.evolve(node, **fields)
    if at == "/":
        assert isinstance(changed, Directory)
        return changed
    return tree.put(root, at, changed)
