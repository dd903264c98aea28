"""A POSIX shell whose whole state is a value: it sleeps in the middle of anything and goes on there.

A script is parsed (`parser`, `words`) to commands (`syntax`), compiled to instructions (`code`), and run one
instruction at a time (`interpret`, with `builtins`, `compound`, `expand`, `redirect`) under a little kernel
(`kernel`), which runs the shell's subshells and programs side by side. What they all are at a pause is a `Processes`
record (`state`).

>>> from volsim.storage.mounts import Mount, MountedFiles
>>> from volsim.programs.process import Process
>>> from volsim.storage.tree import Directory
>>> files = MountedFiles([Mount(path="/", backing="layer")], {"layer": Directory()}.__getitem__)
>>> process = Process(argv=("sh", "-c", "for x in a b; do echo $x; done"), env={}, files=files, now_us=0)
>>> SHELL.start(process).exit_code, process.stdout
(0, b'a\\nb\\n')

Modelled: POSIX' shell language and builtins, with busybox' messages; ``local``, ``pipefail``, ``<<<``, ``&>``.
Not modelled: job control, aliases, arrays and other things of bash alone, history, profiles.
Source: POSIX.1-2017, XCU 2; busybox, shell/ash.c.
"""

from __future__ import annotations

from typing import Any

from volsim.errors import FileError
from volsim.objects._record import FrozenDict
from volsim.programs.files import Files
from volsim.programs.process import Pause, Process, decode
from volsim.programs.shell.interpret import step
from volsim.programs.shell.kernel import Kernel
from volsim.programs.shell.state import Frame, ShellState, Task

__all__ = ["SHELL"]

_FLAGS = frozenset("aefilmnuvxs")
_NAMED = {"pipefail", "errexit", "nounset", "xtrace", "noglob", "allexport"}
_LETTERS = {"errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f", "allexport": "a"}


class _CannotStart(Exception):
    """A shell that was called wrongly: what it says, and its status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Shell:
    """The program ``sh``."""

    def start(self, process: Process) -> Pause:
        """Run a script until it ends or everything in it waits."""
        try:
            shell = _shell(process)
        except _CannotStart as wrong:
            process.complain(f"{process.name}: {wrong}")
            return Pause.exited(wrong.status)
        task = Task(pid=0, parent=0, cwd=process.cwd, descriptors=(), shell=shell, background=not process.waited_for)
        return Kernel(process, Kernel.first(process, task), step).run()

    def resume(self, memory: Any, process: Process) -> Pause:
        """Go on after a pause."""
        return Kernel(process, memory, step).run()

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        """Run the trap for a signal, or do what the kernel does."""
        kernel = Kernel(process, memory, step)
        before = dict(kernel.tasks)
        kernel.deliver(kernel.root, name)
        return None if kernel.tasks == before else kernel.run()

    def __repr__(self) -> str:
        return "SHELL"


SHELL = Shell()
"""The shell."""


def _shell(process: Process) -> ShellState:
    """The shell that a command line starts. Raises `_CannotStart`."""
    words = list(process.argv[1:])
    letters, pipefail = "", False
    command = False
    while words and words[0][:1] in ("-", "+") and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            break
        if word.startswith("--"):  # ``bash --login`` and its like
            continue
        for letter in word[1:]:
            if letter == "c":
                command = True
            elif letter == "o" and words and words[0] in _NAMED:
                name = words.pop(0)
                pipefail = pipefail or name == "pipefail"
                letters += _LETTERS.get(name, "")
            elif letter in _FLAGS:
                letters = letters + letter if word[0] == "-" else letters.replace(letter, "")
            else:
                raise _CannotStart(f"illegal option {word[0]}{letter}", 2)
    options = "".join(sorted(set(letters) - {"l", "s"}))
    frame, name, parameters = _script(process, words, command=command, stdin="s" in letters)
    variables = {key: value for key, value in process.env.items() if key.isidentifier() and key.isascii()}
    exported = tuple(sorted(variables))
    variables = {
        "IFS": " \t\n",
        "PATH": "/sbin:/usr/sbin:/bin:/usr/bin",
        "OPTIND": "1",
        **variables,
        "PWD": process.cwd,
    }
    pid = 1 if process.pid1 else 7
    return ShellState(
        name=name,
        pid=pid,
        frames=(frame,),
        variables=FrozenDict({**variables, "PPID": str(pid - 1)}),
        exported=exported,
        parameters=parameters,
        options=options,
        pipefail=pipefail,
    )


def _script(process: Process, words: list[str], *, command: bool, stdin: bool) -> tuple[Frame, str, tuple[str, ...]]:
    """What is to be run, ``$0``, and the positional parameters."""
    own = process.argv[0]
    if command:
        if not words:
            raise _CannotStart("-c requires an argument", 2)
        return Frame(kind="command", text=words[0]), words[1] if len(words) > 1 else own, tuple(words[2:])
    if not words or stdin:
        return Frame(kind="input", text=""), own, tuple(words)
    try:
        text = decode(Files(process).read(words[0]))
    except FileError as error:
        raise _CannotStart(f"can't open '{words[0]}': {error.strerror}", 2) from None
    return Frame(kind="script", text=text), words[0], tuple(words[1:])
