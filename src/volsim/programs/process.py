"""What a program is: something that runs until it exits or pauses, and keeps nothing but a value while it pauses.

A program cannot be a generator or a thread: those cannot be forked, compared or saved. So it is written as three
functions. `start` runs until the process exits or has to wait, and returns a `Pause`; `resume` goes on from the
`memory` that the last pause left; `signal` is told when the process gets a signal.

>>> from volsim.storage.mounts import Mount, MountedFiles
>>> from volsim.storage.tree import Directory
>>> files = MountedFiles([Mount(path="/", backing="layer")], {"layer": Directory()}.__getitem__)
>>> process = Process(argv=("echo", "hi"), env={}, files=files, now_us=0)
>>> process.print("hi")
>>> process.stdout
b'hi\\n'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from volsim.storage.mounts import MountedFiles

__all__ = ["Pause", "Process", "Program"]


class Pause(NamedTuple):
    """Where a program stands: it has exited, it waits for a time, or it serves until it gets a signal.

    >>> Pause.exited(0).exit_code, Pause.serving().wake_after_us
    (0, None)
    """

    exit_code: int | None = None
    """What it exited with; None while it lives."""
    wake_after_us: int | None = None
    """When it wants to go on, in microseconds from now; None: not by itself."""
    memory: Any = None
    """What `resume` and `signal` need to go on: None, numbers, texts, bytes, tuples, FrozenDicts or records."""

    @classmethod
    def exited(cls, code: int) -> Pause:
        """The program has ended."""
        return cls(exit_code=code)

    @classmethod
    def serving(cls, memory: Any = None) -> Pause:
        """The program waits for a signal."""
        return cls(memory=memory)


class Process:
    """One run of a program, from one pause to the next: its arguments, its files, and what it prints."""

    def __init__(
        self,
        *,
        argv: tuple[str, ...],
        env: Mapping[str, str],
        files: MountedFiles,
        now_us: int,
        stdin: bytes = b"",
        hostname: str = "",
        tty: bool = False,
        pid1: bool = False,
        cwd: str = "/",
    ) -> None:
        self.argv, self.env, self.files, self.now_us = argv, env, files, now_us
        self.stdin, self.hostname, self.tty, self.cwd = stdin, hostname, tty, cwd
        self.pid1 = pid1
        """It is the first process of its container: the kernel drops signals for which it has no handler."""
        self.stdout = b""
        self.stderr = b""

    def print(self, text: str, end: str = "\n") -> None:
        """Write a line to standard output."""
        self.stdout += (text + end).encode()

    def complain(self, text: str, end: str = "\n") -> None:
        """Write a line to standard error."""
        self.stderr += (text + end).encode()


class Program(Protocol):
    """What an image or a command runs. A value without state of its own: all that changes is in files and `memory`."""

    def start(self, process: Process) -> Pause:
        """Run from the beginning until it exits or pauses."""
        ...

    def resume(self, memory: Any, process: Process) -> Pause:
        """Go on after a pause; `process` is a new one with what the container's files are now."""
        ...

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        """Get the signal `name` (``"TERM"``); None if it is ignored. KILL is never asked about."""
        ...
