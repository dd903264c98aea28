"""Tools that change files.

Modelled: `chgrp`, `chmod`, `chown`, `cp`, `ln`, `mkdir`, `mktemp`, `mv`, `rm`, `rmdir`, `touch`, `truncate`.
Not modelled: hard links (``ln`` without ``-s`` copies), access times, security contexts.
Source: busybox, coreutils/cp.c, coreutils/mv.c, coreutils/rm.c, libbb/copy_file.c, libbb/remove_file.c.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from posixpath import basename, dirname, join, normpath

from volsim.errors import FileError
from volsim.programs.files import FILE_MOST, Files, noise
from volsim.programs.process import Process, Program
from volsim.programs.tools.applet import Applet, Options, UsageError, fail, options, whole_number
from volsim.storage.mounts import Stat

__all__ = ["TOOLS", "copy", "remove"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _each(process: Process, names: list[str], act: Callable[[str], None], error: str) -> int:
    """Do something with each file, and go on where it fails; 1 if one failed."""
    status = 0
    for name in names:
        try:
            act(name)
        except FileError as wrong:
            status = fail(process, error.format(name=name, why=wrong.strerror))
    return status


# -- directories -------------------------------------------------------------------------------------------------------
def _mkdir(process: Process) -> int:
    found = options(process, "pv", "m", {"parents": "p", "mode": "m"}, operands=1)
    files = Files(process)
    mode = new_mode(found.last("m"), 0o755, True) if "m" in found else 0o755

    def make(name: str) -> None:
        if "p" in found:
            parts = name.rstrip("/").split("/")
            for number in range(1, len(parts)):
                above = "/".join(parts[:number])
                if above and not files.exists(above):
                    files.mkdir(above)
            if files.kind(name) == "directory":
                return
        files.mkdir(name, mode=mode)
        if "v" in found:
            process.print(f"created directory: '{name}'")

    return _each(process, found.operands, make, "can't create directory '{name}': {why}")


def _rmdir(process: Process) -> int:
    found = options(process, "p", long={"ignore-fail-on-non-empty": "i"}, operands=1)
    files = Files(process)

    def remove_one(name: str) -> None:
        if files.stat(name, follow=False).kind != "directory":
            raise FileError.of("ENOTDIR", name)
        try:
            files.remove(name)
        except FileError as error:
            if error.errno == errno.ENOTEMPTY and "i" in found:
                return
            raise
        if "p" in found and dirname(name.rstrip("/")) not in ("", "/"):
            remove_one(dirname(name.rstrip("/")))

    return _each(process, found.operands, remove_one, "'{name}': {why}")


def remove(files: Files, name: str, complain: Callable[[str, FileError], None]) -> bool:
    """Remove a file, or a directory and all below it; whether it is gone. What cannot be removed is told and left."""
    try:
        gone = True
        if files.stat(name, follow=False).kind == "directory":
            for entry in files.listdir(name):
                gone = remove(files, join(name, entry), complain) and gone
        if gone:
            files.remove(name)
    except FileError as error:
        complain(name, error)
        return False
    return gone


def _rm(process: Process) -> int:
    found = options(process, "fiRrv", long={"force": "f", "recursive": "r"})
    if not found.operands and "f" not in found:
        raise UsageError("missing operand")
    files, deep = Files(process), "r" in found or "R" in found
    status = 0

    def complain(name: str, error: FileError) -> None:
        fail(process, f"can't remove '{name}': {error.strerror}")

    for name in found.operands:
        if basename(name.rstrip("/")) in (".", ".."):
            status = fail(process, "can't remove '.' or '..'")
        elif not files.exists(name, follow=False):
            status = status if "f" in found else fail(process, f"can't remove '{name}': {_why(files, name)}")
        elif files.kind(name, follow=False) == "directory" and not deep:
            status = fail(process, f"'{name}' is a directory")
        elif not remove(files, name, complain):
            status = 1
        elif "v" in found:
            process.print(f"removed '{name}'")
    return status


def _why(files: Files, name: str) -> str:
    """Why a file cannot be reached."""
    try:
        files.stat(name, follow=False)
    except FileError as error:
        return error.strerror or ""
    return ""


# -- copying -----------------------------------------------------------------------------------------------------------
def copy(process: Process, source: str, target: str, found: Options) -> int:
    """Copy a file, or with ``-r`` a directory and all below it, to a name; 1 if something failed."""
    files = Files(process)
    deep = any(letter in found for letter in "rRa")
    keep = any(letter in found for letter in "pa")
    try:
        stat = files.stat(source, follow=not (deep or "d" in found or "P" in found) or "L" in found)
    except FileError as error:
        return fail(process, f"can't stat '{source}': {error.strerror}")
    if stat.kind == "directory":
        if not deep:
            return fail(process, f"omitting directory '{source}'")
        return _copy_directory(process, source, target, found)
    try:
        same = files.exists(target) and files.resolved(source) == files.resolved(target)
        if same:
            return fail(process, f"'{source}' and '{target}' are the same file")
        if "n" in found and files.exists(target):
            return 0
        data = b"" if stat.kind == "link" else files.read(source)
    except FileError as error:
        return fail(process, f"can't open '{source}': {error.strerror}")
    try:
        if files.kind(target) == "directory" and stat.kind != "link":
            return fail(process, f"can't create '{target}': File exists")
        if stat.kind == "link":
            files.symlink(target, files.readlink(source))
        else:
            files.write(target, data)
            _keep(files, target, stat, owner=keep)
    except FileError as error:
        return fail(process, f"can't create '{target}': {error.strerror}")
    if "v" in found:
        process.print(f"'{source}' -> '{target}'")
    return 0


def _keep(files: Files, target: str, stat: Stat, *, owner: bool) -> None:
    """Give a copy the mode, and perhaps the owner, of its original."""
    if files.kind(target) in ("file", "directory"):
        if files.stat(target).mode != stat.mode:
            files.chmod(target, stat.mode)
        if owner:
            files.chown(target, stat.uid, stat.gid)


def _copy_directory(process: Process, source: str, target: str, found: Options) -> int:
    files = Files(process)
    inside = normpath(files.path(target)) + "/"
    if inside.startswith(normpath(files.path(source)) + "/"):
        return fail(process, f"recursion detected, omitting directory '{source}'")
    try:
        if files.kind(target) != "directory":
            files.mkdir(target)
        names = files.listdir(source)
    except FileError as error:
        return fail(process, f"can't create directory '{target}': {error.strerror}")
    status = 0
    for name in names:
        status = copy(process, join(source, name), join(target, name), found) or status
    _keep(files, target, files.stat(source), owner="p" in found or "a" in found)
    return status


def _pairs(process: Process, found: Options) -> list[tuple[str, str]]:
    """Which file goes where: into the directory that is named last, or to the name that is named last."""
    files = Files(process)
    if "t" in found:
        return [(name, join(found.last("t"), basename(name.rstrip("/")))) for name in found.operands]
    *sources, target = found.operands
    if files.kind(target) == "directory" and "T" not in found:
        return [(name, join(target, basename(normpath(name)))) for name in sources]
    if len(sources) != 1:
        raise UsageError(f"target '{target}' is not a directory")
    return [(sources[0], target)]


def _cp(process: Process) -> int:
    found = options(process, "adfiLlnPpRrsuvTH", "t", {"recursive": "r", "archive": "a"}, operands=2)
    status = 0
    for source, target in _pairs(process, found):
        status = copy(process, source, target, found) or status
    return status


def _mv(process: Process) -> int:
    found = options(process, "finvT", "t", operands=2)
    files, status = Files(process), 0
    for source, target in _pairs(process, found):
        if "n" in found and files.exists(target):
            continue
        try:
            files.rename(source, target)
        except FileError as error:
            if error.errno != errno.EXDEV:
                status = fail(process, f"can't rename '{source}': {error.strerror}")
                continue
            status = _move_across(process, source, target) or status
        if "v" in found:
            process.print(f"'{source}' -> '{target}'")
    return status


def _move_across(process: Process, source: str, target: str) -> int:
    """Between two file systems a file is copied and then removed."""

    def complain(name: str, error: FileError) -> None:
        fail(process, f"can't remove '{name}': {error.strerror}")

    status = copy(process, source, target, Options({"a": [""]}, []))
    if status == 0 and not remove(Files(process), source, complain):
        return 1
    return status


def _ln(process: Process) -> int:
    found = options(process, "sfnbvT", operands=1)
    files, status = Files(process), 0
    names = found.operands if len(found.operands) > 1 else [found.operands[0], basename(found.operands[0])]
    follow = "n" not in found and "T" not in found
    into = files.kind(names[-1], follow=follow) == "directory"
    if len(names) > 2 and not into:
        raise UsageError(f"target '{names[-1]}' is not a directory")
    for target in names[:-1]:
        link = join(names[-1], basename(target.rstrip("/"))) if into else names[-1]
        try:
            if "f" in found and files.exists(link, follow=False):
                files.remove(link)
            if "s" in found:
                files.symlink(link, target)
            else:
                if files.exists(link, follow=False):
                    raise FileError.of("EEXIST", link)
                files.write(link, files.read(target))
        except FileError as error:
            status = fail(process, f"{link}: {error.strerror}")
    return status


# -- files -------------------------------------------------------------------------------------------------------------
def _touch(process: Process) -> int:
    found = options(process, "acmf", "drt", {"no-create": "c", "date": "d", "reference": "r"}, operands=1)
    files = Files(process)

    def touch(name: str) -> None:
        if files.kind(name) == "directory":
            if files.read_only(name):
                raise FileError.of("EROFS", name)
        elif "c" not in found or files.exists(name):
            files.write(name, b"", append=True)

    return _each(process, found.operands, touch, "{name}: {why}")


def _truncate(process: Process) -> int:
    found = options(process, "co", "s", {"size": "s", "no-create": "c"}, operands=1)
    if "s" not in found:
        raise UsageError("missing -s")
    files, given = Files(process), found.last("s")
    size = whole_number(given, signs="+-")

    def cut(name: str) -> None:
        if "c" in found and not files.exists(name):
            return
        data = files.read(name) if files.exists(name) else b""
        length = max(len(data) + size, 0) if given[0] in "+-" else size
        if length > FILE_MOST:
            raise FileError.of("EFBIG", name)
        files.write(name, data[:length].ljust(length, b"\0"))

    return _each(process, found.operands, cut, "{name}: {why}")


def _mktemp(process: Process) -> int:
    found = options(process, "dqut", "p")
    files = Files(process)
    template = found.operands[0] if found.operands else "tmp.XXXXXX"
    if not template.endswith("XXXXXX"):
        raise UsageError(f"{template}: Invalid argument")
    if not found.operands or "t" in found or "p" in found:
        template = join(found.last("p") or process.env.get("TMPDIR", "/tmp"), template)
    stem = template.rstrip("X")
    length = len(template) - len(stem)
    for number in range(100):
        signs = noise(f"{process.hostname}/{process.now_us}/{stem}/{number}", length)
        name = stem + "".join(_LETTERS[sign % len(_LETTERS)] for sign in signs)
        if not files.exists(name, follow=False):
            break
    try:
        if "u" not in found:
            files.mkdir(name, mode=0o700) if "d" in found else files.write(name, b"")
    except FileError as error:
        return fail(process, f"{template}: {error.strerror}")
    process.print(name)
    return 0


# -- modes and owners --------------------------------------------------------------------------------------------------
def new_mode(text: str, mode: int, directory: bool) -> int:
    """The mode that ``755`` or ``u+x,go-w`` makes of another. Raises `UsageError`.

    >>> oct(new_mode("u+x,go=r", 0o600, directory=False))
    '0o744'
    """
    if text and all(sign in "01234567" for sign in text) and len(text) <= 4:
        return int(text, 8)
    for clause in text.split(","):
        at = next((at for at, sign in enumerate(clause) if sign in "+-="), None)
        if at is None or any(sign not in "ugoa" for sign in clause[:at]):
            raise UsageError(f"invalid mode '{text}'")
        who = clause[:at] or "a"
        users = [shift for name, shift in (("u", 6), ("g", 3), ("o", 0)) if name in who or "a" in who]
        mode = _clause(mode, clause[at:], users, directory, text)
    return mode


def _clause(mode: int, actions: str, users: list[int], directory: bool, text: str) -> int:
    """One clause of a symbolic mode: ``+x``, ``=rw``, ``-w+x``."""
    operator, old = "", mode
    mask = sum(7 << shift for shift in users)
    for sign in actions:
        if sign in "+-=":
            operator = sign
            mode = mode & ~mask if sign == "=" else mode
            continue
        if sign == "s":
            bits = (0o4000 if 6 in users else 0) | (0o2000 if 3 in users else 0)
        elif sign == "t":
            bits = 0o1000
        elif sign in "ugo":
            bits = sum((old >> {"u": 6, "g": 3, "o": 0}[sign] & 7) << shift for shift in users)
        elif sign in "rwxX":
            bit = {"r": 4, "w": 2, "x": 1, "X": int(directory or old & 0o111 != 0)}[sign]
            bits = sum(bit << shift for shift in users)
        else:
            raise UsageError(f"invalid mode '{text}'")
        mode = mode & ~bits if operator == "-" else mode | bits
    return mode


def _all_of(files: Files, name: str, deep: bool) -> list[str]:
    """A file and, if asked for, all below it but links."""
    names = [name]
    if deep and files.kind(name, follow=False) == "directory":
        for entry in files.listdir(name):
            below = join(name, entry)
            if files.kind(below, follow=False) != "link":
                names += _all_of(files, below, deep)
    return names


def _chmod(process: Process) -> int:
    words = [f"--mode={word}" if word[:2] in ("-r", "-w", "-x", "-s", "-t") else word for word in process.argv[1:]]
    process.argv = (process.argv[0], *words)
    found = options(process, "Rvcf", long={"mode": "m", "recursive": "R"}, operands=1)
    mode, *names = ([found.last("m")] if "m" in found else []) + found.operands
    files = Files(process)

    def change(name: str) -> None:
        files.stat(name)
        for each in _all_of(files, name, "R" in found):
            stat = files.stat(each)
            files.chmod(each, new_mode(mode, stat.mode, stat.kind == "directory"))

    return _each(process, names, change, "{name}: {why}")


def _identity(text: str, kind: str) -> int | None:
    """The number of a user or group that is given by number or name; None for an empty text."""
    known = {"root": 0, "daemon": 1, "nobody": 65534, "nogroup": 65534, "mysql": 999, "postgres": 999, "redis": 999,
             "www-data": 33, "nginx": 101}  # fmt: skip
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    if text not in known:
        raise UsageError(f"unknown {kind} {text}")
    return known[text]


def _chown(process: Process) -> int:
    found = options(process, "RhcfvLHP", long={"recursive": "R"}, operands=2)
    who, *names = found.operands
    user, _, group = (":" + who if process.name == "chgrp" else who).partition(":")
    uid, gid = _identity(user, "user"), _identity(group, "group")
    files = Files(process)

    def change(name: str) -> None:
        files.stat(name)
        for each in _all_of(files, name, "R" in found):
            files.chown(each, uid, gid)

    return _each(process, names, change, "{name}: {why}")


TOOLS: dict[str, Program] = {
    "chgrp": Applet(_chown), "chmod": Applet(_chmod), "chown": Applet(_chown), "cp": Applet(_cp), "ln": Applet(_ln),
    "mkdir": Applet(_mkdir), "mktemp": Applet(_mktemp), "mv": Applet(_mv), "rm": Applet(_rm), "rmdir": Applet(_rmdir),
    "touch": Applet(_touch), "truncate": Applet(_truncate),
}  # fmt: skip
