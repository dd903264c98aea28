"""Compound commands: what the instructions of loops, conditions, functions and their redirections do in a shell.

Source: POSIX.1-2017, XCU 2.9.4 (compound commands), 2.9.5 (functions); busybox, shell/ash.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from volsim.objects._record import FrozenDict
from volsim.programs.patterns import matcher
from volsim.programs.shell.code import (
    Again,
    Check,
    Choose,
    Close,
    DefineFunction,
    EnterFor,
    EnterLoop,
    Fail,
    Jump,
    JumpIf,
    LeaveLoop,
    Negate,
    NextItem,
    Open,
    SetStatus,
)
from volsim.programs.shell.expand import Expander, ShellFault
from volsim.programs.shell.state import LoopState

if TYPE_CHECKING:
    from volsim.programs.shell.interpret import Step

__all__ = ["ACTIONS", "jump_out"]


def check(step: Step, instruction: Check) -> None:
    """``set -e``."""
    if step.shell.status and "e" in step.shell.options and not any(each.tested for each in step.shell.frames):
        step.finish(step.shell.status)
    else:
        step.commit()


def jump(step: Step, instruction: Jump) -> None:
    """Go on elsewhere."""
    step.change_frame(at=instruction.to)
    step.commit()


def jump_if(step: Step, instruction: JumpIf) -> None:
    """Go on elsewhere, depending on the last status."""
    if (step.shell.status == 0) == instruction.success:
        step.change_frame(at=instruction.to)
    step.commit()


def negate(step: Step, instruction: Negate) -> None:
    """``!``."""
    step.set_status(int(step.shell.status == 0))
    step.commit()


def status(step: Step, instruction: SetStatus) -> None:
    """A status that no command gave."""
    step.set_status(instruction.status)
    step.commit()


def enter_loop(step: Step, instruction: EnterLoop) -> None:
    """Begin a loop."""
    loop = LoopState(start=instruction.start, end=instruction.end, opened=len(step.frame.opened))
    step.change_frame(loops=(*step.frame.loops, loop))
    step.commit()


def enter_for(step: Step, instruction: EnterFor) -> None:
    """Begin a loop over words."""
    words = instruction.words
    found = step.expanded(lambda expander: step.shell.parameters if words is None else tuple(expander.words(words)))
    if found is None:
        return
    loop = LoopState(start=instruction.start, end=instruction.end, items=found[0], opened=len(step.frame.opened))
    step.change_frame(loops=(*step.frame.loops, loop))
    step.commit()


def next_item(step: Step, instruction: NextItem) -> None:
    """Take the next word of a loop."""
    *outer, loop = step.frame.loops
    if loop.done == len(loop.items):
        step.change_frame(at=instruction.end)
    else:
        step.assign(instruction.name, loop.items[loop.done])
        step.change_frame(loops=(*outer, loop.replace(done=loop.done + 1)))
    step.commit()


def again(step: Step, instruction: Again) -> None:
    """Go back to the start of a loop, whose status is that of its body."""
    *outer, loop = step.frame.loops
    step.change_frame(loops=(*outer, loop.replace(status=step.shell.status)), at=instruction.to)
    step.commit()


def leave_loop(step: Step, instruction: LeaveLoop) -> None:
    """A loop is over."""
    *outer, loop = step.frame.loops
    step.change_frame(loops=tuple(outer))
    step.set_status(loop.status)
    step.commit()


def jump_out(step: Step, levels: int, *, again: bool) -> None:
    """``break`` and ``continue``: go to the end or the start of a loop, `levels` from the innermost."""
    loops = step.frame.loops
    if not loops:
        return
    at = max(len(loops) - levels, 0)
    loop = loops[at].replace(status=0)
    opened = step.frame.opened
    if len(opened) > loop.opened:
        step.outer = opened[loop.opened]
    step.change_frame(loops=(*loops[:at], loop), opened=opened[: loop.opened], at=loop.start if again else loop.end)


def choose(step: Step, instruction: Choose) -> None:
    """``case``."""

    def read(expander: Expander) -> int:
        subject = expander.text(instruction.word)
        for patterns, at in instruction.arms:
            if any(matcher(expander.pieces(pattern))(subject) for pattern in patterns):
                return at
        return -1

    found = step.expanded(read)
    if found is None:
        return
    at = found[0]
    step.change_frame(at=instruction.end if at < 0 else at)
    if at < 0:
        step.set_status(0)
    step.commit()


def open_redirects(step: Step, instruction: Open) -> None:
    """Do the redirections of a compound command."""
    found = step.expanded(lambda expander: step.targets(expander, instruction.redirects))
    if found is None:
        return
    descriptors = step.redirected(found[0])
    if descriptors is None:
        step.set_status(1)
        step.change_frame(at=instruction.end)
    else:
        step.change_frame(opened=(*step.frame.opened, step.task.descriptors))
        step.task = step.task.replace(descriptors=descriptors)
    step.commit()


def close_redirects(step: Step, instruction: Close) -> None:
    """The redirections of a compound command are over."""
    *outer, descriptors = step.frame.opened
    step.change_frame(opened=tuple(outer))
    step.task = step.task.replace(descriptors=descriptors)
    step.commit()


def define(step: Step, instruction: DefineFunction) -> None:
    """Define a function."""
    functions = {**step.shell.functions, instruction.name: (step.frame.text, instruction.block)}
    step.shell = step.shell.replace(functions=FrozenDict(functions), status=0)
    step.commit()


def fail(step: Step, instruction: Fail) -> None:
    """What follows in the script is none."""
    where = f"eval: line {step.line}: " if step.frame.kind == "eval" else ""
    raise ShellFault(where + instruction.message)


ACTIONS: dict[type, Callable[[Step, Any], None]] = {
    Check: check, Jump: jump, JumpIf: jump_if, Negate: negate, SetStatus: status, EnterLoop: enter_loop,
    EnterFor: enter_for, NextItem: next_item, Again: again, LeaveLoop: leave_loop, Choose: choose,
    Open: open_redirects, Close: close_redirects, DefineFunction: define, Fail: fail,
}  # fmt: skip
"""What each instruction does."""
