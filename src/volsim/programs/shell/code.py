"""Scripts as instructions, so that a place in a script is a number that can be remembered.

A block is a list of instructions. Block 0 is the script itself; the next ones are what stands in its ``$(…)``, in the
order of their numbers; then come functions, subshells and the parts of pipelines. A text compiles to the same blocks
whenever it is compiled: a paused shell remembers the text, a block and a position in it.

>>> " ".join(type(each).__name__ for each in compiled("while true; do sleep 5; done").blocks[0])
'EnterLoop Run JumpIf Run Check Again LeaveLoop'
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

from volsim.programs.shell.parser import parse
from volsim.programs.shell.syntax import (
    AndOr,
    Case,
    Command,
    Define,
    For,
    Group,
    If,
    Item,
    Loop,
    Pipeline,
    Redirect,
    Sequence,
    Simple,
    Subshell,
    Word,
)

__all__ = [
    "Again", "Background", "Check", "Choose", "Close", "Code", "DefineFunction", "EnterFor", "EnterLoop", "Fail",
    "Fork", "Instruction", "Jump", "JumpIf", "LeaveLoop", "Negate", "NextItem", "Open", "Pipe", "Run", "SetStatus",
    "compiled",
]  # fmt: skip


class Run(NamedTuple):
    """Run a simple command; `tested` if somebody looks at its status, so that ``set -e`` does not."""

    command: Simple
    tested: bool


class Check(NamedTuple):
    """``set -e``: exit if the last status is not 0."""


class Jump(NamedTuple):
    """Go on at another instruction."""

    to: int


class JumpIf(NamedTuple):
    """Go on elsewhere if the last command has succeeded (or, with `success` False, if it has failed)."""

    success: bool
    to: int


class Negate(NamedTuple):
    """``!``."""


class SetStatus(NamedTuple):
    """The status of a construct that ran no command."""

    status: int


class EnterLoop(NamedTuple):
    """A ``while`` begins: where ``continue`` and ``break`` lead."""

    start: int
    end: int


class EnterFor(NamedTuple):
    """A ``for`` begins: its words, and where ``continue`` and ``break`` lead."""

    words: tuple[Word, ...] | None
    start: int
    end: int


class NextItem(NamedTuple):
    """Give the variable of a ``for`` its next value, or go on at the end."""

    name: str
    end: int


class Again(NamedTuple):
    """The body of a loop has been run once: go back to its start."""

    to: int


class LeaveLoop(NamedTuple):
    """The innermost loop is over; its status is that of its body."""


class Choose(NamedTuple):
    """``case``: go on at the first arm with a pattern that fits."""

    word: Word
    arms: tuple[tuple[tuple[Word, ...], int], ...]
    end: int


class Open(NamedTuple):
    """The redirections of a compound command; if one fails, go on at its end."""

    redirects: tuple[Redirect, ...]
    end: int


class Close(NamedTuple):
    """The descriptors are again what they were before the last `Open`."""


class Fork(NamedTuple):
    """Run a block in a subshell and wait for it."""

    block: int
    tested: bool


class Pipe(NamedTuple):
    """Run blocks in subshells, the output of each being the input of the next."""

    blocks: tuple[int, ...]
    tested: bool


class Background(NamedTuple):
    """Run a block in a subshell and go on."""

    block: int


class DefineFunction(NamedTuple):
    """A function's name now means a block."""

    name: str
    block: int


class Fail(NamedTuple):
    """The rest of the script is none."""

    message: str


Instruction: TypeAlias = (
    "Run | Check | Jump | JumpIf | Negate | SetStatus | EnterLoop | EnterFor | NextItem | Again | LeaveLoop | Choose"
    " | Open | Close | Fork | Pipe | Background | DefineFunction | Fail"
)


class Code(NamedTuple):
    """A compiled script."""

    blocks: tuple[tuple[Instruction, ...], ...]
    documents: tuple[Word, ...]

    def tail(self, block: int, at: int) -> bool:
        """Whether nothing that matters follows in the block."""
        return all(isinstance(each, Check) for each in self.blocks[block][at:])


class _Compiler:
    """Makes the blocks of one script."""

    def __init__(self) -> None:
        self.blocks: list[tuple[Instruction, ...]] = [()]
        self._out: list[Instruction] = []

    def block(self, number: int, body: Sequence, *, tested: bool = False) -> int:
        """Compile commands into the block `number`."""
        outer, self._out = self._out, []
        self._sequence(body, tested)
        self.blocks[number] = tuple(self._out)
        self._out = outer
        return number

    def _new_block(self, command: Command, *, tested: bool) -> int:
        self.blocks.append(())
        alone = (Item(AndOr(Pipeline((command,), negated=False), ()), background=False),)
        body = command.body if isinstance(command, Subshell) and not command.redirects else alone
        return self.block(len(self.blocks) - 1, body, tested=tested)

    def _hold(self) -> int:
        """A place for a jump whose target is not known yet."""
        self._out.append(Check())
        return len(self._out) - 1

    @property
    def _here(self) -> int:
        return len(self._out)

    # -- lists --------------------------------------------------------------------------------------------------------
    def _sequence(self, body: Sequence, tested: bool) -> None:
        for item in body:
            if item.background:
                self.blocks.append(())
                inner = (item._replace(background=False),)
                self._out.append(Background(self.block(len(self.blocks) - 1, inner)))
            else:
                self._and_or(item.list, tested)

    def _and_or(self, list_: AndOr, tested: bool) -> None:
        last = len(list_.rest)
        self._pipeline(list_.first, tested or last > 0)
        for number, (operator, pipeline) in enumerate(list_.rest, 1):
            over = self._hold()
            self._pipeline(pipeline, tested or number < last)
            self._out[over] = JumpIf(operator == "||", self._here)

    def _pipeline(self, pipeline: Pipeline, tested: bool) -> None:
        tested = tested or pipeline.negated
        if len(pipeline.commands) == 1:
            self._command(pipeline.commands[0], tested)
        else:
            blocks = tuple(self._new_block(command, tested=tested) for command in pipeline.commands)
            self._out.append(Pipe(blocks, tested))
            self._checked(tested)
        if pipeline.negated:
            self._out.append(Negate())

    def _checked(self, tested: bool) -> None:
        if not tested:
            self._out.append(Check())

    # -- commands -----------------------------------------------------------------------------------------------------
    def _command(self, command: Command, tested: bool) -> None:
        if isinstance(command, Simple):
            self._out.append(Run(command, tested))
            self._checked(tested)
        elif isinstance(command, Define):
            self.blocks.append(())
            alone = (Item(AndOr(Pipeline((command.body,), negated=False), ()), background=False),)
            block = self.block(len(self.blocks) - 1, alone)
            self._out.append(DefineFunction(command.name, block))
        elif command.redirects:
            opening = self._hold()
            self._compound(command, tested)
            self._out.append(Close())
            self._out[opening] = Open(command.redirects, self._here)
            self._checked(tested)
        else:
            self._compound(command, tested)

    def _compound(self, command: Group | Subshell | If | Loop | For | Case, tested: bool) -> None:
        match command:
            case Group():
                self._sequence(command.body, tested)
            case Subshell():
                self._out.append(Fork(self._new_block(command._replace(redirects=()), tested=tested), tested))
                self._checked(tested)
            case If():
                self._if(command, tested)
            case Loop():
                self._loop(command, tested)
            case For():
                self._for(command, tested)
            case Case():
                self._case(command, tested)

    def _if(self, command: If, tested: bool) -> None:
        ends = []
        for condition, body in command.branches:
            self._sequence(condition, True)
            over = self._hold()
            self._sequence(body, tested)
            ends.append(self._hold())
            self._out[over] = JumpIf(False, self._here)
        if command.otherwise:
            self._sequence(command.otherwise, tested)
        else:
            self._out.append(SetStatus(0))
        for end in ends:
            self._out[end] = Jump(self._here)

    def _loop(self, command: Loop, tested: bool) -> None:
        enter = self._hold()
        start = self._here
        self._sequence(command.condition, True)
        leave = self._hold()
        self._sequence(command.body, tested)
        self._out.append(Again(start))
        self._out[leave] = JumpIf(command.until, self._here)
        self._out[enter] = EnterLoop(start, self._here)
        self._out.append(LeaveLoop())

    def _for(self, command: For, tested: bool) -> None:
        enter = self._hold()
        start = self._hold()
        self._sequence(command.body, tested)
        self._out.append(Again(start))
        self._out[start] = NextItem(command.name, self._here)
        self._out[enter] = EnterFor(command.words, start, self._here)
        self._out.append(LeaveLoop())

    def _case(self, command: Case, tested: bool) -> None:
        choice = self._hold()
        arms, ends = [], []
        for patterns, body in command.arms:
            arms.append((patterns, self._here))
            if not body:
                self._out.append(SetStatus(0))
            self._sequence(body, tested)
            ends.append(self._hold())
        self._out[choice] = Choose(command.word, tuple(arms), self._here)
        for end in ends:
            self._out[end] = Jump(self._here)


@lru_cache(maxsize=512)
def compiled(text: str) -> Code:
    """The instructions of a script. What follows a syntax error is a `Fail`."""
    script = parse(text)
    compiler = _Compiler()
    compiler.blocks += [()] * len(script.substitutions)
    for number, body in enumerate(script.substitutions, 1):
        compiler.block(number, body)
    compiler.block(0, tuple(item for line in script.lines for item in line))
    if script.error is not None:
        compiler.blocks[0] += (Fail(str(script.error)),)
    return Code(tuple(compiler.blocks), script.documents)
