"""Tools that look at files.

Modelled: `df`, `du`, `ls`, `readlink`, `realpath`, `stat`.
Not modelled: names of users but root's, inode numbers (a number that follows from the path stands for them), hard
links.
Source: busybox, coreutils/ls.c, coreutils/stat.c, coreutils/du.c, coreutils/df.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from posixpath import join
from stat import filemode

from volsim.errors import FileError
from volsim.programs.files import Files, file_system
from volsim.programs.process import Process, Program
from volsim.programs.tools.applet import Applet, Options, fail, options
from volsim.programs.tools.clock import moment, rendered
from volsim.storage.mounts import Stat

__all__ = ["TOOLS", "below", "human", "mode_text", "owner"]

_TYPE_BITS = {"file": 0o100000, "directory": 0o040000, "link": 0o120000, "char": 0o020000, "block": 0o060000,
              "socket": 0o140000, "fifo": 0o010000}  # fmt: skip
_TYPE_NAMES = {"file": "regular file", "link": "symbolic link", "char": "character special file",
               "block": "block special file", "fifo": "fifo"}  # fmt: skip
_NAMES = {0: "root", 1: "daemon", 65534: "nobody"}
_DEPTH_MOST = 200  # directories within each other
_DISK = 100 * 1024**3  # what `df` says of a file system whose size nothing limits


def mode_text(stat: Stat) -> str:
    """The mode as `ls` shows it: ``drwxr-xr-x``."""
    return filemode(_TYPE_BITS[stat.kind] | stat.mode)


def owner(number: int) -> str:
    """The name of a user or group; its number if it has none."""
    return _NAMES.get(number, str(number))


def human(size: int) -> str:
    """A size as ``-h`` shows it.

    >>> human(999), human(1536), human(20 * 1024**3)
    ('999', '1.5K', '20.0G')
    """
    amount, unit = float(size), ""
    for unit in ("", "K", "M", "G", "T", "P"):
        if amount < 1024 or unit == "P":
            break
        amount /= 1024
    return f"{amount:.1f}{unit}" if unit else str(size)


def below(files: Files, name: str, *, depth: int = 0) -> Iterator[tuple[str, Stat, int]]:
    """A file and all below it, as names that begin with `name`, each directory before what is in it."""
    stat = files.stat(name, follow=False)
    yield name, stat, depth
    if stat.kind == "directory" and depth < _DEPTH_MOST:
        for entry in files.listdir(name):
            yield from below(files, join(name, entry), depth=depth + 1)


# -- ls ----------------------------------------------------------------------------------------------------------------
class _Listing:
    """One run of `ls`."""

    def __init__(self, process: Process, found: Options) -> None:
        self._process, self._files, self._found = process, Files(process), found
        self._written = False

    def _sorted(self, names: list[str], where: str = "") -> list[str]:
        found = self._found
        if "U" in found or "f" in found:
            return names
        if "t" in found:
            names = sorted(names, key=lambda name: -self._files.stat(join(where, name), follow=False).mtime_us)
        elif "S" in found:
            names = sorted(names, key=lambda name: -self._files.stat(join(where, name), follow=False).size)
        return names[::-1] if "r" in found else names

    def files(self, names: list[str]) -> None:
        """List files that were named."""
        if names:
            self._written = True
            self._entries([(name, name) for name in self._sorted(names)])

    def directory(self, name: str, *, title: bool, depth: int = 0) -> None:
        """List what is in a directory, and with ``-R`` in those below it."""
        entries = self._sorted(self._visible(self._files.listdir(name)), name)
        if title:
            self._process.print(f"{chr(10) if self._written else ''}{name}:")
        self._written = True
        if "l" in self._found or "s" in self._found:
            blocks = sum(-(-self._files.stat(join(name, each), follow=False).size // 4096) * 4 for each in entries)
            self._process.print(f"total {human(blocks * 1024) if 'h' in self._found else blocks}")
        self._entries([(each, join(name, each)) for each in entries])
        if "R" in self._found and depth < _DEPTH_MOST:
            for each in entries:
                path = join(name, each)
                if each not in (".", "..") and self._files.kind(path, follow=False) == "directory":
                    self.directory(path, title=True, depth=depth + 1)

    def _visible(self, names: list[str]) -> list[str]:
        if "a" in self._found:
            return [".", "..", *names]
        return names if "A" in self._found else [name for name in names if not name.startswith(".")]

    def _entries(self, entries: list[tuple[str, str]]) -> None:
        if "l" not in self._found and self._process.tty and "1" not in self._found:
            self._columns([self._shown(name, path) for name, path in entries])
            return
        for name, path in entries:
            line = self._long(path) if "l" in self._found else ""
            self._process.print(line + self._shown(name, path))

    def _columns(self, names: list[str]) -> None:
        """Names in columns, as for a terminal of 80 signs."""
        if not names:
            return
        width = max(map(len, names)) + 2
        columns = max(80 // width, 1)
        rows = -(-len(names) // columns)
        for row in range(rows):
            self._process.print("".join(f"{name:<{width}}" for name in names[row::rows]).rstrip())

    def _shown(self, name: str, path: str) -> str:
        kind = self._files.kind(path, follow=False)
        if kind == "link" and "l" in self._found:
            return f"{name} -> {self._files.readlink(path)}"
        if "F" in self._found or "p" in self._found:
            mark = {"directory": "/", "link": "@" if "F" in self._found else ""}.get(kind, "")
            return name + mark
        return name

    def _long(self, path: str) -> str:
        stat = self._files.stat(path, follow=False)
        links = 2 if stat.kind == "directory" else 1
        users = f"{stat.uid:<8} {stat.gid:<8}" if "n" in self._found else f"{owner(stat.uid):<8} {owner(stat.gid):<8}"
        size = human(stat.size) if "h" in self._found else str(stat.size)
        return f"{mode_text(stat)} {links:>4} {users} {size:>9} {self._time(stat.mtime_us)} "

    def _time(self, mtime_us: int) -> str:
        when, now = moment(mtime_us), moment(self._process.now_us)
        recent = timedelta(0) <= now - when < timedelta(days=182)
        return rendered(when, "%b %e %H:%M" if recent else "%b %e  %Y")


def _ls(process: Process) -> int:
    found = options(process, "1AFLRSUaCcdfhilnprstux", long={"all": "a", "almost-all": "A", "color": "C"})
    if "n" in found:
        found.given["l"] = [""]
    files, listing, status = Files(process), _Listing(process, found), 0
    names: list[str] = []
    directories: list[str] = []
    for name in found.operands or ["."]:
        try:
            kind = files.stat(name, follow="l" not in found or name.endswith("/")).kind
        except FileError as error:
            status = fail(process, f"{name}: {error.strerror}")
            continue
        (directories if kind == "directory" and "d" not in found else names).append(name)
    listing.files(names)
    for name in sorted(directories):
        try:
            listing.directory(name, title=len(found.operands) > 1 or "R" in found)
        except FileError as error:
            status = fail(process, f"can't open '{name}': {error.strerror}")
    return status


# -- stat and links ----------------------------------------------------------------------------------------------------
def _stat_fields(files: Files, name: str, stat: Stat) -> dict[str, str]:
    when = rendered(moment(stat.mtime_us), "%F %T.%N +0000")
    seconds = str(int(moment(stat.mtime_us).timestamp()))
    kind = _TYPE_NAMES.get(stat.kind, stat.kind)
    return {
        "a": f"{stat.mode:o}", "A": mode_text(stat), "b": str(-(-stat.size // 4096) * 8), "B": "512",
        "f": f"{_TYPE_BITS[stat.kind] | stat.mode:x}",
        "F": "regular empty file" if kind == "regular file" and not stat.size else kind, "g": str(stat.gid),
        "G": owner(stat.gid), "h": "2" if stat.kind == "directory" else "1", "n": name, "o": "4096",
        "N": f"{name} -> {files.readlink(name)}" if stat.kind == "link" else name, "s": str(stat.size),
        "u": str(stat.uid), "U": owner(stat.uid), "x": when, "X": seconds, "y": when, "Y": seconds, "z": when,
        "Z": seconds, "%": "%",
    }  # fmt: skip


_STAT = """\
  File: %N
  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F
Links: %-5h
Access: (%a/%A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)
Access: %x
Modify: %y
Change: %z"""


def _stat(process: Process) -> int:
    import re

    found = options(process, "Lt", "c", {"format": "c"}, operands=1)
    files, status = Files(process), 0
    for name in found.operands:
        try:
            stat = files.stat(name, follow="L" in found)
        except FileError as error:
            status = fail(process, f"can't stat '{name}': {error.strerror}")
            continue
        fields = _stat_fields(files, name, stat)

        def value(match: re.Match[str], fields: dict[str, str] = fields) -> str:
            text = fields.get(match[2], "?")
            width = int(match[1] or 0)
            return text.ljust(-width) if width < 0 else text.rjust(width)

        process.print(re.sub(r"%(-?\d*)([a-zA-Z%])", value, found.last("c", _STAT)))
    return status


def _readlink(process: Process) -> int:
    found = options(process, "fnvqs", operands=1)
    files, status = Files(process), 0
    for name in found.operands:
        try:
            target = files.resolved(name) if "f" in found else files.readlink(name)
        except FileError:
            status = 1
            continue
        process.print(target, end="" if "n" in found else "\n")
    return status


def _realpath(process: Process) -> int:
    files, status = Files(process), 0
    for name in options(process, operands=1).operands:
        try:
            process.print(files.resolved(name))
        except FileError as error:
            status = fail(process, f"{name}: {error.strerror}")
    return status


# -- space -------------------------------------------------------------------------------------------------------------
def _unit(found: Options) -> Callable[[int], str]:
    """How sizes are shown: in units of 1024 bytes unless an option says otherwise."""
    if "h" in found:
        return human
    divisor = 1024**2 if "m" in found else 1024
    return lambda size: str(-(-size // divisor))


def _du(process: Process) -> int:
    found = options(process, "aHLcdhklmsx", "d", {"max-depth": "d"})
    files, shown, status, total = Files(process), _unit(found), 0, 0
    deepest = 0 if "s" in found else int(found.last("d")) if found.last("d").isdigit() else _DEPTH_MOST
    for name in found.operands or ["."]:
        sizes: dict[str, int] = {}
        try:
            rows = list(below(files, name))
        except FileError as error:
            status = fail(process, f"{name}: {error.strerror}")
            continue
        for path, stat, _ in reversed(rows):
            sizes[path] = -(-stat.size // 4096) * 4096 + sum(
                sizes[each] for each in (join(path, entry) for entry in _entries(files, path, stat)) if each in sizes
            )
        for path, stat, depth in reversed(rows):
            if depth <= deepest and (stat.kind == "directory" or "a" in found or depth == 0):
                process.print(f"{shown(sizes[path])}\t{path}")
        total += sizes[name]
    if "c" in found:
        process.print(f"{shown(total)}\ttotal")
    return status


def _entries(files: Files, path: str, stat: Stat) -> list[str]:
    return files.listdir(path) if stat.kind == "directory" else []


def _df(process: Process) -> int:
    found = options(process, "aPThikmB")
    files, shown, status = Files(process), _unit(found), 0
    names = found.operands or [mount.path for mount in process.files.mounts]
    title = "Size" if "h" in found else "1M-blocks" if "m" in found else "1K-blocks"
    kind_title = "Type       " if "T" in found else ""
    process.print(f"Filesystem           {kind_title}{title:>9} {'Used':>9} {'Available':>9} Use% Mounted on")
    for name in names:
        try:
            mount, used, most = files.usage(name)
        except FileError as error:
            status = fail(process, f"{name}: {error.strerror}")
            continue
        size = _DISK if most is None else most
        percent = (used * 100 + size // 2) // size if size else 100
        kind = file_system(mount)
        row = f"{kind:<20} {kind + ' ' * (11 - len(kind)) if 'T' in found else ''}"
        process.print(
            f"{row}{shown(size):>9} {shown(used):>9} {shown(max(size - used, 0)):>9} {percent:>3}% {mount.path}"
        )
    return status


TOOLS: dict[str, Program] = {
    "df": Applet(_df), "du": Applet(_du), "ls": Applet(_ls), "readlink": Applet(_readlink),
    "realpath": Applet(_realpath), "stat": Applet(_stat),
}  # fmt: skip
