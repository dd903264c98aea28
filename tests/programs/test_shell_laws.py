"""What holds for any script."""

from __future__ import annotations

import operator
import shlex
from collections.abc import Callable, Iterator

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.programs.box import PAUSES_MOST, Box
from volsim.objects._record import FrozenDict
from volsim.programs.shell import kernel
from volsim.programs.shell.state import Channel, Frame, LoopState, Processes, ShellState, Task, Wait

RECORDS = {each.__name__: each for each in (Channel, Frame, LoopState, Processes, ShellState, Task, Wait, FrozenDict)}
PIECES = [
    "a",
    "b",
    "x",
    "y",
    "1",
    "0",
    "-n",
    "$x",
    "${x}",
    "${x:-b}",
    "${#x}",
    '"$@"',
    "$#",
    "$?",
    "$(echo",
    "b)",
    "`echo",
    "c`",
    "$((1+x))",
    "'q'",
    '"d',
    '$x"',
    "*",
    "?",
    "[ab]",
    "/",
    "/d",
    "/d/f",
    ".",
    "..",
    "~",
    "\\",
    ";",
    "&&",
    "||",
    "|",
    "&",
    "!",
    "(",
    ")",
    "{",
    "}",
    "<",
    ">",
    ">>",
    "2>&1",
    ">&2",
    "<<E",
    "<<",
    "<<<",
    "&>",
    "#",
    "=",
    "x=1",
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "while",
    "until",
    "do",
    "done",
    "for",
    "in",
    "case",
    "esac",
    ";;",
    "function",
    "f()",
    "f",
    "break",
    "continue",
    "return",
    "exit",
    "set",
    "-e",
    "-u",
    "shift",
    "eval",
    ".",
    "export",
    "local",
    "read",
    "trap",
    "EXIT",
    "TERM",
    "wait",
    "exec",
    "cd",
    "pwd",
    "echo",
    "printf",
    "cat",
    "sleep",
    "test",
    "[",
    "]",
    "true",
    "false",
    ":",
    "grep",
    "sed",
    "sort",
    "head",
    "wc",
    "ls",
    "rm",
    "mkdir",
    "touch",
    "find",
    "dd",
    "tr",
    "cut",
    "tee",
    "seq",
    "expr",
    "xargs",
    "env",
    "E",
]


@pytest.fixture(autouse=True, scope="module")
def short_patience() -> Iterator[None]:
    """Many of these scripts never end; that is to be found out soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "STEPS_MOST", 3_000)
        yield


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Something that looks like a script, and seldom is one."""
    pieces = draw(st.lists(st.sampled_from(PIECES) | st.text("ab$\"'`\\\n(){};|&<>#", max_size=3), max_size=25))
    return "".join(piece + draw(st.sampled_from((" ", " ", " ", "\n", ""))) for piece in pieces)


@given(texts())
@example("a=$(")
@example("<<E")
@example("case")
def test_any_text_ends_or_waits_and_never_breaks_python(text: str) -> None:
    ran = Box(files={"/d/f": "one\ntwo\n"}).sh(text, limit=5)
    assert ran.code is None or 0 <= ran.code <= 255


@st.composite
def scripts(draw: st.DrawFn, depth: int = 3) -> str:
    """A script with `PAUSE` in places where a command can stand."""
    simple = st.sampled_from(
        (
            "echo $x",
            "PAUSE",
            "x=$x.",
            "x=$(echo sub; PAUSE)",
            "false",
            "echo $? >> /log",
            "set -- $x b; echo $# $1",
            "cat /log",
        )
    )
    if depth == 0:
        return draw(simple)
    inner = scripts(depth - 1)
    shape = draw(
        st.sampled_from(
            ("{0}", "{0}; {1}", "{0} && {1}", "{0} || {1}", "if {0}; then {1}; else {2}; fi", "for i in 1 2; do {0}; x=$i; done",
             "( {0}; {1})", "{{ {0}; {1}; }} > /out; cat /out", "f() {{ {0}; }}; f", "echo $( {0}; {1})", "{0} | cat",
             "while [ ${{#x}} -lt 3 ]; do {0}; x=$x-; done", "case $x in a*) {0};; *) {1};; esac", "! {{ {0}; }}", "eval '{0}'",
             "{{ {0}; }} | {{ read y; echo got $y; {1}; }}", "{0} & wait")
        )
    )  # fmt: skip
    filled = [draw(inner) for _ in range(3)]
    return shape.format(*(each if "'" not in each or "eval" not in shape else "echo deep" for each in filled))


@given(scripts())
def test_with_and_without_pauses_a_script_does_the_same(script: str) -> None:
    still, paused = Box(), Box()
    one = still.sh("x=a; touch /log; " + script.replace("PAUSE", ":"))
    assume(one.code != 137)  # with pauses an endless script may be as long as it likes
    two = paused.sh("x=a; touch /log; " + script.replace("PAUSE", "sleep 1"))
    assert (one.stdout, one.stderr, one.code) == (two.stdout, two.stderr, two.code)
    assert still.read("/log") == paused.read("/log")


@given(scripts())
def test_the_same_script_leaves_the_same_bytes(script: str) -> None:
    text = "x=a; touch /log; " + script.replace("PAUSE", "sleep 1")
    boxes = [Box(), Box()]
    assert boxes[0].sh(text) == boxes[1].sh(text)
    assert boxes[0].trees["/"] == boxes[1].trees["/"]


@given(scripts(), st.integers(0, 5))
def test_a_saved_memory_goes_on_as_the_one_it_was_saved_from(script: str, pauses: int) -> None:
    text = "x=a; touch /log; " + script.replace("PAUSE", "sleep 1")
    running = Box().started("sh", "-c", text)
    for _ in range(pauses):
        running.go_on()
    left = PAUSES_MOST - pauses  # a script with pauses may have no end
    if running.pause.memory is not None:
        running.pause = running.pause._replace(memory=eval(repr(running.pause.memory), dict(RECORDS)))
    for _ in range(left):
        running.go_on()
    assert running.ran == Box().sh(text)


WORDS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)


@given(WORDS)
def test_a_quoted_word_comes_out_as_it_went_in(word: str) -> None:
    assert Box().sh(f"printf %s {shlex.quote(word)}").stdout == word


@given(st.lists(WORDS, max_size=4))
def test_parameters_come_out_as_they_went_in(words: list[str]) -> None:
    assert Box().sh('for x in "$@"; do printf "%s;" "$x"; done', *words).stdout == "".join(f"{word};" for word in words)


@given(WORDS)
def test_a_variable_in_double_quotes_is_itself(word: str) -> None:
    box = Box(env={"X": word})
    assert box.sh('printf %s "$X"; y="$X"; printf %s "$y"').stdout == word * 2


@given(st.binary(max_size=50))
def test_bytes_go_through_a_pipeline_unchanged(data: bytes) -> None:
    box = Box(files={"/in": data})
    box.sh("cat /in | cat | tee /a > /b; cat < /in > /c")
    for path in ("/a", "/b", "/c"):
        assert box.mounted().read(path) == data


SIGNS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "|": operator.or_, "&": operator.and_, "^": operator.xor,
    "/": lambda one, two: abs(one) // abs(two) * (1 if (one < 0) == (two < 0) else -1),
    "%": lambda one, two: one - two * (abs(one) // abs(two) * (1 if (one < 0) == (two < 0) else -1)),
}  # fmt: skip
"""What C's operators do, in Python's integers."""


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[str, int | None]:
    """An expression and its value; None if it divides by zero."""
    if depth == 0 or draw(st.booleans()):
        number = draw(st.integers(0, 99))
        return str(number), number
    sign = draw(st.sampled_from(sorted(SIGNS)))
    one, first = draw(expressions(depth - 1))
    two, second = draw(expressions(depth - 1))
    text = f"({one} {sign} {two})"
    if first is None or second is None or (sign in "/%" and second == 0):
        return text, None
    return text, int(SIGNS[sign](first, second))


@given(expressions())
def test_arithmetic_is_that_of_c(case: tuple[str, int | None]) -> None:
    text, expected = case
    ran = Box().sh(f"echo $(({text}))")
    shown = ("", "sh: divide by zero\n") if expected is None else (f"{expected}\n", "")
    assert (ran.stdout, ran.stderr) == shown
