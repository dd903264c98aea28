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

Modelled: arguments, environment, input, output, files, time, exit codes, signals.
Not modelled: users and their permissions, limits of memory, devices other than a few.
Source: execve(2), signal(7), pid_namespaces(7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from volsim.errors import OutOfMemory
from volsim.storage.mounts import MountedFiles

__all__ = [
    "SIGNALS",
    "MoreInput",
    "Pause",
    "Process",
    "Program",
    "decode",
    "default_signal",
    "encode",
    "function",
    "signal_name",
]

SIGNALS = {
    "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10,
    "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CONT": 18, "STOP": 19,
    "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28,
    "POLL": 29, "PWR": 30, "SYS": 31,
}  # fmt: skip
"""Linux' signals and their numbers."""


def signal_name(text: str) -> str | None:
    """The name of a signal that is given as ``TERM``, ``SIGTERM``, ``term`` or ``15``; None if there is none.

    >>> signal_name("SIGTERM"), signal_name("9"), signal_name("0")
    ('TERM', 'KILL', None)
    """
    name = text.upper().removeprefix("SIG")
    if name in SIGNALS:
        return name
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 3 else 0
    return next((each for each, its_number in SIGNALS.items() if its_number == number), None)


_HARMLESS = frozenset({"CHLD", "CONT", "URG", "WINCH", "STOP", "TSTP", "TTIN", "TTOU"})
"""What does not end a process that has no handler. Stopping is not modelled, so a stopped process goes on."""


class MoreInput(Exception):
    """No error: a program needs the rest of its input, and somebody may still write to it."""


def encode(text: str) -> bytes:
    """Text as a process writes it: UTF-8, and bytes that were none come out as they came in.

    >>> encode("é"), encode(decode(b"\\xff"))
    (b'\\xc3\\xa9', b'\\xff')
    """
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="replace")


def decode(data: bytes) -> str:
    """Bytes as text, so that `encode` gives the same bytes again."""
    return data.decode(errors="surrogateescape")


class Pause(NamedTuple):
    """Where a program stands: it has exited, it waits for a time or for input, or it serves until it gets a signal.

    >>> Pause.exited(0).exit_code, Pause.serving().wake_after_us
    (0, None)
    """

    exit_code: int | None = None
    """What it exited with; None while it lives."""
    wake_after_us: int | None = None
    """When it wants to go on, in microseconds from now; None: not by itself."""
    memory: Any = None
    """What `resume` and `signal` need to go on: None, numbers, texts, bytes, tuples, FrozenDicts or records."""
    reads: bool = False
    """It goes on as soon as there is more input. Only a shell has more; for others it is a program that serves."""

    @classmethod
    def exited(cls, code: int) -> Pause:
        """The program has ended."""
        return cls(exit_code=code)

    @classmethod
    def serving(cls, memory: Any = None) -> Pause:
        """The program waits for a signal."""
        return cls(memory=memory)

    @classmethod
    def sleeping(cls, microseconds: int, memory: Any = None) -> Pause:
        """The program goes on after a while."""
        return cls(wake_after_us=microseconds, memory=memory)

    @classmethod
    def reading(cls, memory: Any = None) -> Pause:
        """The program goes on when there is more input, or its end."""
        return cls(memory=memory, reads=True)


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
        stdin_open: bool | None = None,
        waited_for: bool | None = None,
        remaining_us: int | None = None,
        main: bool | None = None,
    ) -> None:
        self.argv, self.env, self.files, self.now_us = argv, env, files, now_us
        self.stdin, self.hostname, self.tty, self.cwd = stdin, hostname, tty, cwd
        self.pid1 = pid1
        """It is the first process of its container: the kernel drops signals for which it has no handler."""
        self.stdin_open = (tty and pid1) if stdin_open is None else stdin_open
        """More input may come; so it is for ever with the terminal of a container that nobody is attached to."""
        self.waited_for = not pid1 if waited_for is None else waited_for
        """Somebody waits for its end: it is neither a container's main process nor in the background."""
        self.main = pid1 if main is None else main
        """It belongs to what the container runs, not to what somebody runs inside it."""
        self.remaining_us = remaining_us
        """For `Program.signal`: how long the pause that the signal interrupts would still have taken."""
        self.find: Callable[[str, Process], Program | None] = lambda name, process: None
        """Which program of its image a name means; an image sets it."""
        self.consumed = 0
        """How many bytes of `stdin` it has used up."""
        self.name = argv[0].rpartition("/")[2] if argv else ""
        """What the program calls itself in its messages."""
        self.output: list[tuple[int, bytes]] = []
        """What it wrote: (1 or 2, bytes), in order."""
        self.starved: OutOfMemory | None = None
        """It was killed for want of memory."""
        self.sent: list[tuple[int, str]] = []
        """Signals for processes that it did not start itself, such as the container's first: (number, name)."""

    @property
    def stdout(self) -> bytes:
        """All that it wrote to standard output."""
        return b"".join(data for number, data in self.output if number == 1)

    @property
    def stderr(self) -> bytes:
        """All that it wrote to standard error."""
        return b"".join(data for number, data in self.output if number == 2)

    def write(self, data: bytes, to: int = 1) -> None:
        """Write bytes to standard output (1) or standard error (2)."""
        if data:
            self.output.append((to, data))

    def print(self, text: str, end: str = "\n") -> None:
        """Write a line to standard output."""
        self.write(encode(text + end))

    def complain(self, text: str, end: str = "\n") -> None:
        """Write a line to standard error."""
        self.write(encode(text + end), 2)

    def input(self) -> bytes:
        """All of standard input. Raises `MoreInput` while somebody may still write to it."""
        if self.stdin_open:
            raise MoreInput
        self.consumed = len(self.stdin)
        return self.stdin

    def like(self, argv: tuple[str, ...], env: Mapping[str, str] | None = None) -> Process:
        """A process for another program in the same place: what `env`, `nohup` and the like start."""
        new = Process(
            argv=argv,
            env=self.env if env is None else env,
            files=self.files,
            now_us=self.now_us,
            stdin=self.stdin,
            hostname=self.hostname,
            tty=self.tty,
            pid1=self.pid1,
            cwd=self.cwd,
            stdin_open=self.stdin_open,
            waited_for=self.waited_for,
            remaining_us=self.remaining_us,
            main=self.main,
        )
        new.find, new.output, new.sent = self.find, self.output, self.sent
        return new


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


def default_signal(process: Process, name: str) -> Pause | None:
    """What the kernel does with a signal that a program has no handler for.

    >>> from volsim.storage.mounts import MountedFiles
    >>> first = Process(argv=("sleep", "9"), env={}, files=MountedFiles([], dict().get), now_us=0, pid1=True)
    >>> default_signal(first, "TERM") is None  # process 1 of a container is not even told
    True
    """
    if process.pid1 or name in _HARMLESS:
        return None
    return Pause.exited(128 + SIGNALS[name])


class _Function:
    """A program made of a Python function."""

    def __init__(
        self,
        run: Callable[[Process, Any], Pause],
        on_signal: Callable[[Process, Any, str], Pause | None],
        on_probe: Callable[[Process, Any, str], str | None] | None,
    ) -> None:
        self._run, self._on_signal, self.on_probe = run, on_signal, on_probe

    def start(self, process: Process) -> Pause:
        return self._run(process, None)

    def resume(self, memory: Any, process: Process) -> Pause:
        return self._run(process, memory)

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        return self._on_signal(process, memory, name)

    def __repr__(self) -> str:
        return f"function({self._run.__name__})"


def _stops(process: Process, memory: Any, name: str) -> Pause | None:
    """What a well-behaved server does: it ends when it is told to."""
    return Pause.exited(0) if name in ("TERM", "INT", "QUIT") else None


def function(
    run: Callable[[Process, Any], Pause],
    *,
    on_signal: Callable[[Process, Any, str], Pause | None] = _stops,
    on_probe: Callable[[Process, Any, str], str | None] | None = None,
) -> Program:
    """A program made of your own function, to be put into an image (`volsim.programs.register`).

    `run(process, memory)` does what the program does up to its next pause, and returns that pause. `memory` is None
    at the start and afterwards what the last pause remembered. It must not keep anything elsewhere: simulations are
    forked, compared and saved. `on_signal(process, memory, name)` returns the pause that follows, or None to ignore
    the signal; as it is not given, TERM, INT and QUIT end the program with exit code 0. `on_probe(process, memory,
    kind)` answers a probe over the network (``"startup"``, ``"liveness"``, ``"readiness"``): None if all is well, else
    what is wrong.

    >>> def counter(process, memory):
    ...     ticks = (memory or 0) + 1
    ...     process.files.write("/data/ticks", str(ticks).encode())
    ...     return Pause.sleeping(60_000_000, memory=ticks)
    >>> program = function(counter)
    >>> program
    function(counter)
    """
    return _Function(run, on_signal, on_probe)
