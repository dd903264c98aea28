"""Redirections: which channels a command's descriptors lead to.

Source: POSIX.1-2017, XCU 2.7; busybox, shell/ash.c (openredirect).
"""

from __future__ import annotations

import errno

from volsim.errors import FileError
from volsim.programs.files import Files
from volsim.programs.process import encode
from volsim.programs.shell.kernel import Kernel
from volsim.programs.shell.state import Channel, Task
from volsim.programs.shell.syntax import Redirect

__all__ = ["Descriptors", "RedirectFault"]


class RedirectFault(Exception):
    """A redirection that cannot be done."""


class Descriptors:
    """The descriptors of a task, while redirections change them."""

    def __init__(self, kernel: Kernel, task: Task) -> None:
        self._kernel, self._files = kernel, kernel.files_of(task)
        self._now = dict(task.descriptors)

    @property
    def result(self) -> tuple[tuple[int, int], ...]:
        """The descriptors and their channels."""
        return tuple(sorted(self._now.items()))

    def open(self, redirect: Redirect, target: str) -> None:
        """Do one redirection. Raises `RedirectFault`."""
        match redirect.operator:
            case "<" | "<>":
                self._now[redirect.number] = self._reading(target, create=redirect.operator == "<>")
            case ">" | ">|" | ">>":
                self._now[redirect.number] = self._writing(target, append=redirect.operator == ">>")
            case "&>" | "&>>":
                self._now[1] = self._now[2] = self._writing(target, append=redirect.operator == "&>>")
            case "<<" | "<<<":
                text = target + "\n" if redirect.operator == "<<<" else target
                self._now[redirect.number] = self._add("input", data=encode(text))
            case _:
                self._duplicate(redirect.number, target)

    def _add(self, kind: str, *, path: str = "", data: bytes = b"") -> int:
        return self._kernel.add_channel(Channel(number=0, kind=kind, path=path, data=data))

    def _duplicate(self, number: int, target: str) -> None:
        """``2>&1``, ``3<&-``."""
        if target == "-":
            self._now.pop(number, None)
        elif not target.isdigit():
            raise RedirectFault("syntax error: bad fd number")
        elif int(target) not in self._now:
            raise RedirectFault(f"{target}: Bad file descriptor")
        else:
            self._now[number] = self._now[int(target)]

    def _reading(self, target: str, *, create: bool) -> int:
        path = self._path(target, "open")
        if path == "/dev/null":
            return self._add("null")
        if Files.is_input(path) and 0 in self._now:
            return self._now[0]
        if self._files.endless(path) is not None:
            return self._add("endless", path=path)
        try:
            if create and not self._files.exists(path):
                self._files.write(path, b"")
            if self._files.stat(path).kind != "directory":  # it can be opened, but gives nothing
                self._files.read(path)
        except FileError as error:
            why = "no such file" if error.errno == errno.ENOENT else error.strerror
            raise RedirectFault(f"can't open {target}: {why}") from None
        return self._add("file", path=path)

    def _writing(self, target: str, *, append: bool) -> int:
        path = self._path(target, "create")
        if path == "/dev/null":
            return self._add("null")
        device = Files.output(path)
        if device in self._now:
            return self._now[device]
        try:
            self._files.write(path, b"", append=append)
        except FileError as error:
            why = "nonexistent directory" if error.errno in (errno.ENOENT, errno.ENOTDIR) else error.strerror
            raise RedirectFault(f"can't create {target}: {why}") from None
        return self._add("file", path=path)

    def _path(self, target: str, what: str) -> str:
        try:
            return self._files.path(target)
        except FileError as error:
            raise RedirectFault(f"can't {what} {target}: {error.strerror}") from None
