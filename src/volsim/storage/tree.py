"""Immutable file trees: what a disk, an export, an emptyDir or a container's layer holds.

A tree is a `Directory`; every change gives a new one that shares all but the path to what changed. Paths are absolute
in the tree (a leading slash may be left out); symbolic links are followed inside the tree and never lead out of it.
What a process would get from the kernel is raised as `FileError` with the errno.

A name can be given twice: what was removed and made again is another file, also if it looks the same. `identity` tells
them apart, as inode numbers do; it counts only how often something was removed, and is no part of a tree's value.

>>> root = write(mkdir(Directory(), "/etc/pki", parents=True), "/etc/pki/ca.crt", b"the CA")
>>> read(root, "/etc/pki/ca.crt"), listdir(root, "/etc")
(b'the CA', ['pki'])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from hashlib import blake2b
from typing import Any

import attrs

from volsim.errors import FileError
from volsim.objects._record import FrozenDict, frozen_map

__all__ = [
    "Directory",
    "File",
    "Node",
    "Special",
    "Symlink",
    "append",
    "content",
    "exists",
    "identity",
    "listdir",
    "lookup",
    "mkdir",
    "put",
    "read",
    "real",
    "remove",
    "rename",
    "rmtree",
    "symlink",
    "take",
    "walk",
    "write",
]

_LINKS_MOST = 40  # as many symbolic links as Linux follows before it says ELOOP
DIRECTORY_BYTES = 4096  # what an empty directory takes on ext4
PAGE = 4096  # what memory is counted in


def _number() -> Any:
    """A field that tells files apart, and says nothing of what they hold."""
    return attrs.field(default=0, eq=False, repr=False)


def _digest(*parts: object) -> int:
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest())


@attrs.frozen(slots=False, kw_only=True)
class File:
    """A regular file.

    >>> File(data=b"hello").size
    5
    """

    data: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime_us: int = 0
    born: int = _number()

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.data)

    @cached_property
    def fingerprint(self) -> int:
        """A stable 64-bit number of the content."""
        return _digest(
            "file", blake2b(self.data, digest_size=8).hexdigest(), self.mode, self.uid, self.gid, self.mtime_us
        )


@attrs.frozen(slots=False, kw_only=True)
class Symlink:
    """A symbolic link."""

    target: str
    born: int = _number()

    @property
    def mode(self) -> int:
        """Links have all permissions."""
        return 0o777

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.target)

    @cached_property
    def fingerprint(self) -> int:
        """A stable 64-bit number of the content."""
        return _digest("link", self.target)


@attrs.frozen(slots=False, kw_only=True)
class Special:
    """A socket (`socket`), character device (`char`) or block device (`block`).

    A block device holds bytes, or a file system that was made on it.
    """

    kind: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    data: bytes = b""
    files: Directory | None = None
    capacity: int | None = None
    """How many bytes a block device takes; None: nobody said."""
    born: int = _number()

    @property
    def size(self) -> int:
        """It takes nothing where it lies."""
        return 0

    @cached_property
    def fingerprint(self) -> int:
        """A stable 64-bit number of the content."""
        held = (self.data, None if self.files is None else self.files.fingerprint, self.capacity)
        kept = held if held != (b"", None, None) else ()
        return _digest("special", self.kind, self.mode, self.uid, self.gid, *kept)


@attrs.frozen(slots=False, kw_only=True)
class Directory:
    """A directory; the root of a tree.

    >>> Directory(entries={"a": File(data=b"x")}).entries["a"].data
    b'x'
    """

    entries: FrozenDict[str, Node] = attrs.field(factory=FrozenDict, converter=frozen_map)
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    mtime_us: int = 0
    born: int = _number()
    removals: int = _number()
    """How many names were taken out of it."""

    @cached_property
    def size(self) -> int:
        """Bytes that it and all below it take; computed once."""
        return DIRECTORY_BYTES + sum(node.size for node in self.entries.values())

    @cached_property
    def pages(self) -> int:
        """Bytes that all files below it take in memory, in whole pages; computed once.

        >>> Directory(entries={"a": File(data=b"x"), "b": File()}).pages
        4096
        """
        return sum(
            node.pages if isinstance(node, Directory) else -(-node.size // PAGE) * PAGE
            for node in self.entries.values()
            if isinstance(node, File | Directory)
        )

    @cached_property
    def fingerprint(self) -> int:
        """A stable 64-bit number of it and all below it; computed once."""
        inner = sorted((name, node.fingerprint) for name, node in self.entries.items())
        return _digest("directory", inner, self.mode, self.uid, self.gid, self.mtime_us)

    def __hash__(self) -> int:
        return self.fingerprint

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Directory) and self.fingerprint == other.fingerprint

    def replace(self, **changes: Any) -> Directory:
        """A copy with some fields changed."""
        return attrs.evolve(self, **changes)


Node = File | Directory | Symlink | Special


# -- finding -----------------------------------------------------------------------------------------------------------
def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part and part != "."]


def _resolve(root: Directory, path: str, *, follow: bool = True) -> tuple[list[str], Node | None]:
    """The names from the root to what `path` means, without links, and what is there (None: only its directory is)."""
    todo = _parts(path)[::-1]
    done: list[str] = []
    links = 0
    nodes: list[Node] = [root]
    while todo:
        name = todo.pop()
        here = nodes[-1]
        if not isinstance(here, Directory):
            raise FileError.of("ENOTDIR", path)
        if name == "..":
            if done:
                done.pop()
                nodes.pop()
            continue
        found = here.entries.get(name)
        if isinstance(found, Symlink) and (todo or follow):
            links += 1
            if links > _LINKS_MOST:
                raise FileError.of("ELOOP", path)
            if found.target.startswith("/"):
                done, nodes = [], [root]
            todo.extend(_parts(found.target)[::-1])
            continue
        if found is None:
            if todo:
                raise FileError.of("ENOENT", path)
            return [*done, name], None
        done.append(name)
        nodes.append(found)
    return done, nodes[-1]


def lookup(root: Directory, path: str, *, follow: bool = True) -> Node | None:
    """What is at `path`; None if nothing is, or if a directory on the way is missing."""
    try:
        return _resolve(root, path, follow=follow)[1]
    except FileError:
        return None


def exists(root: Directory, path: str) -> bool:
    """Whether there is something at `path`."""
    return lookup(root, path) is not None


def _existing(root: Directory, path: str, *, follow: bool = True) -> tuple[list[str], Node]:
    names, node = _resolve(root, path, follow=follow)
    if node is None:
        raise FileError.of("ENOENT", path)
    return names, node


def real(root: Directory, path: str) -> str:
    """The path of what is at `path`, without links and dots. ENOENT, ENOTDIR, ELOOP.

    >>> real(symlink(mkdir(Directory(), "/a"), "/b", "a"), "/b/../b")
    '/a'
    """
    return "/" + "/".join(_existing(root, path)[0])


def identity(root: Directory, path: str) -> tuple[int, ...] | None:
    """What tells the thing at `path` from others that had or will have its name; None if nothing is there.

    Links are not followed. What is written to in place stays the same; what is removed and made again does not.

    >>> before = mkdir(Directory(), "/a")
    >>> after = mkdir(remove(before, "/a"), "/a")
    >>> after == before, identity(after, "/a") == identity(before, "/a")
    (True, False)
    """
    found, node = [], root
    for name in _parts(path):
        inner = node.entries.get(name) if isinstance(node, Directory) else None
        if inner is None:
            return None
        found.append(inner.born)
        node = inner  # type: ignore[assignment]
    return tuple(found)


def content(node: Node, path: str) -> bytes:
    """The bytes of a file or block device. EISDIR, ENXIO."""
    if isinstance(node, Directory):
        raise FileError.of("EISDIR", path)
    if isinstance(node, File) or (isinstance(node, Special) and node.kind == "block"):
        return node.data
    raise FileError.of("ENXIO", path)


def read(root: Directory, path: str) -> bytes:
    """The bytes of the file at `path`. ENOENT, ENOTDIR, EISDIR, ELOOP."""
    return content(_existing(root, path)[1], path)


def listdir(root: Directory, path: str = "/") -> list[str]:
    """The names in the directory at `path`, sorted. ENOENT, ENOTDIR."""
    node = _existing(root, path)[1]
    if not isinstance(node, Directory):
        raise FileError.of("ENOTDIR", path)
    return sorted(node.entries)


def walk(root: Directory, path: str = "/") -> Iterator[tuple[str, Node]]:
    """Everything below `path` as (path, node), in order; links are not followed."""
    start = lookup(root, path)
    base = "/" + "/".join(_parts(path))
    stack: list[tuple[str, Node]] = [(base if base != "/" else "", start)] if start is not None else []
    while stack:
        at, node = stack.pop()
        if at:
            yield at, node
        if isinstance(node, Directory):
            stack.extend((f"{at}/{name}", node.entries[name]) for name in sorted(node.entries, reverse=True))


# -- changing ----------------------------------------------------------------------------------------------------------
def _change(root: Directory, names: list[str], act: Callable[[Node | None], Node | None]) -> Directory:
    """The tree in which the node at `names` is what `act` makes of it (None removes it)."""
    if not names:
        changed = act(root)
        assert isinstance(changed, Directory), "the root stays a directory"
        return changed
    first, *rest = names
    here = root.entries.get(first)
    if rest:
        assert isinstance(here, Directory), "the way has been resolved"
        new: Node | None = _change(here, rest, act)
    else:
        new = act(here)
    if new is here:
        return root
    entries, removals = dict(root.entries), root.removals
    if new is None:
        removals += entries.pop(first, None) is not None
    elif here is None and new.born != removals:
        entries[first] = attrs.evolve(new, born=removals)
    else:
        entries[first] = new
    return root.replace(entries=FrozenDict(entries), removals=removals)


def write(
    root: Directory, path: str, data: bytes, *, mode: int = 0o644, uid: int = 0, gid: int = 0, mtime_us: int = 0
) -> Directory:
    """The tree with `data` in the file at `path`, which is made if it is not there. ENOENT, ENOTDIR, EISDIR.

    On a block device, what lies behind `data` stays; ENOSPC at its end.
    """
    names, node = _resolve(root, path)
    if isinstance(node, Directory):
        raise FileError.of("EISDIR", path)
    file: Node
    if isinstance(node, File):
        file = attrs.evolve(node, data=data, mtime_us=mtime_us)
    elif isinstance(node, Special):
        file = _on_device(node, data, path)
    else:
        file = File(data=data, mode=mode, uid=uid, gid=gid, mtime_us=mtime_us)
    return _change(root, names, lambda _: file)


def _on_device(device: Special, data: bytes, path: str) -> Special:
    if device.kind != "block":
        raise FileError.of("ENXIO", path)
    if device.capacity is not None and len(data) > device.capacity:
        raise FileError.of("ENOSPC", path)
    return attrs.evolve(device, data=data + device.data[len(data) :])


def append(root: Directory, path: str, data: bytes, *, mtime_us: int = 0) -> Directory:
    """The tree with `data` behind what the file at `path` holds; the file is made if it is not there."""
    node = lookup(root, path)
    before = content(node, path) if node is not None else b""
    return write(root, path, before + data, mtime_us=mtime_us)


def mkdir(
    root: Directory,
    path: str,
    *,
    mode: int = 0o755,
    uid: int = 0,
    gid: int = 0,
    mtime_us: int = 0,
    parents: bool = False,
) -> Directory:
    """The tree with a directory at `path`. EEXIST, ENOENT, ENOTDIR.

    With `parents` it may be there already, and the directories above it are made.
    """
    if parents:
        above, _, _ = path.rstrip("/").rpartition("/")
        if above and lookup(root, above) is None:
            root = mkdir(root, above, uid=uid, gid=gid, mtime_us=mtime_us, parents=True)
    names, node = _resolve(root, path, follow=False)
    if node is not None:  # a link that leads nowhere is something, too
        if parents and isinstance(lookup(root, path), Directory):
            return root
        raise FileError.of("EEXIST", path)
    return _change(root, names, lambda _: Directory(mode=mode, uid=uid, gid=gid, mtime_us=mtime_us))


def symlink(root: Directory, path: str, target: str) -> Directory:
    """The tree with a symbolic link at `path`. EEXIST, ENOENT, ENOTDIR."""
    names, node = _resolve(root, path, follow=False)
    if node is not None:
        raise FileError.of("EEXIST", path)
    return _change(root, names, lambda _: Symlink(target=target))


def remove(root: Directory, path: str) -> Directory:
    """The tree without the file, link or empty directory at `path`. ENOENT, ENOTEMPTY."""
    names, node = _existing(root, path, follow=False)
    if isinstance(node, Directory) and node.entries:
        raise FileError.of("ENOTEMPTY", path)
    if not names:
        raise FileError.of("EBUSY", path)
    return _change(root, names, lambda _: None)


def rmtree(root: Directory, path: str) -> Directory:
    """The tree without what is at `path` and all below it. ENOENT."""
    return take(root, path)[0]


def take(root: Directory, path: str) -> tuple[Directory, Node]:
    """The tree without what is at `path`, and that. ENOENT."""
    names, node = _existing(root, path, follow=False)
    if not names:
        raise FileError.of("EBUSY", path)
    return _change(root, names, lambda _: None), node


def put(root: Directory, path: str, node: Node) -> Directory:
    """The tree with `node` at `path`, in place of what was there. ENOENT, ENOTDIR for its directory."""
    names, _ = _resolve(root, path, follow=False)
    return _change(root, names, lambda _: node)


def rename(root: Directory, old: str, new: str) -> Directory:
    """The tree in which what was at `old` is at `new`. ENOENT, EISDIR, ENOTDIR, ENOTEMPTY, EINVAL (into itself)."""
    from_names, node = _existing(root, old, follow=False)
    to_names, there = _resolve(root, new, follow=False)
    if to_names == from_names:
        return root
    if to_names[: len(from_names)] == from_names:
        raise FileError.of("EINVAL", new)
    if isinstance(there, Directory) and not isinstance(node, Directory):
        raise FileError.of("EISDIR", new)
    if isinstance(node, Directory) and there is not None:
        if not isinstance(there, Directory):
            raise FileError.of("ENOTDIR", new)
        if there.entries:
            raise FileError.of("ENOTEMPTY", new)
    if there is not None:
        root = _change(root, to_names, lambda _: None)
    root = _change(root, from_names, lambda _: None)
    return _change(root, to_names, lambda _: node)
