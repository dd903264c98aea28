"""What holds for any script."""

from __future__ import annotations

import shlex

from hypothesis import example, given
from hypothesis import strategies as st

from tests.programs.box import Box
from volsim.objects._record import FrozenDict
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
             "({0}; {1})", "{{ {0}; {1}; }} > /out; cat /out", "f() {{ {0}; }}; f", "echo $({0}; {1})", "{0} | cat",
             "while [ ${{#x}} -lt 3 ]; do {0}; x=$x-; done", "case $x in a*) {0};; *) {1};; esac", "! {0}", "eval '{0}'",
             "{{ {0}; }} | {{ read y; echo got $y; {1}; }}", "{0} & wait")
        )
    )  # fmt: skip
    filled = [draw(inner) for _ in range(3)]
    return shape.format(*(each if "'" not in each or "eval" not in shape else "echo deep" for each in filled))


@given(scripts())
def test_with_and_without_pauses_a_script_does_the_same(script: str) -> None:
    still, paused = Box(), Box()
    one = still.sh("x=a; touch /log; " + script.replace("PAUSE", ":"))
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
    if running.pause.memory is not None:
        running.pause = running.pause._replace(memory=eval(repr(running.pause.memory), dict(RECORDS)))
    while running.go_on():
        pass
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


EXPRESSIONS = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: st.tuples(
        inner,
        st.sampled_from(["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "&&", "||", "&", "|", "^"]),
        inner,
    ).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
    max_leaves=8,
)


def value(text: str) -> int:
    """The value of an expression in C, computed with Python's integers. ZeroDivisionError as in C."""

    def divided(one: int, two: int) -> int:
        return int(abs(one) // abs(two)) * (1 if (one < 0) == (two < 0) else -1)

    class Number(int):
        def __add__(self, other: int) -> Number:
            return Number(int(self) + int(other))

        def __sub__(self, other: int) -> Number:
            return Number(int(self) - int(other))

        def __mul__(self, other: int) -> Number:
            return Number(int(self) * int(other))

        def __truediv__(self, other: int) -> Number:  # type: ignore[override]
            return Number(divided(int(self), int(other)))

        def __mod__(self, other: int) -> Number:
            return Number(int(self) - int(other) * divided(int(self), int(other)))

    python = text.replace("&&", " and ").replace("||", " or ")
    import re

    python = re.sub(r"\d+", lambda match: f"N({match[0]})", python)
    python = re.sub(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)", r"(\1)", python)
    return int(eval(python, {"N": Number}))


@given(EXPRESSIONS.filter(lambda text: "&&" not in text and "||" not in text))
def test_arithmetic_is_that_of_c(text: str) -> None:
    try:
        expected = value(text)
    except ZeroDivisionError:
        assert Box().sh(f"echo $(({text}))").code == 2
        return
    if -(2**63) <= expected < 2**63:
        assert Box().sh(f"echo $(({text}))").stdout == f"{expected}\n"
