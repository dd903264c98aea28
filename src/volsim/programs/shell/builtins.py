"""Commands that a shell runs itself, because they change the shell or are needed often.

Each gets the shell at the present instruction and its words, and returns a status; or None if it has said itself how
the shell goes on.

Modelled: POSIX' special builtins, `cd`, `command`, `getopts`, `kill`, `local`, `read`, `source`, `type`, `wait`, and
`echo`, `printf`, `pwd`, `test`, `true` and `false` as the programs of these names do them.
Not modelled: aliases, job control (`fg`, `bg`, `jobs`), time limits of `read`, that `umask` and `ulimit` change
anything.
Source: POSIX.1-2017, XCU 2.14 and 4; busybox, shell/ash.c.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable
from posixpath import join, normpath
from typing import TYPE_CHECKING

from volsim.errors import FileError
from volsim.objects._record import FrozenDict
from volsim.programs.process import SIGNALS, decode, encode, signal_name
from volsim.programs.shell.compound import jump_out
from volsim.programs.shell.expand import ShellFault, split_fields
from volsim.programs.shell.getopts import Place, next_option
from volsim.programs.shell.state import Frame, Wait
from volsim.programs.tools.conditions import test
from volsim.programs.tools.printing import echo, printf

if TYPE_CHECKING:
    from volsim.programs.process import Process
    from volsim.programs.shell.interpret import Step

__all__ = ["BUILTINS", "DECLARING", "SPECIAL"]

Builtin = Callable[["Step", list[str]], "int | None"]

DECLARING = frozenset({"export", "local", "readonly"})
"""Their arguments are assignments, which are not split into fields."""
SPECIAL = frozenset(
    {".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "source",
     "times", "trap", "unset"}
)  # fmt: skip
"""A mistake in one of them ends the shell, and assignments before them stay."""

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_OPTIONS = {
    "allexport": "a", "errexit": "e", "ignoreeof": "I", "interactive": "i", "monitor": "m", "noclobber": "C",
    "noexec": "n", "noglob": "f", "notify": "b", "nounset": "u", "verbose": "v", "xtrace": "x",
}  # fmt: skip
_LETTERS = frozenset(_OPTIONS.values())


def _complain(step: Step, words: list[str], text: str, status: int = 1) -> int:
    """Say what is wrong with a builtin, as the shell says it: with the line that it stands on."""
    step.complain(f"{words[0]}: line {step.line}: {text}")
    return status


def _print(step: Step, words: list[str], text: str) -> int:
    """Write to standard output; the status."""
    error = step.kernel.write(step.task, 1, encode(text))
    return _complain(step, words, f"write error: {error}") if error else 0


def _number(step: Step, words: list[str], otherwise: int) -> int:
    """The number that is a builtin's only argument. Raises `ShellFault` for what is none."""
    if len(words) < 2:
        return otherwise
    if not words[1].isascii() or not words[1].isdigit():
        raise ShellFault(f"{words[0]}: line {step.line}: Illegal number: {words[1]}")
    return int(words[1])


# -- programs that are builtins as well --------------------------------------------------------------------------------
def _inside(tool: Callable[[Process], int]) -> Builtin:
    """A builtin that does what a program does which needs no input and never pauses."""

    def run(step: Step, words: list[str]) -> int:
        process = step.kernel.plain(step.task.replace(argv=tuple(words), env=step.shell.variables))
        process.name = "sh"  # so a builtin calls itself
        status = tool(process)
        failed = step.kernel.pass_on(step.task, process.output, process.name)
        return status or failed

    return run


def _pwd(step: Step, words: list[str]) -> int:
    return _print(step, words, step.task.cwd + "\n")


# -- how the script goes on --------------------------------------------------------------------------------------------
def _exit(step: Step, words: list[str]) -> None:
    frames = step.shell.frames
    old = next((frame.status for frame in frames if frame.kind in ("trap", "exit")), step.shell.status)
    step.finish(_number(step, words, old))


def _return(step: Step, words: list[str]) -> int | None:
    status = _number(step, words, step.shell.status)
    kinds = [frame.kind for frame in step.shell.frames]
    if not {"function", "source"} & set(kinds):
        step.finish(status)
        return None
    step.task = step.task.replace(descriptors=step.outer)
    while step.pop().kind not in ("function", "source"):
        pass
    step.outer = step.task.descriptors
    return status & 255


def _break(step: Step, words: list[str]) -> int:
    levels = _number(step, words, 1)
    if levels == 0:
        raise ShellFault(f"{words[0]}: line {step.line}: Illegal number: 0")
    jump_out(step, levels, again=words[0] == "continue")
    return 0


def _eval(step: Step, words: list[str]) -> int | None:
    text = " ".join(words[1:])
    if not text.strip():
        return 0
    step.push(Frame(kind="eval", text=text, restored=step.outer, tested=step.tested))
    step.shell = step.shell.replace(status=0)
    step.commit()
    return None


def _source(step: Step, words: list[str]) -> int | None:
    if len(words) < 2:
        return _complain(step, words, "filename argument required", 2)
    name = words[1]
    files = step.kernel.files_of(step.task)
    try:
        places = [name] if "/" in name else [join(each or ".", name) for each in _path(step)]
        found = next((each for each in places if files.kind(each) == "file"), name)
        text = decode(files.read(found))
    except FileError as error:
        raise ShellFault(f"{words[0]}: line {step.line}: can't open '{name}': {error.strerror}") from None
    frame = Frame(kind="source", text=text, restored=step.outer, tested=step.tested)
    if len(words) > 2:
        frame = frame.replace(parameters=step.shell.parameters)
        step.shell = step.shell.replace(parameters=tuple(words[2:]))
    step.push(frame)
    step.shell = step.shell.replace(status=0)
    step.commit()
    return None


def _path(step: Step) -> list[str]:
    return step.shell.variables.get("PATH", "").split(":")


def _exec(step: Step, words: list[str]) -> int | None:
    if len(words) < 2:  # the redirections stay
        step.outer = step.task.descriptors
        return 0
    name = words[1]
    try:
        found, why, status = step.find(name), "not found", 127
    except FileError as error:
        found, why, status = None, error.strerror or "", 126
    if found is None:
        step.complain(f"exec: line {step.line}: {name}: {why}")
        step.abandon(status)
        return None
    step.become(tuple(words[1:]), step.environment(), step.task.descriptors)
    return None


def _command(step: Step, words: list[str]) -> int | None:
    rest, verbose = words[1:], ""
    while rest and rest[0] in ("-v", "-V", "-p", "--"):
        option, *rest = rest
        if option == "--":
            break
        verbose = option[1] if option != "-p" else verbose
    if verbose:
        lines = [_meaning(step, name, long=verbose == "V") for name in rest[:1]]
        return _print(step, words, "".join(lines)) if all(lines) else 127
    if not rest:
        return 0
    if rest[0] in BUILTINS:
        return BUILTINS[rest[0]](step, rest)
    descriptors = step.task.descriptors
    step.task = step.task.replace(descriptors=step.outer)
    step.program(rest, descriptors, step.shell, [])
    return None


def _type(step: Step, words: list[str]) -> int:
    status = 0
    for name in words[1:]:
        meaning = _meaning(step, name, long=True)
        status = status if meaning else 127
        _print(step, words, meaning or f"{name}: not found\n")
    return status


def _meaning(step: Step, name: str, *, long: bool) -> str:
    """What a name would run, as `type` or ``command -v`` says it; an empty text if nothing."""
    if name in step.shell.functions:
        return f"{name} is a function\n" if long else f"{name}\n"
    if name in BUILTINS:
        special = "special " if name in SPECIAL else ""
        return f"{name} is a {special}shell builtin\n" if long else f"{name}\n"
    try:
        found = step.find(name)
    except FileError:
        return ""
    if found is None:
        return ""
    path = name if "/" in name else f"/bin/{name}"
    return f"{name} is {path}\n" if long else f"{path}\n"


# -- variables ---------------------------------------------------------------------------------------------------------
def _declared(step: Step, words: list[str]) -> Iterable[str]:
    """Do the assignments among the arguments; the names."""
    for word in words:
        name, sign, value = word.partition("=")
        if not _NAME.fullmatch(name):
            raise ShellFault(f"{word}: bad variable name")
        if sign:
            step.assign(name, value)
        yield name


def _export(step: Step, words: list[str]) -> int:
    rest = words[1:]
    if not rest or rest == ["-p"]:
        values = step.shell.variables
        lines = [f"export {name}='{values[name]}'\n" for name in step.shell.exported if name in values]
        return _print(step, words, "".join(lines))
    if rest[0] == "-n":
        gone = set(_declared(step, rest[1:]))
        step.shell = step.shell.replace(exported=tuple(each for each in step.shell.exported if each not in gone))
        return 0
    names = set(_declared(step, [word for word in rest if word not in ("-p", "--")]))
    step.shell = step.shell.replace(exported=tuple(sorted({*step.shell.exported, *names})))
    return 0


def _readonly(step: Step, words: list[str]) -> int:
    rest = [word for word in words[1:] if word not in ("-p", "--")]
    if not rest:
        values = step.shell.variables
        return _print(
            step, words, "".join(f"readonly {name}='{values.get(name, '')}'\n" for name in step.shell.readonly)
        )
    names = set(_declared(step, rest))
    step.shell = step.shell.replace(readonly=tuple(sorted({*step.shell.readonly, *names})))
    return 0


def _local(step: Step, words: list[str]) -> int:
    frames = step.shell.frames
    at = next((number for number in range(len(frames) - 1, -1, -1) if frames[number].kind == "function"), None)
    if at is None:
        raise ShellFault(f"local: line {step.line}: not in a function")
    for word in words[1:]:
        name, frame = word.partition("=")[0], step.shell.frames[at]
        if name not in frame.locals:
            hidden = FrozenDict({**frame.locals, name: step.shell.variables.get(name)})
            frames = (*step.shell.frames[:at], frame.replace(locals=hidden), *step.shell.frames[at + 1 :])
            step.shell = step.shell.replace(frames=frames)
        list(_declared(step, [word]))
    return 0


def _unset(step: Step, words: list[str]) -> int:
    rest, functions = words[1:], False
    while rest and rest[0] in ("-v", "-f", "--"):
        functions = rest[0] == "-f"
        rest = rest[1:]
    for name in rest:
        if name in step.shell.readonly and not functions:
            raise ShellFault(f"unset: line {step.line}: {name}: is read only")
    if functions:
        kept = {name: each for name, each in step.shell.functions.items() if name not in rest}
        step.shell = step.shell.replace(functions=FrozenDict(kept))
        return 0
    variables = {name: value for name, value in step.shell.variables.items() if name not in rest}
    exported = tuple(name for name in step.shell.exported if name not in rest)
    step.shell = step.shell.replace(variables=FrozenDict(variables), exported=exported)
    return 0


def _set(step: Step, words: list[str]) -> int:
    if len(words) == 1:
        values = step.shell.variables
        return _print(step, words, "".join(f"{name}='{values[name]}'\n" for name in sorted(values)))
    rest = words[1:]
    while rest and rest[0][:1] in ("-", "+") and len(rest[0]) > 1:
        word, *rest = rest
        if word == "--":
            break
        if word[1:] == "o":
            if rest:
                _set_option(step, word[0] == "-", rest[0])
                rest = rest[1:]
                continue
            return _print(step, words, _option_table(step))
        for sign in word[1:]:
            if sign == "o" and rest:  # ``set -eo pipefail``
                _set_option(step, word[0] == "-", rest[0])
                rest = rest[1:]
            else:
                _set_letter(step, word[0] == "-", sign)
    else:
        if not rest:
            return 0
    step.shell = step.shell.replace(parameters=tuple(rest))
    return 0


def _set_option(step: Step, on: bool, name: str) -> None:
    if name == "pipefail":
        step.shell = step.shell.replace(pipefail=on)
    elif name in _OPTIONS:
        _set_letter(step, on, _OPTIONS[name])
    else:
        raise ShellFault(f"set: line {step.line}: illegal option {'-' if on else '+'}o {name}")


def _set_letter(step: Step, on: bool, letter: str) -> None:
    if letter not in _LETTERS:
        raise ShellFault(f"set: line {step.line}: illegal option {'-' if on else '+'}{letter}")
    letters = set(step.shell.options) | {letter} if on else set(step.shell.options) - {letter}
    step.shell = step.shell.replace(options="".join(sorted(letters)))


def _option_table(step: Step) -> str:
    values = {name: letter in step.shell.options for name, letter in _OPTIONS.items()} | {
        "pipefail": step.shell.pipefail
    }
    lines = [f"{name:<16}{'on' if value else 'off'}\n" for name, value in sorted(values.items())]
    return "Current option settings\n" + "".join(lines)


def _shift(step: Step, words: list[str]) -> int:
    count = _number(step, words, 1)
    if count > len(step.shell.parameters):
        return 1
    step.shell = step.shell.replace(parameters=step.shell.parameters[count:])
    return 0


# -- input -------------------------------------------------------------------------------------------------------------
def _read(step: Step, words: list[str]) -> int | None:
    """Read a line; a descriptor is read byte by byte, so that what follows is left for others."""
    raw, rest = False, words[1:]
    while rest and rest[0].startswith("-"):
        option, *rest = rest
        if option == "--":
            break
        if option == "-p" and rest:
            step.kernel.write(step.task, 2, encode(rest[0]))
            rest = rest[1:]
        elif option == "-r":
            raw = True
        else:
            return _complain(step, words, f"option {option} is not modelled", 2)
    number = step.kernel.channel(step.task, 0)
    if number is None:
        return _complain(step, words, "read error: Bad file descriptor")
    data, more = step.kernel.peek(number)
    length = _line_length(data, raw)
    if length is None and more:
        step.kernel.put(step.begun.replace(wait=Wait(kind="input", channel=number, seen=len(data))))
        return None
    ended = length is None
    step.kernel.consume(number, len(data) if length is None else length)
    text = decode(data if length is None else data[:length]).removesuffix("\n")
    names = rest or ["REPLY"]
    values = split_fields(_marked(text, raw), step.shell.variables.get("IFS", " \t\n"), len(names))
    for name, value in zip(names, [*values, *[""] * len(names)], strict=False):
        list(_declared(step, [f"{name}={value}"]))
    return int(ended)


def _line_length(data: bytes, raw: bool) -> int | None:
    """How many bytes the first line takes, its end included; None if its end is not there."""
    at = 0
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            return None
        backslashes = len(data[:end]) - len(data[:end].rstrip(b"\\"))
        if raw or backslashes % 2 == 0:
            return end + 1
        at = end + 1


def _marked(text: str, raw: bool) -> list[tuple[str, bool]]:
    """The characters of a line, and whether a backslash protects them from being a separator."""
    if raw:
        return [(sign, False) for sign in text]
    found = re.findall(r"\\(.?)|([^\\])", text, re.DOTALL)
    return [(escaped or plain, not plain) for escaped, plain in found if (escaped or plain) and escaped != "\n"]


def _getopts(step: Step, words: list[str]) -> int:
    """Take the next option. ``OPTIND`` tells the next word; where in it the next letter is, the shell remembers."""
    if len(words) < 3:
        return _complain(step, words, "usage: getopts optstring var [arg]", 2)
    letters, name = words[1], words[2]
    found = next_option(letters, words[3:] or list(step.shell.parameters), _option_place(step))
    if isinstance(found, Place):
        _remember_place(step, found)
        step.assign(name, "?")
        return 1
    silent = letters.startswith(":")
    if found.problem and not silent:
        text = "Illegal option -{}" if found.problem == "unknown" else "No arg for -{} option"
        step.say(text.format(found.letter))
    lacks = ":" if found.problem == "argument" and silent else "?"
    step.assign(name, lacks if found.problem else found.letter)
    argument = found.letter if found.problem and silent else found.argument
    if argument is None:
        _unset(step, ["unset", "OPTARG"])
    else:
        step.assign("OPTARG", argument)
    _remember_place(step, found.after)
    return 0


def _option_place(step: Step) -> Place:
    """How far `getopts` has read; a script that sets ``OPTIND`` begins anew."""
    index, _, letter = step.shell.getopts.partition(":")
    given = step.shell.variables.get("OPTIND", "1")
    if given == index:
        return Place(int(index) - 1, int(letter))
    return Place(max(int(given), 1) - 1 if given.isascii() and given.isdigit() else 0)


def _remember_place(step: Step, place: Place) -> None:
    index = str(place.word + 1)
    step.assign("OPTIND", index)
    step.shell = step.shell.replace(getopts=f"{index}:{place.letter}")


# -- places ------------------------------------------------------------------------------------------------------------
def _cd(step: Step, words: list[str]) -> int:
    rest = [word for word in words[1:] if word not in ("-L", "-P", "--")]
    variables = step.shell.variables
    target = rest[0] if rest else variables.get("HOME", "")
    if not target:
        return _complain(step, words, "HOME not set", 2)
    shown = target
    if target == "-":
        target = variables.get("OLDPWD", step.task.cwd)
    files = step.kernel.files_of(step.task)
    path = normpath(join(step.task.cwd, target)).replace("//", "/", 1)
    try:
        if files.stat(path).kind != "directory":
            raise FileError.of("ENOTDIR", path)
    except FileError as error:
        return _complain(step, words, f"can't cd to {shown}: {error.strerror}", 2 if error.errno == errno.EIO else 1)
    old = step.task.cwd
    step.task = step.task.replace(cwd=path)
    step.assign("OLDPWD", old)
    step.assign("PWD", path)
    return _print(step, words, path + "\n") if shown == "-" else 0


def _umask(step: Step, words: list[str]) -> int:
    return _print(step, words, "0022\n") if len(words) == 1 else 0


def _ulimit(step: Step, words: list[str]) -> int:
    asks = all(word.startswith("-") for word in words[1:])
    return _print(step, words, "unlimited\n") if asks else 0


# -- signals and processes ---------------------------------------------------------------------------------------------
def _trap(step: Step, words: list[str]) -> int:
    rest = words[1:]
    if rest[:1] == ["--"]:
        rest = rest[1:]
    traps = dict(step.shell.traps)
    if not rest or rest == ["-l"]:
        lines = [f"trap -- '{traps[name]}' {name}\n" for name in sorted(traps, key=lambda each: SIGNALS.get(each, 0))]
        return _print(step, words, "".join(lines))
    action, *names = rest
    if not names or action == "-":  # one argument alone is a signal that is to be as before
        names, action = (names or [action]), "-"
    status = 0
    for given in names:
        name = "EXIT" if given in ("0", "EXIT") else signal_name(given)
        if name is None:
            status = _complain(step, words, f"{given}: invalid signal specification")
        elif action == "-":
            traps.pop(name, None)
        else:
            traps[name] = action
    step.shell = step.shell.replace(traps=FrozenDict(traps))
    return status


def _kill(step: Step, words: list[str]) -> int:
    rest, name = words[1:], "TERM"
    if rest[:1] == ["-l"]:
        return _print(step, words, "".join(f"{number:2}) {each}\n" for each, number in SIGNALS.items()))
    if rest[:1] == ["-s"] and len(rest) > 1:
        rest = [f"-{rest[1]}", *rest[2:]]
    asks_only = rest[:1] == ["-0"]  # whether there is such a process
    if rest and rest[0].startswith("-"):
        found = signal_name(rest[0][1:]) if not asks_only else "TERM"
        if found is None:
            return _complain(step, words, f"invalid signal '{rest[0][1:]}'")
        rest, name = rest[1:], found
    status = 0
    for word in rest:
        pid = int(word) if word.isascii() and word.isdigit() else None
        if pid is None:
            status = _complain(step, words, f"invalid number '{word}'")
        elif not step.kernel.knows(pid):
            status = _complain(step, words, f"can't kill pid {pid}: No such process")
        elif not asks_only:
            step.sent.append((pid, name))
    return status


def _wait(step: Step, words: list[str]) -> int | None:
    mine = [task.pid for task in step.kernel.tasks.values() if task.parent == step.task.pid]
    wanted = [int(word) for word in words[1:] if word.isascii() and word.isdigit()]
    if len(wanted) < len(words) - 1:
        return _complain(step, words, f"Illegal number: {next(w for w in words[1:] if not w.isdigit())}", 2)
    if any(pid not in mine for pid in wanted):
        return 127
    children = tuple(wanted or mine)
    if not children:
        return 0
    step.task = step.task.replace(descriptors=step.outer)
    step.wait_for(children, "wait" if wanted else "all")
    return None


def _times(step: Step, words: list[str]) -> int:
    return _print(step, words, "0m0.00s 0m0.00s\n0m0.00s 0m0.00s\n")


BUILTINS: dict[str, Builtin] = {
    ".": _source, ":": lambda step, words: 0, "[": _inside(test), "[[": _inside(test), "break": _break, "cd": _cd,
    "command": _command, "continue": _break, "echo": _inside(echo), "eval": _eval, "exec": _exec, "exit": _exit,
    "export": _export, "false": lambda step, words: 1, "getopts": _getopts, "hash": lambda step, words: 0,
    "kill": _kill, "local": _local, "printf": _inside(printf), "pwd": _pwd, "read": _read, "readonly": _readonly,
    "return": _return, "set": _set, "shift": _shift, "source": _source, "test": _inside(test), "times": _times,
    "trap": _trap, "true": lambda step, words: 0, "type": _type, "ulimit": _ulimit, "umask": _umask,
    "unset": _unset, "wait": _wait,
}  # fmt: skip
"""The builtins by name."""
