"""Scripts on which all shells must agree, for a comparison with a real one.

Left out, because POSIX leaves it open, or because real ones disagree:

- what is written to standard error, and statuses above zero that say no more than that something failed (of `ls`,
  `sort`, and of redirections): those are made 1 by ``|| false``;
- backslashes in what `echo` prints, the width of the columns of `wc`, how `mv` answers to a file moved to itself, what
  `grep` says of a directory, a directory as standard input;
- a file that is read and written at once, or removed while it is open: files have no numbers of their own here;
- what happens at the same time: only the first command of a pipeline touches files, and one that may be left before
  its end (`head`, `grep -q`) only prints.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tests.programs.real_shell import GLOBS, NAMES

DEPTH = 3
_FILES = ("a", "b", "c", "aa", "ab")
_DIRECTORIES = ("d", "e", "d1")
_PATHS = (*_FILES, *_DIRECTORIES, *(f"{directory}/{file}" for directory in ("d", "e") for file in ("a", "b")))
_NUMBERS = st.integers(0, 12).map(str)
_TEXTS = st.sampled_from(("a", "b", "ab", "c d", "x y  z", "aa", "12", "b1", ""))
_PATTERNS = ("a", "b", "'^a'", "'b$'", "'a.'", "'ab*'", "'^$'", "12")
_FORMATS = ("'%s\\n'", "'%s-%s\\n'", "':%5s:\\n'", "':%-4s:'", "'a%%b\\n'", "'%s '")
_NUMBER_FORMATS = ("'%d\\n'", "'%03d\\n'", "'%x\\n'", "'%5d|'")

Busy = frozenset[str]
"""Files that are being written to: they are not to be touched otherwise."""


def _first(path: str) -> str:
    return path.partition("/")[0]


@st.composite
def paths(draw: st.DrawFn, busy: Busy = frozenset()) -> str:
    """A path that has nothing to do with what is being written to."""
    taken = {_first(path) for path in busy}
    return draw(st.sampled_from([path for path in _PATHS if _first(path) not in taken]))


@st.composite
def values(draw: st.DrawFn, *, split: bool = True) -> str:
    """One argument that only is printed or compared; `split`: it may become several, or none."""
    kinds = ["word", "number", "quoted", "double", "arithmetic", "trimmed"]
    match draw(st.sampled_from([*kinds, "variable", "length", "default", "status"] if split else kinds)):
        case "word":
            return draw(st.sampled_from(NAMES))
        case "number":
            return draw(_NUMBERS)
        case "quoted":
            return f"'{draw(_TEXTS)}'"
        case "double":
            return f'"{draw(_TEXTS)}${draw(st.sampled_from("xyij"))}"'
        case "arithmetic":
            return f"$(({draw(_NUMBERS)}{draw(st.sampled_from('+-*'))}{draw(_NUMBERS)}))"
        case "trimmed":
            return f'"${{{draw(st.sampled_from("xy"))}#{draw(st.sampled_from(("a", "b", "1")))}}}"'
        case "length":
            return f"${{#{draw(st.sampled_from('xyz'))}}}"
        case "default":
            return f"${{{draw(st.sampled_from('xyz'))}{draw(st.sampled_from((':-', '%')))}{draw(st.sampled_from(('a', 'b')))}}}"
        case "status":
            return "$?"
    return f"${draw(st.sampled_from('xyzi'))}"


def _several(draw: st.DrawFn, most: int = 3) -> str:
    return " ".join(draw(st.lists(values(), min_size=1, max_size=most)))


@st.composite
def printing(draw: st.DrawFn) -> str:
    """A command that only prints."""
    match draw(st.sampled_from(("echo", "echo", "echo -n", "printf", "numbers"))):
        case "printf":
            return f"printf {draw(st.sampled_from(_FORMATS))} {_several(draw)}"
        case "numbers":
            return f"printf {draw(st.sampled_from(_NUMBER_FORMATS))} {draw(_NUMBERS)} $((i+{draw(_NUMBERS)}))"
        case echo:
            return f"{echo} {_several(draw)}"


@st.composite
def looking(draw: st.DrawFn, busy: Busy) -> str:
    """A command that reads files."""
    path = draw(paths(busy))
    kinds = ["cat", "cat", "both", "head", "tail", "wc", "grep", "sort", "uniq"]
    match draw(st.sampled_from(kinds if busy else [*kinds, "globs", "names", "ls"])):
        case "cat":
            return f"cat {path}"
        case "both":
            return f"cat {path} {draw(paths(busy))}"
        case "head":
            return f"head -n {draw(st.integers(1, 3))} {path}"
        case "tail":
            return f"tail -n {draw(st.integers(1, 3))} {path}"
        case "wc":
            return f"{{ [ -d {path} ] || wc {draw(st.sampled_from(('-l', '-c', '-w')))} < {path} || false; }}"
        case "grep":
            option = draw(st.sampled_from(("", "-c ", "-v ", "-i ", "-n ")))
            return f"{{ [ -d {path} ] || grep {option}{draw(st.sampled_from(_PATTERNS))} {path}; }}"
        case "sort":
            return f"{{ sort {draw(st.sampled_from(('', '-r ', '-u ')))}{path} || false; }}"
        case "uniq":
            return f"uniq {path}"
        case "globs":
            return f"cat {draw(st.sampled_from(GLOBS))}"
        case "ls":
            return f"{{ ls {draw(st.sampled_from((path, '', *GLOBS)))} || false; }}"
    return f"echo {draw(st.sampled_from(GLOBS))} {draw(st.sampled_from(GLOBS))}"


@st.composite
def changing(draw: st.DrawFn, busy: Busy) -> str:
    """A command that changes files, or a variable."""
    path, other = draw(paths(busy)), draw(paths(busy))
    match draw(
        st.sampled_from(("write", "append", "write", "append", "mkdir", "touch", "cp", "mv", "rm", "value", "output"))
    ):
        case "write" | "append" as how:
            sign = ">" if how == "write" else ">>"
            inner = draw(st.one_of(printing(), printing(), looking(busy | {path})))
            return f"{{ {inner} {sign} {path} || false; }}"
        case "mkdir":
            return f"mkdir {draw(st.sampled_from(('', '-p ')))}{path}"
        case "touch":
            return f"touch {path}"
        case "cp" | "mv" as name:
            apart = not other.startswith(f"{path}/") and other != path
            return f"{name} {path} {other}" if apart else f"touch {path}"
        case "rm":
            return f"rm {draw(st.sampled_from(('-f', '-r')))} {path}"
        case "value":
            return f"{draw(st.sampled_from('xyz'))}={draw(values(split=False))}"
    inner = draw(lists(1, busy))
    blank = " " if inner.startswith("(") else ""  # two parentheses would be arithmetic
    substituted = f"$({blank}{inner})"
    return f"{draw(st.sampled_from('xy'))}=" + (f'"{substituted}"' if draw(st.booleans()) else substituted)


@st.composite
def conditions(draw: st.DrawFn, busy: Busy) -> str:
    """A command of which the status counts."""
    path = draw(paths(busy))
    two = draw(values(split=False)), draw(values(split=False))
    match draw(st.sampled_from(("file", "text", "empty", "number", "grep", "true", "not"))):
        case "file":
            return f"[ {draw(st.sampled_from(('', '! ')))}-{draw(st.sampled_from('fdes'))} {path} ]"
        case "text":
            return f"[ {two[0]} {draw(st.sampled_from(('=', '!=')))} {two[1]} ]"
        case "empty":
            return f'test -{draw(st.sampled_from("zn"))} "${draw(st.sampled_from("xyz"))}"'
        case "number":
            sign = draw(st.sampled_from(("eq", "ne", "lt", "le", "gt", "ge")))
            return f"[ ${{#{draw(st.sampled_from('xy'))}}} -{sign} {draw(_NUMBERS)} ]"
        case "grep":
            return f"[ ! -d {path} ] && grep -q {draw(st.sampled_from(_PATTERNS))} {path}"
        case "not":
            return f"! {draw(conditions(busy))}"
    return draw(st.sampled_from(("true", "false")))


def _simple(busy: Busy) -> st.SearchStrategy[str]:
    return st.one_of(printing(), looking(busy), changing(busy), changing(busy))


_FILTERS = (
    "cat",
    "sort",
    "sort -r",
    "sort -n",
    "uniq",
    "uniq -c",
    "uniq -d",
    "wc -l",
    "wc -c",
    "wc -w",
    "tail -n 2",
    "grep -v a",
    "grep -c b",
)
_HASTY = ("head -n 1", "head -n 2", "grep -q a")


@st.composite
def pipelines(draw: st.DrawFn, depth: int, busy: Busy) -> str:
    """Commands whose output goes through filters."""
    filters = draw(st.lists(st.sampled_from(_FILTERS), min_size=1, max_size=2))
    if draw(st.booleans()):
        return " | ".join([draw(printing()), *filters, draw(st.sampled_from(_HASTY))])
    return " | ".join([draw(st.one_of(_simple(busy), compounds(depth - 1, busy))), *filters])


@st.composite
def loops(draw: st.DrawFn, depth: int, busy: Busy) -> str:
    """A loop that ends: over words, or up to a number. Only the outermost may count, as there is one counter each."""
    body = draw(lists(depth - 1, busy))
    if draw(st.booleans()):
        items = draw(st.one_of(st.just(_several(draw)), printing().map(lambda text: f"$({text})")))
        return f"for {draw(st.sampled_from('xz'))} in {items}; do {body}; done"
    counter = "i" if depth == DEPTH else "j"
    condition = f"[ ${counter} -lt {draw(st.integers(1, 3))} ]"
    return f"{counter}=0; while {condition}; do {counter}=$(({counter}+1)); {body}; done"


@st.composite
def compounds(draw: st.DrawFn, depth: int, busy: Busy) -> str:
    """A command that holds others."""
    if depth <= 0:
        return draw(_simple(busy))
    kinds = ["if", "else", "elif", "group", "subshell", "exit", "redirected"]
    match draw(st.sampled_from(kinds + ["loop", "loop"] * (depth > 1))):
        case "if":
            return f"if {draw(conditions(busy))}; then {draw(lists(depth - 1, busy))}; fi"
        case "else":
            return f"if {draw(conditions(busy))}; then {draw(lists(depth - 1, busy))}; else {draw(lists(depth - 1, busy))}; fi"
        case "elif":
            one, two = draw(conditions(busy)), draw(conditions(busy))
            return f"if {one}; then {draw(_simple(busy))}; elif {two}; then {draw(lists(depth - 1, busy))}; fi"
        case "loop":
            return f"{{ {draw(loops(depth, busy))}; }}"
        case "group":
            return f"{{ {draw(lists(depth - 1, busy))}; }}"
        case "exit":
            return f"( {draw(lists(depth - 1, busy))}; exit {draw(st.integers(0, 255))} )"
        case "redirected":
            path = draw(paths(busy))
            inner = draw(lists(depth - 1, busy | {path}))
            return f"{{ {{ {inner}; }} {draw(st.sampled_from(('>', '>>')))} {path} || false; }}"
    return f"( {draw(lists(depth - 1, busy))} )"


@st.composite
def lists(draw: st.DrawFn, depth: int, busy: Busy = frozenset()) -> str:
    """Commands one after the other, each if the one before succeeded, or failed, or anyway."""
    one = st.one_of(_simple(busy), _simple(busy), conditions(busy), compounds(depth, busy), pipelines(depth, busy))
    commands = draw(st.lists(one, min_size=1, max_size=3))
    text = commands[0]
    for command in commands[1:]:
        text += draw(st.sampled_from(("; ", "; ", " && ", " || "))) + command
    return text


@st.composite
def scripts(draw: st.DrawFn) -> str:
    """A script: it makes a few files, does something, and says what its last status was. It shrinks to a short one."""
    begin = [draw(changing(frozenset())) for _ in range(draw(st.integers(0, 4)))]
    parts = [*begin, *draw(st.lists(lists(DEPTH), min_size=1, max_size=4)), "echo $? $x $y"]
    if draw(st.booleans()):
        parts.append(f"exit {draw(st.integers(0, 255))}")
    return "\n".join(parts)
