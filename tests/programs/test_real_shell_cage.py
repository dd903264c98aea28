"""What must never be run is refused: the grammar and the patterns that guard a real shell.

None of the texts here is run.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.programs import real_shell
from tests.programs.real_shell import Refused, refuse

DANGEROUS = [
    "rm -rf /",
    "rm -r /",
    "rm -rf a",
    "rm -rf *",
    "rm -r *",
    "rm -r a b",
    "rm -r a *",
    "rm -f a/*",
    "rm -r -- a",
    "rm -r $x",
    'rm -r "$x"',
    "rm -r ${x}",
    "rm -r $(echo a)",
    "rm -r a$x",
    "rm -r a/$x",
    "rm -r $x/a",
    "rm -r .",
    "rm -r ./a",
    "rm -r ..",
    "rm -r ../a",
    "rm -r a/../..",
    "rm -r ~",
    "rm -r ~root",
    "rm -r 'a'",
    "rm -r a\\*",
    "rm -f q",
    "rm a",
    "rm",
    "x=rm; $x -r a",
    "$(echo rm) -r a",
    "'rm' -r a",
    "r''m -r a",
    '"rm" -r a',
    "x='rm -r a'; $x",
    "/bin/rm -r a",
    "echo rm -r a | sh",
    "echo a | xargs rm",
    "mv a /",
    "mv a ..",
    "mv * a",
    "mv $x a",
    "mv a $x",
    "mv a b c",
    "cp a /etc/passwd",
    "cp -r a b",
    "cp a $x",
    "cp * a",
    "mkdir /a",
    "mkdir $x",
    "touch /a",
    "touch a/b/c",
    "touch ../a",
    "echo a > /a",
    "echo a >/a",
    "echo a >> /etc/passwd",
    "echo a > $x",
    'echo a > "$x"',
    "echo a > ../a",
    "echo a > a/../../b",
    "echo a > *",
    "echo a > $(echo b)",
    "echo a > ${x}b",
    "echo a > b$x",
    "echo a > b'c'",
    "echo a >",
    "echo a 2> b",
    "echo a 1>b",
    "echo a >&2",
    "echo a &> b",
    "echo a >| b",
    "echo a <> b",
    "cat /etc/shadow",
    "cat $x/a",
    "cat $x",
    "cat ${x}/a",
    "cat $(echo /)",
    "cat a/b/c",
    "cat ''/a",
    'cat ""/a',
    "cat $?/a",
    "ls /",
    "ls /*",
    "ls */..",
    "ls -la",
    "ls -R",
    "echo /*",
    "echo ~",
    "echo $HOME",
    "echo ${HOME}",
    "echo $PWD ${OLDPWD}",
    "echo `ls`",
    "echo a & echo b",
    "echo a &",
    "cd a",
    "cd a && rm -r b",
    "cd ..; rm -r a",
    "eval echo a",
    "exec cat a",
    ". a",
    "echo a; . a",
    "source a",
    "sh a",
    "a",
    "a b",
    "find a",
    "find a -delete",
    "xargs rm",
    "chmod 777 a",
    "chown a b",
    "ln a b",
    "dd if=a of=b",
    "kill 1",
    "kill -9 -1",
    "trap echo EXIT",
    "export PATH=a",
    "PATH=a",
    "HOME=a",
    "IFS=a",
    "x=1 cat a",
    "x=*",
    "for a in b; do echo a; done",
    "for x in *; do rm -r $x; done",
    "for x in a b; do rm -r $x; done",
    "for x in /*; do echo $x; done",
    "while true; do echo a; done; cd a",
    "read x",
    "set -e",
    "unset x",
    "command rm -r a",
    "env rm -r a",
    "nohup echo a",
    "sort -o a b",
    "sort -T a b",
    "grep -r a b",
    "grep -f a b",
    "tail -f a",
    "wc /etc/passwd",
    "cat << a",
    "cat <<< a",
    "f() { rm -r a; }",
    "rm() { echo a; }",
    "function f",
    "echo a\trm",
    "echo a\0",
    "echo \u00e9",
    "echo $(rm -r *)",
    'echo "$(rm -r *)"',
    'echo "$(rm -r /)"',
    "if rm -r /; then echo a; fi",
    "while ! rm -r *; do echo a; done",
    "{ rm -r *; }",
    "(rm -r *)",
    "( rm -r / )",
    "true && rm -r *",
    "true || rm -r *",
    "echo a | rm -r *",
    "echo a\nrm -r *",
    "echo a # rm",
    "echo $((x=1))",
    "echo $((1/1))",
    "echo ${x:=a}",
    "echo ${x:?a}",
    "echo ${x#a}",
    "echo $1 $@ $*",
    "echo $!",
    "echo $$",
    "echo $xa/b",
    "echo a; )",
    "echo $(echo a",
    'echo "$(echo a)',
    "echo a" * 2_000,
]


@pytest.mark.parametrize("script", DANGEROUS)
def test_what_could_touch_anything_else_is_refused(script: str) -> None:
    with pytest.raises(Refused):
        refuse(script)


HARMLESS = [
    "",
    "echo a b",
    "echo a > b; cat b",
    "echo $x ${x} ${#x} ${x:-a} ${x%b} \"${x#a}\" '$y' $? $((i+1))",
    "mkdir -p d/a && touch d/b && ls d",
    "rm -f a; rm -r d/a",
    "{ rm -r d; }",
    "(rm -f a)",
    "cp a b || mv d/a e",
    "cat a* d/* [ab]* | sort -r | uniq -c | head -n 3 > b",
    'x=$(cat a); y="$(echo $x | wc -l)"; echo $x$y',
    "if [ -f a ] && ! test \"$x\" = 'b'; then exit 3; elif false; then echo; else true; fi",
    "for x in a $y $(echo b) 'c d'; do printf '%s\\n' $x >> a; done < b",
    "i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done",
    "grep -v 'a.*b$' < a",
]


@pytest.mark.parametrize("script", HARMLESS)
def test_what_the_tests_need_is_let_through(script: str) -> None:
    refuse(script)


PATTERNS_ALONE = {
    "a path from the root": ["rm -r /", "cat /etc/passwd", "echo a >/b", "echo a;/bin/ls", 'echo "/a"', "x=/", "echo $(/a)"],
    "a directory above": ["ls ..", "cat a/../b"],
    "a path behind something that may be empty": ["cat $x/a", 'cat "$x"/a', "cat ${x}/a", "cat $(true)/a", "cat ''/a"],
    "a removal of more than one name": ["rm -r a b", "rm -r *", "rm -rf a", "rm a", "rm -r $x", "echo `rm -r a b`", "rm -f"],
    "a change of files whose names are not plain": ["mv $x a", "cp a *", "touch 'a'", 'mkdir "$x"', "rm -f $(echo a)"],
    "a redirection to what is not a plain name": ["echo > $x", "echo >> 'a'", "cat < /a", "cat <", "echo >\na"],
    "a word that does more than the tests need": ["cd a", "echo;eval a", "(exec a)", "{ find a; }", "a|xargs b", "x=$(sh a)"],
}  # fmt: skip


@pytest.mark.parametrize(("what", "script"), [(what, each) for what, texts in PATTERNS_ALONE.items() for each in texts])
def test_each_pattern_finds_what_it_is_for(what: str, script: str) -> None:
    assert re.search(real_shell._NEVER[what], script, re.MULTILINE)


@pytest.mark.parametrize("script", [text for text in DANGEROUS if len(text) < 100])
def test_the_grammar_alone_refuses_it_too(script: str) -> None:
    """Either reading suffices; that the other one errs is what the first one is for."""
    with pytest.raises(Refused):
        real_shell._Reader(script).read()


PIECES = [
    "rm", "-r", "-f", "-rf", "a", "b", "d/a", "*", "/", "..", ".", "~", "$x", '"', "'", "\\", ";", "&&", "|", "&", ">", "<",
    "$(", ")", "(", "{", "}", "x=", "for", "in", "do", "done", "if", "then", "fi", "while", "!", "[", "]", "echo", "cat", "mv",
    "cp", "cd", "eval", "touch", "mkdir", "`", "\n", "${x", "}", "${x:-", "#", "$((", "))",
]  # fmt: skip
SAFE_REMOVAL = re.compile(rf"rm -[fr] {real_shell._NAME}(/{real_shell._NAME})?")


@given(
    st.lists(st.sampled_from(PIECES), max_size=12), st.lists(st.sampled_from((" ", " ", "")), min_size=12, max_size=12)
)
def test_whatever_is_let_through_removes_only_plain_names(pieces: list[str], blanks: list[str]) -> None:
    script = "".join(piece + blank for piece, blank in zip(pieces, blanks, strict=False))
    try:
        refuse(script)
    except Refused:
        return
    words = re.findall(r"\brm\b[^\n;&|)}]*", script)
    assert all(SAFE_REMOVAL.fullmatch(word.strip()) for word in words)
    assert not re.search(r"\.\.|~|`|(^|[^a-z0-9*?\]])/", script)
