"""Tools that run other programs.

Modelled: `busybox`, `env`, `nice`, `nohup`, `setsid`, `timeout`, `xargs`; the other program may pause, get signals,
wait for input.
Not modelled: priorities, sessions; a command of `xargs` that waits.
Source: busybox, coreutils/env.c, coreutils/nohup.c, coreutils/timeout.c, findutils/xargs.c.
"""

from __future__ import annotations

import shlex
from typing import Any

from volsim.errors import FileError
from volsim.programs.process import SIGNALS, Pause, Process, Program, decode, encode, signal_name
from volsim.programs.scripts import again
from volsim.programs.tools.applet import Applet, Options, UsageError, fail, options, whole_number
from volsim.programs.tools.clock import duration_us

__all__ = ["TOOLS", "Wrapped", "run_at_once"]


def run_at_once(process: Process, argv: list[str]) -> int:
    """Run a command that must end without a pause; its status."""
    inner = process.like(tuple(argv))
    inner.stdin, inner.stdin_open, inner.pid1 = b"", False, False
    program, status = _found(process, inner)
    if program is None:
        return status
    code = program.start(inner).exit_code
    if code is None:
        return fail(process, f"{argv[0]}: a command that waits is not modelled here")
    return code


def _found(process: Process, inner: Process) -> tuple[Program | None, int]:
    """The program that the inner process is to run; if there is none, that is said, and the status is 126 or 127."""
    name = inner.argv[0]
    try:
        program = inner.find(name, inner)
    except FileError as error:
        process.complain(f"{process.name}: can't execute '{name}': {error.strerror}")
        return None, 126
    if program is None:
        process.complain(f"{process.name}: can't execute '{name}': No such file or directory")
    return program, 127


class Wrapped:
    """A tool that changes something and becomes another program. What it changes, a subclass says."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def inner(self, process: Process) -> Process | None:
        """The process of the other program; None if there is none to be run. Raises `UsageError`."""
        words = process.argv[1:]
        if not words:
            raise UsageError("missing operand")
        return process.like(words)

    def start(self, process: Process) -> Pause:
        """Become the other program."""
        try:
            inner = self.inner(process)
        except UsageError as wrong:
            return Pause.exited(fail(process, str(wrong)))
        if inner is None:
            return Pause.exited(0)
        program, status = _found(process, inner)
        return Pause.exited(status) if program is None else self.passed(process, inner, program.start(inner))

    def _running(self, process: Process, memory: Any) -> tuple[Process, Program]:
        """What was started."""
        inner = self.inner(process)
        assert inner is not None, "it was started"
        return inner, again(inner, memory)

    @staticmethod
    def passed(process: Process, inner: Process, pause: Pause) -> Pause:
        """What the other program's pause means for this one."""
        process.consumed = inner.consumed
        return pause

    def resume(self, memory: Any, process: Process) -> Pause:
        """Let the other program go on."""
        inner, program = self._running(process, memory)
        return self.passed(process, inner, program.resume(memory, inner))

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        """Pass a signal on to the other program."""
        inner, program = self._running(process, memory)
        return program.signal(memory, inner, name)


class _Busybox(Wrapped):
    """`busybox name …`."""

    def inner(self, process: Process) -> Process | None:
        if len(process.argv) < 2:
            process.print("BusyBox v1.36.1 multi-call binary.")
            return None
        return process.like(process.argv[1:])


class _Env(Wrapped):
    """`env`: another environment."""

    def inner(self, process: Process) -> Process | None:
        words, env = list(process.argv[1:]), dict(process.env)
        while words and words[0].startswith("-"):
            word = words.pop(0)
            if word in ("-i", "-", "--ignore-environment"):
                env = {}
            elif word == "-u" and words:
                env.pop(words.pop(0), None)
            elif word == "-S" and words:
                words = shlex.split(words.pop(0)) + words
            elif word != "--":
                raise UsageError(f"unrecognized option: {word.lstrip('-')}")
        while words and "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            env[name] = value
        if not words:
            process.write(encode("".join(f"{name}={value}\n" for name, value in env.items())))
            return None
        return process.like(tuple(words), env)


class _Nice(Wrapped):
    """`nice -n 5 name …`."""

    def inner(self, process: Process) -> Process | None:
        words = process.argv[3:] if process.argv[1:2] == ("-n",) else process.argv[1:]
        if not words:
            process.print("0")
            return None
        return process.like(words)


class _Nohup(Wrapped):
    """`nohup`: HUP is ignored."""

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        return None if name == "HUP" else super().signal(memory, process, name)


class _Timeout(Wrapped):
    """`timeout`: ends the other program after a while."""

    @staticmethod
    def _found(process: Process) -> Options:
        found: dict[str, list[str]] = {}
        words = list(process.argv[1:])
        while words and words[0].startswith("-"):
            word = words.pop(0)
            letter = (
                word[1:2]
                if not word.startswith("--")
                else {"signal": "s", "kill-after": "k"}.get(word[2:].partition("=")[0], "")
            )
            if letter not in tuple("skfv"):
                raise UsageError(f"unrecognized option: {word.lstrip('-')}")
            if letter in "sk":
                value = word.partition("=")[2] if word.startswith("--") else word[2:]
                found[letter] = [value or (words.pop(0) if words else "")]
        if len(words) < 2:
            raise UsageError("missing operand")
        return Options(found, words)

    def inner(self, process: Process) -> Process | None:
        return process.like(tuple(self._found(process).operands[1:]))

    def _limit(self, process: Process) -> int | None:
        return duration_us(self._found(process).operands[0]) or None

    def start(self, process: Process) -> Pause:
        try:
            left = self._limit(process)
        except UsageError as wrong:
            return Pause.exited(fail(process, str(wrong)))
        return self._bounded(super().start(process), left)

    @staticmethod
    def _bounded(pause: Pause, left_us: int | None) -> Pause:
        """A pause that ends with the time that is left; `left_us` None: there is no limit.

        It remembers how long, at its end, there is time left, and how long the other program still pauses.
        """
        if pause.exit_code is not None:
            return pause
        wake = pause.wake_after_us
        waits = [each for each in (wake, left_us) if each is not None]
        first = min(waits, default=None)
        left = None if left_us is None else left_us - (first or 0)
        still = None if wake is None else wake - (first or 0)
        return pause._replace(wake_after_us=first, memory=(pause.memory, left, still))

    def resume(self, memory: Any, process: Process) -> Pause:
        inner_memory, left, still = memory
        if left == 0 and still != 0:
            process.remaining_us = still
            return self._over(inner_memory, process)
        return self._bounded(super().resume(inner_memory, process), left)

    def _over(self, inner_memory: Any, process: Process) -> Pause:
        """Time is up: the other program gets its signal, and if it goes on, KILL."""
        name = signal_name(self._found(process).last("s", "TERM")) or "TERM"
        pause = super().signal(inner_memory, process, name) if name != "KILL" else None
        ended = pause is not None and pause.exit_code is not None
        return Pause.exited(128 + SIGNALS[name if ended else "KILL"])

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        inner_memory, left, still = memory
        behind = process.remaining_us or 0
        process.remaining_us = None if still is None else still + behind
        pause = super().signal(inner_memory, process, name)
        return None if pause is None else self._bounded(pause, None if left is None else left + behind)


def _xargs(process: Process) -> int:
    found = options(_up_to_command(process), "0rtx", "nILPsd", {"null": "0", "no-run-if-empty": "r", "max-args": "n"})
    command = list(process.argv[len(process.argv) - len(found.operands) :]) or ["echo"]
    text = decode(process.input())
    if "0" in found:
        words = text.removesuffix("\0").split("\0") if text else []
    elif "I" in found or "d" in found:
        words = [line.strip() for line in text.split(found.last("d", "\n")) if line.strip()]
    else:
        try:
            words = shlex.split(text)
        except ValueError:
            return fail(process, "unmatched quote")
    if "I" in found:
        mark = found.last("I")
        statuses = [run_at_once(process, [each.replace(mark, word) for each in command]) for word in words]
    else:
        size = whole_number(found.last("n")) if "n" in found else max(len(words), 1)
        groups = [words[at : at + size] for at in range(0, len(words), max(size, 1))]
        if not groups and "r" not in found:
            groups = [[]]
        statuses = [run_at_once(process, [*command, *group]) for group in groups]
    return next((status if status in (126, 127) else 123 for status in statuses if status), 0)


def _up_to_command(process: Process) -> Process:
    """`xargs` takes options only before the command."""
    words = list(process.argv)
    at = 1
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        takes = words[at][-1] in "nILPsd" and len(words[at]) == 2
        at += 2 if takes else 1
    return process.like((*words[:at], "--", *words[at:]))


TOOLS: dict[str, Program] = {
    "busybox": _Busybox(), "env": _Env(), "nice": _Nice(), "nohup": _Nohup(), "setsid": Wrapped(),
    "timeout": _Timeout(), "xargs": Applet(_xargs),
}  # fmt: skip
