"""What a shell says when something cannot be done, and how it ends.

Source: busybox, shell/ash.c; POSIX.1-2017, XCU 2.8 (exit status and errors).
"""

from __future__ import annotations

import pytest

from tests.programs.box import Box
from volsim.storage import tree
from volsim.storage.tree import Directory

ERRORS = [
    ("foo", 127, "sh: foo: not found"),
    ("/nope/foo", 127, "sh: /nope/foo: not found"),
    ("/etc", 126, "sh: /etc: Permission denied"),
    ("/plain", 126, "sh: /plain: Permission denied"),
    ("echo x > /nope/f", 1, "sh: can't create /nope/f: nonexistent directory"),
    ("echo x > /etc", 1, "sh: can't create /etc: Is a directory"),
    ("echo x > /ro/f", 1, "sh: can't create /ro/f: Read-only file system"),
    ("cat < /nope", 1, "sh: can't open /nope: no such file"),
    ("echo >&9", 1, "sh: 9: Bad file descriptor"),
    ("cd /nope", 1, "sh: cd: line 0: can't cd to /nope: No such file or directory"),
    ("cd /plain", 1, "sh: cd: line 0: can't cd to /plain: Not a directory"),
    (". /nope", 2, "sh: .: line 0: can't open '/nope': No such file or directory"),
    ("set -u; echo $x", 2, "sh: x: parameter not set"),
    ("echo ${x?}", 2, "sh: x: parameter not set"),
    ("echo ${x:?is needed}", 2, "sh: x: is needed"),
    ("readonly r=1; r=2; echo never", 2, "sh: r: is read only"),
    ("readonly r=1; unset r", 2, "sh: unset: line 0: r: is read only"),
    ("echo $((1/0))", 2, "sh: divide by zero"),
    ("echo $((1 +))", 2, "sh: arithmetic syntax error"),
    ("echo $((2 ** -1))", 2, "sh: exponent less than 0"),
    ("export 1x=2", 2, "sh: 1x=2: bad variable name"),
    ("exit x", 2, "sh: exit: line 0: Illegal number: x"),
    ("set -Q", 2, "sh: set: line 0: illegal option -Q"),
    ("set -o nope", 2, "sh: set: line 0: illegal option -o nope"),
    ("local x=1", 2, "sh: local: line 0: not in a function"),
    ("exec nope", 127, "sh: exec: line 0: nope: not found"),
    ("trap 'x' NOPE", 1, "sh: trap: line 0: NOPE: invalid signal specification"),
    ("kill -NOPE 1", 1, "sh: kill: line 0: invalid signal 'NOPE'"),
    ("kill x", 1, "sh: kill: line 0: invalid number 'x'"),
    ("wait x", 2, "sh: wait: line 0: Illegal number: x"),
    ("read -t 5 x", 2, "sh: read: line 0: option -t is not modelled"),
    ("exec 0<&-; read x", 1, "sh: read: line 0: read error: Bad file descriptor"),
    ("getopts a", 2, "sh: getopts: line 0: usage: getopts optstring var [arg]"),
    ("break 0", 2, "sh: break: line 0: Illegal number: 0"),
    ("\n\ncd /nope", 1, "sh: cd: line 2: can't cd to /nope: No such file or directory"),
    ("type nope", 127, ""),
    ("[ 1 -eq x ]", 2, "sh: x: bad number"),
    ("[ 1", 2, "sh: missing ]"),
    ("test 1 -eq", 2, "sh: -eq: unknown operand"),
    ("test '(' 1", 2, "sh: closing paren expected"),
]

SYNTAX = [
    ("fi", 'unexpected "fi"'),
    ("if true; then", 'unexpected end of file (expecting "fi")'),
    ("if; then :; fi", 'unexpected ";"'),
    ("while true; do :;", 'unexpected end of file (expecting "done")'),
    ("for 1 in a; do :; done", "bad for loop variable"),
    ("echo )", 'unexpected ")"'),
    ("(echo", 'unexpected end of file (expecting ")")'),
    ("echo 'a", "unterminated quoted string"),
    ('echo "a', "unterminated quoted string"),
    ("echo `a", "unterminated quoted string"),
    ("echo ${x", "missing '}'"),
    ("echo ${}", "bad substitution"),
    ("echo $((1", "missing '))'"),
    ("a && ", "unexpected end of file"),
    ("a | | b", 'unexpected "|"'),
    ("! ! a", 'unexpected "!"'),
    ("a | ! b", 'unexpected "!"'),
    (";; ", 'unexpected ";;"'),
    ("case x in", 'unexpected end of file (expecting ")")'),
    ("echo a >", "unexpected end of file"),
    ("f() ", "unexpected end of file"),
    ("{ echo a", 'unexpected end of file (expecting "}")'),
]


def box() -> Box:
    made = Box(volumes={"/ro": Directory()}, read_only=("/ro",))
    made.put("/plain", "text")
    return made


@pytest.mark.parametrize(("script", "code", "error"), ERRORS)
def test_an_error_has_busyboxs_words_and_its_status(script: str, code: int, error: str) -> None:
    ran = box().sh(script)
    assert (ran.code, ran.stderr) == (code, error + "\n" if error else "")


@pytest.mark.parametrize(("script", "error"), SYNTAX)
def test_a_script_that_is_none_ends_with_2(script: str, error: str) -> None:
    ran = box().sh(f"echo before\n{script}")
    assert (ran.stdout, ran.code, ran.stderr) == ("before\n", 2, f"sh: syntax error: {error}\n")


def test_words_within_words_have_a_limit() -> None:
    for script in ("(" * 500 + ")" * 500, "echo " + "${x-" * 500, "echo " + "$(" * 500, "echo $((" + "(" * 500):
        assert box().sh(script).code == 2


def test_a_mistake_in_a_function_does_not_outlive_the_shell() -> None:
    ran = box().sh("f() { echo ${x?}; }; (f); echo $?; f; echo never")
    assert (ran.stdout, ran.code) == ("2\n", 2)


def test_a_full_volume_takes_what_fits() -> None:
    full = Box(volumes={"/v": Directory()}, limits={"/v": 4096 + 10})
    ran = full.sh("printf 1234567 > /v/f; printf 89abc >> /v/f; echo $?")
    assert ran.stdout == "1\n"
    assert ran.stderr == "sh: write error: No space left on device\n"
    assert full.read("/v/f") == "123456789a"


def test_a_volume_that_cannot_be_reached_is_an_input_output_error() -> None:
    made = Box(volumes={"/v": tree.write(Directory(), "f", b"x")})
    made.broken.add("/v")
    ran = made.sh("cat /v/f; echo x > /v/g; cd /v; ls /v")
    assert ran.stderr.splitlines() == [
        "cat: can't open '/v/f': Input/output error",
        "sh: can't create /v/g: Input/output error",
        "sh: cd: line 0: can't cd to /v: Input/output error",
        "ls: /v: Input/output error",
    ]
