"""What a shell and the processes under it are while they pause: a value.

Nothing in it says what time it is: a task that sleeps knows how long it still sleeps. So a loop that writes and sleeps
is, at every pause, the same value again, and an exploration finds that it has been there.
"""

from __future__ import annotations

from typing import Any

import attrs

from volsim.objects._record import FrozenDict, Record, frozen_map, record

__all__ = ["Channel", "Frame", "LoopState", "Processes", "ShellState", "Task", "Wait"]


@record
class Channel(Record):
    """What a descriptor leads to: a file, one end of a pipe, a device, or the input and output of the whole.

    `kind` is ``input``, ``out``, ``err``, ``file``, ``null``, ``endless``, ``pipe`` (an end to read from) or ``into``
    (an end to write to).
    """

    number: int
    kind: str
    path: str = ""
    data: bytes = b""
    """Of an input or a pipe: what has been written and not yet read."""
    open: bool = False
    """Of an input: more may come."""
    offset: int = 0
    """Of a file: where reading goes on."""
    target: int = 0
    """Of a pipe's end to write to: the number of the other end."""


@record
class LoopState(Record):
    """A loop that is being run."""

    start: int
    end: int
    items: tuple[str, ...] = ()
    """Of a ``for``: its words."""
    done: int = 0
    """How many of them have been taken."""
    opened: int = 0
    """How many redirections were open when it began; ``break`` closes the others."""
    status: int = 0


@record
class Frame(Record):
    """A text that is being run: a script, a function, what `eval`, `.` or a trap runs.

    `kind` is ``command`` (``sh -c``, a subshell), ``script`` (a file), ``input`` (commands are read from standard
    input), ``line`` (one of these), ``function``, ``eval``, ``source``, ``trap`` or ``exit`` (the trap for the end).
    """

    kind: str
    text: str
    block: int = 0
    at: int = 0
    """The number of the next instruction."""
    loops: tuple[LoopState, ...] = ()
    opened: tuple[tuple[tuple[int, int], ...], ...] = ()
    """The descriptors as they were before each redirection that is open."""
    restored: tuple[tuple[int, int], ...] | None = None
    """The descriptors as they will be at its end; None: as they are then."""
    parameters: tuple[str, ...] | None = None
    """The caller's positional parameters."""
    locals: FrozenDict[str, str | None] = attrs.field(factory=FrozenDict, converter=frozen_map)
    """Variables and the values that they will have again; None: unset."""
    status: int = 0
    """What ``$?`` is again after a trap."""
    tested: bool = False
    """``set -e`` does not hold in it."""


@record
class ShellState(Record):
    """One shell: what `fork` would copy."""

    name: str
    """``$0``."""
    pid: int
    """``$$``."""
    frames: tuple[Frame, ...]
    variables: FrozenDict[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    exported: tuple[str, ...] = ()
    readonly: tuple[str, ...] = ()
    functions: FrozenDict[str, tuple[str, int]] = attrs.field(factory=FrozenDict, converter=frozen_map)
    """By name: the script that defines it, and the block."""
    parameters: tuple[str, ...] = ()
    status: int = 0
    options: str = ""
    """The letters of ``$-``, sorted."""
    traps: FrozenDict[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    pending: tuple[str, ...] = ()
    """Signals whose traps are to be run."""
    results: tuple[tuple[str, int], ...] = ()
    """Output and status of the substitutions of the command that is being expanded."""
    background: int | None = None
    """``$!``."""
    pipefail: bool = False
    """The status of a pipeline is that of its last command that failed."""
    getopts: str = ""
    """How far `getopts` has read: ``OPTIND`` and, behind a colon, the next letter in that word."""
    chance: int = 0
    """Where ``$RANDOM`` stands."""


@record
class Wait(Record):
    """What a task waits for.

    `kind` is ``time``, ``input`` (of the channel), ``room`` (in the channel), ``children`` (to end) or ``ever``. `then`
    says what the end of children means: ``status`` (it is ``$?``), ``output`` (the channel holds what a substitution
    gives), or ``wait`` (the builtin, which a signal interrupts).
    """

    kind: str
    left_us: int | None = None
    channel: int = 0
    seen: int = 0
    """Of input: how many bytes are there that do not suffice."""
    children: tuple[int, ...] = ()
    then: str = ""


@record
class Task(Record):
    """A process under the shell: a shell itself, or a program."""

    pid: int
    parent: int
    cwd: str
    descriptors: tuple[tuple[int, int], ...]
    """(descriptor, channel), by descriptor."""
    shell: ShellState | None = None
    argv: tuple[str, ...] = ()
    env: FrozenDict[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    started: bool = False
    memory: Any = None
    wait: Wait | None = None
    background: bool = False
    status: int | None = None
    """What it ended with, until somebody has waited for it."""
    killed: str = ""
    """The signal that ended it."""


@record
class Processes(Record):
    """All that a shell is: its tasks, and what they read from and write to."""

    tasks: tuple[Task, ...]
    channels: tuple[Channel, ...]
    elapsed_us: int = 0
    """How long the pause takes that it is in."""
