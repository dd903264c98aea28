"""One instruction of a shell: what it changes in the shell, its descriptors, and the processes under it.

Source: POSIX.1-2017, XCU 2.8 (exit status), 2.9 (commands), 2.12 (execution environment); busybox, shell/ash.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from volsim.errors import FileError
from volsim.objects._record import FrozenDict
from volsim.programs.process import Program, decode, encode
from volsim.programs.shell import builtins, compound
from volsim.programs.shell.code import Background, Fork, Pipe, Run, compiled
from volsim.programs.shell.expand import Context, Expander, OutputNeeded, ShellFault
from volsim.programs.shell.kernel import Kernel
from volsim.programs.shell.parser import parse_line
from volsim.programs.shell.redirect import Descriptors, RedirectFault
from volsim.programs.shell.state import Channel, Frame, ShellState, Task, Wait
from volsim.programs.shell.syntax import Redirect, ShellSyntaxError, Simple, Text, Word, literal

__all__ = ["Step", "step"]

FRAMES_MOST = 100  # functions, traps and texts within each other
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
_PLAIN = re.compile(r"[\w./:@%+,-]+", re.ASCII)


class Step:
    """One task, a shell, at one instruction. `commit` makes what was changed count."""

    def __init__(self, kernel: Kernel, task: Task) -> None:
        assert task.shell is not None, "a program has no instructions"
        self.kernel, self.task, self.shell = kernel, task, task.shell
        self.begun = task
        """The task as it was when the instruction began, so that it can begin again."""
        self.line = 0
        self.tested = False
        """Somebody looks at the status of the present command."""
        self.outer = task.descriptors
        """The descriptors that hold again when a builtin is over."""
        self.sent: list[tuple[int, str]] = []
        """Signals that a builtin sends: (process, name)."""

    def commit(self) -> None:
        """Note the shell as it is now."""
        self.kernel.put(self.task.replace(shell=self.shell))

    # -- the shell ----------------------------------------------------------------------------------------------------
    @property
    def frame(self) -> Frame:
        """The innermost text that is being run."""
        return self.shell.frames[-1]

    def change_frame(self, **changes: Any) -> None:
        """Change the innermost frame."""
        frames = (*self.shell.frames[:-1], self.frame.replace(**changes))
        self.shell = self.shell.replace(frames=frames)

    def push(self, frame: Frame) -> None:
        """Run another text before going on with this one."""
        if len(self.shell.frames) >= FRAMES_MOST:
            raise ShellFault("too many functions within each other")
        self.shell = self.shell.replace(frames=(*self.shell.frames, frame))

    def set_status(self, status: int) -> None:
        """Set ``$?``."""
        self.shell = self.shell.replace(status=status)

    @property
    def interactive(self) -> bool:
        """Whether a person types the commands, so that a mistake does not end the shell."""
        return self.kernel.process.tty and self.shell.frames[0].kind == "input"

    def say(self, text: str) -> None:
        """Write a line to standard error."""
        self.kernel.write(self.task, 2, encode(text + "\n"))

    def assign(self, name: str, value: str) -> None:
        """Set a variable. Raises `ShellFault` if it is readonly."""
        expander = self.expander()
        expander.assign(name, value)
        self.shell = expander.shell

    def complain(self, text: str) -> None:
        """Say what is wrong, as the shell says it."""
        self.say(f"{self.shell.name}: {text}")

    # -- running ------------------------------------------------------------------------------------------------------
    def run(self) -> None:
        """Do one instruction."""
        try:
            if self._trap():
                return
            frame = self.frame
            if frame.kind == "input":
                self._read_command()
                return
            instructions = compiled(frame.text).blocks[frame.block]
            if frame.at >= len(instructions):
                self.leave()
                return
            instruction = instructions[frame.at]
            self.change_frame(at=frame.at + 1)
            _ACTIONS[type(instruction)](self, instruction)
        except ShellFault as fault:
            self.complain(str(fault))
            self.abandon(2)

    def _trap(self) -> bool:
        """Begin the trap of a signal that has come, if there is one."""
        pending = self.shell.pending
        if not pending or any(frame.kind in ("trap", "exit") for frame in self.shell.frames):
            return False
        self.shell = self.shell.replace(pending=pending[1:])
        action = self.shell.traps.get(pending[0], "")
        self.push(Frame(kind="trap", text=action, status=self.shell.status, tested=True))
        self.commit()
        return True

    def leave(self) -> None:
        """The innermost text is at its end."""
        frame = self.frame
        if len(self.shell.frames) == 1 or frame.kind == "exit":
            self.finish(frame.status if frame.kind == "exit" else self.shell.status)
            return
        self.pop()
        if frame.kind == "trap":
            self.set_status(frame.status)
        self.commit()

    def pop(self) -> Frame:
        """Give up the innermost text: what it hid is there again."""
        frame = self.frame
        self.shell = self.shell.replace(
            frames=self.shell.frames[:-1],
            variables=_restored(self.shell.variables, frame.locals),
            parameters=self.shell.parameters if frame.parameters is None else frame.parameters,
        )
        descriptors = frame.restored if frame.restored is not None else (frame.opened[0] if frame.opened else None)
        if descriptors is not None:
            self.task = self.task.replace(descriptors=descriptors)
        return frame

    def abandon(self, status: int) -> None:
        """A mistake that ends a shell; an interactive one only gives up the command."""
        if not self.interactive:
            self.finish(status)
            return
        while len(self.shell.frames) > 1:
            self.pop()
        self.shell = self.shell.replace(status=status, results=())
        self.commit()

    def finish(self, status: int) -> None:
        """End the shell, after its trap for EXIT."""
        action = self.shell.traps.get("EXIT", "")
        self.commit()
        if not action:
            self.kernel.end(self.task.pid, status)
            return
        traps = {name: each for name, each in self.shell.traps.items() if name != "EXIT"}
        last = Frame(kind="exit", text=action, status=status)
        self.shell = self.shell.replace(frames=(last,), traps=FrozenDict(traps), status=status, results=())
        self.commit()

    def _read_command(self) -> None:
        """Take the next command from standard input."""
        number = self.kernel.channel(self.task, 0)
        data, more = self.kernel.peek(number) if number is not None else (b"", False)
        text = decode(data)
        try:
            length = parse_line(text) if "\n" in text or not more else 0
        except ShellSyntaxError as error:
            length = 0 if error.incomplete and more else self._rest_of_mistake(text, error)
        if length == 0 and more:
            self.kernel.put(self.task.replace(wait=Wait(kind="input", channel=number or 0, seen=len(data))))
            return
        if length == 0:
            self.leave()
            return
        assert number is not None, "something was read"
        self.kernel.consume(number, len(encode(text[:length])))
        if self.kernel.process.tty:
            self._echo(text[:length])
        self.push(Frame(kind="line", text=text[:length]))
        self.commit()

    @staticmethod
    def _rest_of_mistake(text: str, error: ShellSyntaxError) -> int:
        """How much of the input a mistake spoils: its line, or all if it lacks an end."""
        return len(text) if error.incomplete or "\n" not in text else text.index("\n") + 1

    def _echo(self, typed: str) -> None:
        """Show what was typed, as a terminal does, behind the prompts."""
        prompt = f"{self.task.cwd} # "
        for line in typed.splitlines():
            self.kernel.write(self.task, 1, encode(f"{prompt}{line}\n"))
            prompt = "> "

    # -- words --------------------------------------------------------------------------------------------------------
    def expander(self) -> Expander:
        """Something that expands words in this shell."""
        return Expander(self.shell, Context(self.kernel.files_of(self.task), self.kernel.process.hostname))

    def expanded(self, read: Callable[[Expander], Any]) -> Any:
        """What `read` makes of the words of the instruction; None if a substitution has to be run first."""
        expander = self.expander()
        try:
            result = read(expander)
        except OutputNeeded as needed:
            self._substitute(needed.number)
            return None
        self.shell = expander.shell.replace(results=())
        return result, expander

    def _substitute(self, number: int) -> None:
        """Run a substitution; then the instruction is begun again."""
        reading, writing = self.kernel.pipe()
        descriptors = tuple(sorted({**dict(self.task.descriptors), 1: writing}.items()))
        self.change_frame(at=self.frame.at - 1)
        pid = self.fork(number + 1, descriptors, tested=True)
        wait = Wait(kind="children", children=(pid,), then="output", channel=reading)
        self.task = self.task.replace(wait=wait)
        self.commit()

    # -- processes ----------------------------------------------------------------------------------------------------
    def fork(
        self, block: int, descriptors: tuple[tuple[int, int], ...], *, tested: bool, background: bool = False
    ) -> int:
        """Start a subshell that runs a block; its number."""
        self._room()
        frame = Frame(
            kind="command",
            text=self.frame.text,
            block=block,
            tested=tested or any(each.tested for each in self.shell.frames),
        )
        ignored = FrozenDict({name: action for name, action in self.shell.traps.items() if action == ""})
        shell = self.shell.replace(frames=(frame,), traps=ignored, pending=(), results=())
        child = Task(
            pid=0, parent=0, cwd=self.task.cwd, descriptors=descriptors, shell=shell,
            background=background or self.task.background,
        )  # fmt: skip
        return self.kernel.spawn(self.task, child)

    def _room(self) -> None:
        if self.kernel.full:
            raise ShellFault("can't fork: Resource temporarily unavailable")

    def wait_for(self, children: tuple[int, ...], then: str = "status") -> None:
        """Go on when children have ended."""
        self.task = self.task.replace(wait=Wait(kind="children", children=children, then=then))
        self.commit()

    def pipe(self, instruction: Pipe) -> None:
        """Run a pipeline."""
        children, before = [], None
        for block in instruction.blocks:
            descriptors = dict(self.task.descriptors)
            if before is not None:
                descriptors[0] = before
            if block != instruction.blocks[-1]:
                before, descriptors[1] = self.kernel.pipe()
            children.append(self.fork(block, tuple(sorted(descriptors.items())), tested=instruction.tested))
        self.wait_for(tuple(children))

    def subshell(self, instruction: Fork) -> None:
        """Run a subshell."""
        self.wait_for((self.fork(instruction.block, self.task.descriptors, tested=instruction.tested),))

    def background(self, instruction: Background) -> None:
        """Run a subshell without waiting for it; it has no input."""
        null = self.kernel.add_channel(Channel(number=0, kind="null"))
        descriptors = tuple(sorted({**dict(self.task.descriptors), 0: null}.items()))
        pid = self.fork(instruction.block, descriptors, tested=False, background=True)
        self.shell = self.shell.replace(background=pid, status=0)
        self.commit()

    # -- simple commands ----------------------------------------------------------------------------------------------
    def simple(self, instruction: Run) -> None:
        """Run a simple command."""
        command = instruction.command
        self.line = command.line - 1 if self.frame.kind == "command" else command.line
        if not command.words:
            self._assign(command)
            return
        found = self.expanded(lambda expander: self._read(expander, command))
        if found is None:
            return
        (words, targets, before), expander = found
        if "x" in self.shell.options:
            self._trace(command, words)
        if not words:
            self.redirected(targets)
            self.set_status(expander.status or 0)
            self.commit()
            return
        self.tested = instruction.tested
        self._dispatch(words, targets, [name for name, _ in command.assignments], before)

    def _read(self, expander: Expander, command: Simple) -> tuple[list[str], list[tuple[Redirect, str]], ShellState]:
        """The words, the targets of redirections, and the shell before the assignments, which are then done."""
        if literal(command.words[0]) in builtins.DECLARING:
            words = [text for word in command.words for text in _declared(expander, word)]
        else:
            words = expander.words(command.words)
        targets = self.targets(expander, command.redirects)
        before = expander.shell.replace(results=())
        for name, word in command.assignments:
            expander.assign(name, expander.text(word))
        return words, targets, before

    def targets(self, expander: Expander, redirects: tuple[Redirect, ...]) -> list[tuple[Redirect, str]]:
        """Redirections with the text of what they lead to."""
        documents = compiled(self.frame.text).documents
        return [
            (each, expander.text(documents[each.target] if isinstance(each.target, int) else each.target))
            for each in redirects
        ]

    def _assign(self, command: Simple) -> None:
        """``A=1 B=2 >file``, without a command."""

        def read(expander: Expander) -> list[tuple[Redirect, str]]:
            for name, word in command.assignments:
                expander.assign(name, expander.text(word))
            return self.targets(expander, command.redirects)

        found = self.expanded(read)
        if found is None:
            return
        targets, expander = found
        if "x" in self.shell.options:
            self._trace(command, [])
        self.set_status(expander.status or 0)
        if self.redirected(targets) is None:
            self.set_status(1)
        self.commit()

    def _trace(self, command: Simple, words: list[str]) -> None:
        assigned = [f"{name}={_shown(self.shell.variables.get(name, ''))}" for name, _ in command.assignments]
        self.say(" ".join(["+", *assigned, *map(_shown, words)]))

    def redirected(self, targets: list[tuple[Redirect, str]]) -> tuple[tuple[int, int], ...] | None:
        """The descriptors with redirections done; None if one failed, which has been said."""
        descriptors = Descriptors(self.kernel, self.task)
        try:
            for redirect, target in targets:
                descriptors.open(redirect, target)
        except RedirectFault as fault:
            self.complain(str(fault))
            return None
        return descriptors.result

    def _dispatch(
        self, words: list[str], targets: list[tuple[Redirect, str]], assigned: list[str], before: ShellState
    ) -> None:
        """Run a builtin, a function or a program."""
        name = words[0]
        descriptors = self.redirected(targets)
        special = name in builtins.SPECIAL
        if descriptors is None:
            self.set_status(1)
            self.abandon(1) if special else self.commit()
            return
        old = {each: before.variables.get(each) for each in assigned}
        if not special and name in self.shell.functions:
            self._call(words, descriptors, old)
        elif name in builtins.BUILTINS:
            self._builtin(words, descriptors, {} if special else old)
        else:
            self.program(words, descriptors, before, assigned)

    def _call(self, words: list[str], descriptors: tuple[tuple[int, int], ...], old: dict[str, str | None]) -> None:
        """Call a function."""
        text, block = self.shell.functions[words[0]]
        frame = Frame(
            kind="function",
            text=text,
            block=block,
            parameters=self.shell.parameters,
            restored=self.task.descriptors,
            locals=FrozenDict(old),
            tested=self.tested,
        )
        self.push(frame)
        self.shell = self.shell.replace(parameters=tuple(words[1:]))
        self.task = self.task.replace(descriptors=descriptors)
        self.commit()

    def _builtin(self, words: list[str], descriptors: tuple[tuple[int, int], ...], old: dict[str, str | None]) -> None:
        """Run a builtin, with descriptors and variables of its own."""
        self.outer, pid = self.task.descriptors, self.task.pid
        self.task = self.task.replace(descriptors=descriptors)
        status = builtins.BUILTINS[words[0]](self, words)
        if status is None:  # it has done all that is to be done
            return
        task = self.kernel.tasks.get(pid)
        if task is None or task.status is not None:  # it wrote into a pipe that nobody reads
            return
        self.task = self.task.replace(descriptors=self.outer)
        self.shell = self.shell.replace(variables=_restored(self.shell.variables, old), status=status)
        self.commit()
        self.kernel.send(self.sent)

    def find(self, name: str) -> Program | None:
        """The program that a name means here. Raises `FileError` if it cannot be run."""
        probe = self.kernel.plain(self.task.replace(argv=(name,), env=self.shell.variables))
        return probe.find(name, probe)

    def environment(self) -> FrozenDict[str, str]:
        """What a program gets: the exported variables."""
        variables = self.shell.variables
        return FrozenDict({name: variables[name] for name in self.shell.exported if name in variables})

    def program(
        self, words: list[str], descriptors: tuple[tuple[int, int], ...], before: ShellState, assigned: list[str]
    ) -> None:
        """Start a program, and wait for it; at the very end of a script, become it."""
        name = words[0]
        try:
            found = self.find(name)
        except FileError as error:
            self.shell = before
            self.fail_to_run(descriptors, f"{name}: {error.strerror}", 126)
            return
        if found is None:
            self.shell = before
            self.fail_to_run(descriptors, f"{name}: not found", 127)
            return
        exported = tuple(sorted({*self.shell.exported, *assigned}))
        self.shell = self.shell.replace(exported=exported)
        env = self.environment()
        self.shell = before
        if self._last():
            self.become(tuple(words), env, descriptors)
            return
        self._room()
        child = Task(
            pid=0, parent=0, cwd=self.task.cwd, descriptors=descriptors, argv=tuple(words), env=env,
            background=self.task.background,
        )  # fmt: skip
        self.wait_for((self.kernel.spawn(self.task, child),))

    def fail_to_run(self, descriptors: tuple[tuple[int, int], ...], text: str, status: int) -> None:
        """A command cannot be run."""
        kept = self.task
        self.task = self.task.replace(descriptors=descriptors)
        self.complain(text)
        self.task = kept
        self.set_status(status)
        self.commit()

    def _last(self) -> bool:
        """Whether nothing is left to do for this shell, so that the program can take its place."""
        frame = self.frame
        return (
            len(self.shell.frames) == 1
            and frame.kind == "command"
            and not (frame.opened or frame.loops or self.shell.pending)
            and not any(self.shell.traps.values())
            and compiled(frame.text).tail(frame.block, frame.at)
        )

    def become(
        self, argv: tuple[str, ...], env: FrozenDict[str, str], descriptors: tuple[tuple[int, int], ...]
    ) -> None:
        """Replace the shell by a program, as `exec` does."""
        self.kernel.put(self.task.replace(shell=None, argv=argv, env=env, descriptors=descriptors, started=False))


_ACTIONS: dict[type, Callable[[Step, Any], None]] = {
    Run: Step.simple, Fork: Step.subshell, Pipe: Step.pipe, Background: Step.background, **compound.ACTIONS,
}  # fmt: skip


def _restored(variables: Mapping[str, str], old: Mapping[str, str | None]) -> FrozenDict[str, str]:
    """The variables with some of them as they were; None: not set."""
    kept = {name: value for name, value in variables.items() if name not in old}
    return FrozenDict({**kept, **{name: value for name, value in old.items() if value is not None}})


def _declared(expander: Expander, word: Word) -> list[str]:
    """A word of `export` and the like: an assignment is not split."""
    first = word[0] if word else None
    if isinstance(first, Text) and not first.quoted and _ASSIGNED.match(first.text):
        return [expander.text(word)]
    return expander.words([word])


def _shown(text: str) -> str:
    """A word as ``set -x`` shows it, in quotes where a shell would need them."""
    return text if text == "]" or _PLAIN.fullmatch(text) else "'" + text.replace("'", "'\"'\"'") + "'"


def step(kernel: Kernel, task: Task) -> None:
    """Run one instruction of a shell."""
    Step(kernel, task).run()
