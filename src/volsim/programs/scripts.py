"""Files that are programs: scripts, which their first line says how to run.

A script that pauses remembers its interpreter, so it goes on even if its file is gone meanwhile.

Modelled: ``#!`` lines, a file without one (a shell runs it), the permission to execute, the search along ``PATH``.
Not modelled: other executable files: there are none in volumes.
Source: execve(2); POSIX.1-2017, XCU 2.9.1 (command search and execution).
"""

from __future__ import annotations

from posixpath import join
from typing import Any

from volsim.errors import FileError
from volsim.objects._record import Record, record
from volsim.programs.files import Files
from volsim.programs.process import Pause, Process, Program, decode

__all__ = ["SCRIPT", "Started", "again", "lies_at"]


@record
class Started(Record):
    """What a script remembers: the command line of its interpreter, and what that remembers."""

    argv: tuple[str, ...]
    memory: Any = None


def lies_at(process: Process, name: str) -> str | None:
    """The path of the script that a name means; None if there is none. EACCES if it may not be executed."""
    files = Files(process)
    if "/" in name:
        kind = files.kind(name)
        if not kind:
            return None
        if kind != "file" or not files.stat(name).mode & 0o111:
            raise FileError.of("EACCES", name)
        return name
    for directory in process.env.get("PATH", "").split(":"):
        path = join(directory, name)
        if directory and files.kind(path) == "file" and files.stat(path).mode & 0o111:
            return path
    return None


class _Script:
    """Any script: which one, its process says."""

    def start(self, process: Process) -> Pause:
        """Have its interpreter run it."""
        path = lies_at(process, process.argv[0])
        assert path is not None, "whoever starts it has found it"
        inner = process.like((*_interpreter(Files(process).read(path)), path, *process.argv[1:]))
        program = process.find(inner.argv[0], inner)
        if program is None or program is self:
            process.complain(f"{process.argv[0]}: {inner.argv[0]}: bad interpreter: No such file or directory")
            return Pause.exited(127)
        return self._passed(process, inner, program.start(inner))

    @staticmethod
    def _passed(process: Process, inner: Process, pause: Pause) -> Pause:
        process.consumed = inner.consumed
        return pause._replace(memory=Started(argv=inner.argv, memory=pause.memory))

    def resume(self, memory: Started, process: Process) -> Pause:
        """Let the interpreter go on."""
        inner = process.like(memory.argv)
        return self._passed(process, inner, again(inner, memory.memory).resume(memory.memory, inner))

    def signal(self, memory: Started, process: Process, name: str) -> Pause | None:
        """Pass a signal on to the interpreter."""
        inner = process.like(memory.argv)
        pause = again(inner, memory.memory).signal(memory.memory, inner, name)
        return None if pause is None else self._passed(process, inner, pause)

    def __repr__(self) -> str:
        return "SCRIPT"


SCRIPT = _Script()
"""A script."""


def _interpreter(data: bytes) -> tuple[str, ...]:
    """Who runs a script: its first line says it, with at most one argument."""
    first, _, _ = data.partition(b"\n")
    words = decode(first[2:]).split(None, 1) if first.startswith(b"#!") else []
    return tuple(word.strip() for word in words) or ("/bin/sh",)


def again(process: Process, memory: Any) -> Program:
    """The program of a process that was started before and goes on now."""
    if isinstance(memory, Started):
        return SCRIPT
    program = process.find(process.argv[0], process)
    assert program is not None, "it was found when it was started"
    return program
