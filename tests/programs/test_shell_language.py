"""The shell's language: quotes, expansions, commands, redirections.

Source: POSIX.1-2017, XCU 2 (Shell Command Language); busybox, shell/ash.c, shell/ash_test.
"""

from __future__ import annotations

import pytest

from tests.programs.box import Box

FILES = {"/d/a": "one\ntwo\nthree\n", "/d/b.txt": "x\n", "/d/.hidden": "h\n", "/d/sub/c": "deep\n"}


def stdout(script: str, *arguments: str) -> str:
    ran = Box(files=FILES).sh(script, *arguments)
    assert ran.stderr == "", f"{script}: {ran.stderr}"
    return ran.stdout


QUOTES = [
    ("echo a  b", "a b\n"),
    ("echo 'a  b' \"c  d\"", "a  b c  d\n"),
    ("echo a\\ b\\\\", "a b\\\n"),
    ("echo 'it'\\''s'", "it's\n"),
    ('echo "a\\"b" "\\$x" "\\q"', 'a"b $x \\q\n'),
    ("echo a\\\nb", "ab\n"),
    ('echo "a\nb"', "a\nb\n"),
    ("echo $'a\\tb\\x41\\n.'", "a\tbA\n.\n"),
    ("echo a#b # a comment", "a#b\n"),
    ("echo '' \"\" | wc -c", "2\n"),
    ("for x in '' \"\"; do echo [$x]; done", "[]\n[]\n"),
    ("echo '$HOME' \"'$((1+1))'\"", "$HOME '2'\n"),
    ("echo {a,b} a=b =", "{a,b} a=b =\n"),
]

PARAMETERS = [
    ('x=5; echo $x ${x} "$x"y ${x}y', "5 5 5y 5y\n"),
    ('echo [$unset] ["$unset"]', "[] []\n"),
    ("x=; echo ${x-a} ${x:-b} ${y-c} ${y:-d}", "b c d\n"),
    ("x=1; echo ${x+set} ${x:+set} ${y+set}.", "set set .\n"),
    ("echo ${x:=new} $x; : ${y:=$(echo deep)}; echo $y", "new new\ndeep\n"),
    ('x="a b"; for i in $x; do echo $i; done; for i in "$x"; do echo $i; done', "a\nb\na b\n"),
    (
        "x=/a/b/c.tar.gz; echo ${x##*/} ${x%/*} ${x%.*} ${x%%.*} ${x#/}",
        "c.tar.gz /a/b /a/b/c.tar /a/b/c a/b/c.tar.gz\n",
    ),
    ("x='a*b'; echo ${x%'*b'} ${x%\\*b}", "a a\n"),
    ("x=hello; echo ${#x} ${x:1:3} ${x:2} ${x: -2} ${x/l/L} ${x//l/L}", "5 ell llo lo heLlo heLLo\n"),
    ('echo ${x:-a b} "${x:-\'q\'}" ${x:-"a  b"}', "a b 'q' a  b\n"),
    ('set -- a \'b c\' d; echo $# $1 "$2"; for x in "$@"; do echo "<$x>"; done', "3 a b c\n<a>\n<b c>\n<d>\n"),
    ('set -- a b; IFS=,; echo "$*"; echo $*; unset IFS; echo "$*"', "a,b\na b\na b\n"),
    ('set --; for x in "$@"; do echo no; done; echo $#', "0\n"),
    ("set -- 1 2 3 4 5 6 7 8 9 ten; echo ${10} $10; shift 9; echo $1", "ten 10\nten\n"),
    ("false; echo $?; true; echo $?; (exit 7); echo $?", "1\n0\n7\n"),
    ("x=a:b::c; IFS=:; for i in $x; do echo [$i]; done", "[a]\n[b]\n[]\n[c]\n"),
    ("x=' a  b '; IFS=' '; set -- $x; echo $# $1 $2", "2 a b\n"),
    ('HOME=/h; echo ~ ~/x "~" a~', "/h /h/x ~ a~\n"),
    ("echo ${x-${y-${z-deep}}}", "deep\n"),
    ("readonly r=1; echo $r; export e=2; env | grep ^e=", "1\ne=2\n"),
    ("A=1 B=$A; echo [$B]; A=2 env | grep ^A=; echo $A", "[1]\nA=2\n1\n"),
    ("x=1; unset x; echo ${x-gone}", "gone\n"),
]

SUBSTITUTIONS = [
    ("echo $(echo a; echo b)", "a b\n"),
    ('echo "$(echo a; echo b)"', "a\nb\n"),
    ("echo $(printf 'a\\n\\n\\n')x", "ax\n"),
    ("echo `echo back` `echo \\`echo inner\\``", "back inner\n"),
    ('echo "$(echo "$(echo "q r")")"', "q r\n"),
    ("x=$(exit 3); echo $?; echo $(exit 4) $?", "3\n0\n"),
    ("echo $(cat < /d/b.txt)$(echo ')' | tr ')' '(')", "x(\n"),
    ("x=$(f() { echo in f; }; f); echo $x", "in f\n"),
    ("echo $(case a in a) echo arm;; esac)", "arm\n"),
    ("x=1; y=$(x=2; echo $x); echo $x $y", "1 2\n"),
    ("for f in $(ls /d); do echo $f; done", "a\nb.txt\nsub\n"),
]

ARITHMETIC = [
    ("echo $((1 + 2 * 3)) $(( (1+2)*3 )) $((7/2)) $((-7/2)) $((7%3)) $((2**10))", "7 9 3 -3 1 1024\n"),
    ("x=5; echo $((x+1)) $(($x+1)) $((x++)) $x $((--x)) $x", "6 6 5 6 5 5\n"),
    ("echo $((1<2)) $((2<=1)) $((1==1 && 0)) $((0||3)) $((!5)) $((~0)) $((1?7:8))", "1 0 0 1 0 -1 7\n"),
    ("x=3; echo $((x*=2)) $x $((x<<2)) $((x&5|8^1))", "6 6 24 13\n"),
    ("echo $((0x1f)) $((010)) $((unset+1)) $((1,2))", "31 8 1 2\n"),
    ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i", "3\n"),
    ("echo $((9223372036854775807 + 1))", "-9223372036854775808\n"),
    ('x="1 + 1"; echo $(($x * 2)) "$((2 > 1))"', "3 1\n"),
]

COMMANDS = [
    ("true && echo a || echo b; false && echo a || echo b", "a\nb\n"),
    ("! true; echo $?; ! false && echo yes", "1\nyes\n"),
    ("if false; then echo a; elif true; then echo b; else echo c; fi", "b\n"),
    ("if false; then echo a; fi; echo $?", "0\n"),
    ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n"),
    (
        "for i in 1 2 3; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; [ $i = 2 ] && break 2; done; done",
        "1a\n2a\n",
    ),
    ("i=0; until [ $i = 2 ]; do echo $i; i=$((i+1)); done", "0\n1\n"),
    ("while read x; do echo [$x]; done < /d/a", "[one]\n[two]\n[three]\n"),
    ("while false; do :; done; echo $?", "0\n"),
    ("case abc in x) echo x;; a*c) echo glob;; *) echo other;; esac", "glob\n"),
    ('case "a b" in "a b") echo quoted;; esac; case x in y) ;; esac; echo $?', "quoted\n0\n"),
    ("case [ in [[]) echo bracket;; esac; case b in [!a-c]) echo no;; [a-c]) echo yes;; esac", "bracket\nyes\n"),
    ("x='*'; case a in \"$x\") echo literal;; $x) echo pattern;; esac", "pattern\n"),
    ("f() { echo $1 $#; return 3; echo never; }; f a b; echo $?", "a 2\n3\n"),
    ("f() { local v=in; w=changed; }; v=out; w=old; f; echo $v $w", "out changed\n"),
    ("f() { [ $1 -le 1 ] && echo 1 && return; echo $(($1 * $(f $(($1 - 1))))); }; f 5", "120\n"),
    ("function g { echo g; }; g; g() (exit 4); g; echo $?", "g\n4\n"),
    ("(x=1; echo $x); echo [$x]; { x=2; }; echo $x", "1\n[]\n2\n"),
    ("echo a; { echo b; echo c; } | tr a-z A-Z; (echo d; echo e) | wc -l", "a\nB\nC\n2\n"),
    ("echo a | cat | cat | sed s/a/b/", "b\n"),
    ("echo x | read y; echo [$y]", "[]\n"),
    ("set -o pipefail; false | true; echo $?; set +o pipefail; false | true; echo $?", "1\n0\n"),
    ("eval 'x=1; echo $x'; eval echo '$x' \\$x; eval; echo $?", "1\n1 1\n0\n"),
    (". /d/b.sh 2>/dev/null || echo none", ""),
    ("set -e; false || true; if false; then :; fi; ! true; echo alive; false; echo dead", "alive\n"),
    ("set -e; f() { false; echo in; }; f || echo caught; f && echo x; echo end", "in\nin\nx\nend\n"),
    ("set -e; x=$(false); echo dead", ""),
    ("echo a;echo b&&echo c;  \n\n echo d", "a\nb\nc\nd\n"),
    ("if true\nthen\n  echo multi\n  echo line\nfi\nfor x in a \\\n b\ndo echo $x; done", "multi\nline\na\nb\n"),
    ("echo first; exit 3; echo never", "first\n"),
    ("shift; echo $1 $#", "b 1\n"),
    ("command echo hi; command -v cat; type cd", "hi\n/bin/cat\ncd is a shell builtin\n"),
    (
        'getopts ab: o -a; echo $o; getopts ab: o -a -bx; echo $o $OPTARG; getopts ab: o -a -bx; echo "$o" $?',
        "a\nb x\n? 1\n",
    ),
    ('while getopts :xy: o -x -yval -z -y; do echo "$o" $OPTARG; done; echo $OPTIND', "x\ny val\n? z\n: y\n5\n"),
    ("trap 'echo bye' EXIT; echo hi", "hi\nbye\n"),
    ("trap 'echo $?; exit 5' EXIT; exit 2", "2\n"),
    ("trap 'echo usr' USR1; kill -USR1 $$; echo after", "usr\nafter\n"),
    ("echo $0 $1 $2; set -- c; echo $1", "sh a b\nc\n"),
    ("IFS=: read a b c <<X\n1:2:3:4\nX\necho $a $b $c", "1 2 3:4\n"),
    ("printf 'a\\\\\\nb\\nc\\\\d\\n' > /t; { read x; read -r y; } < /t; echo $x $y", "ab c\\d\n"),
    ("printf 'last' | { read x; echo $? $x; }", "1 last\n"),
    ("umask; cd /d; pwd; cd ..; pwd; cd - ; cd; pwd", "0022\n/d\n/\n/d\n/root\n"),
]

REDIRECTIONS = [
    ("echo a > /t; echo b >> /t; cat /t; echo c > /t; cat < /t", "a\nb\nc\n"),
    ("{ echo err >&2; } 2>/dev/null; { echo out; echo err >&2; } 2>/dev/null", "out\n"),
    ("{ echo out; echo err >&2; } > /t 2>&1; cat /t", "out\nerr\n"),
    ("{ echo err >&2; } 2>&1 >/dev/null", "err\n"),
    ("ls /nope > /t 2>&1; cat /t", "ls: /nope: No such file or directory\n"),
    ("ls /nope &> /t; wc -l < /t", "1\n"),
    ("cat <<EOF\n$((1+1)) $0 \\$x `echo y`\nEOF", "2 sh $x y\n"),
    ("cat <<'EOF'\n$x `y`\nEOF", "$x `y`\n"),
    ("cat <<-EOF\n\t\ttabs\n\tEOF\necho after", "tabs\nafter\n"),
    ("cat <<A; cat <<B\na\nA\nb\nB", "a\nb\n"),
    ("cat <<X | tr a b\naaa\nX", "bbb\n"),
    ("tr a b <<< 'a a'", "b b\n"),
    ("exec 3> /t; echo x >&3; exec 3>&-; cat /t", "x\n"),
    ("exec 4< /d/a; read x <&4; read y <&4; echo $y $x", "two one\n"),
    ("exec > /t; echo hidden; exec >&2; cat /t 2>/dev/null >/u; cat /u > /dev/null", ""),
    ("for i in 1 2; do echo $i; done > /t; cat /t", "1\n2\n"),
    ("if true; then echo x; fi > /t; f() { echo f; }; f >> /t; cat /t", "x\nf\n"),
    ("> /t; ls -l /t | wc -l; : > /u; [ -f /u ] && echo made", "1\nmade\n"),
    ("echo x > /dev/null; cat /dev/null; echo y > /dev/stdout", "y\n"),
    ("cat - /d/b.txt < /d/a | tail -2", "three\nx\n"),
    ("echo hi | tee /t | cat; cat /t", "hi\nhi\n"),
    ("cat < /d/a > /t; sort < /t | head -n 1", "one\n"),
]

GLOBS = [
    ("echo /d/*", "/d/a /d/b.txt /d/sub\n"),
    ("echo /d/.h* /d/?", "/d/.hidden /d/a\n"),
    ("echo /d/[ab]* /d/[!a]", "/d/a /d/b.txt /d/[!a]\n"),
    ("echo /d/*/c /*/sub", "/d/sub/c /d/sub\n"),
    ('echo "/d/*" /d/\\* /nope*', "/d/* /d/* /nope*\n"),
    ("cd /d; echo * ./*; x='*'; echo $x \"$x\"", "a b.txt sub ./a ./b.txt ./sub\na b.txt sub *\n"),
    ("set -f; echo /d/*", "/d/*\n"),
    ("for f in /d/*.txt; do echo ${f##*/}; done", "b.txt\n"),
]  # fmt: skip

BACKGROUND = [
    ("echo a & wait; echo b", "a\nb\n"),
    ("(exit 3) & wait $!; echo $?", "3\n"),
    ("sleep 1 & p=$!; wait $p; echo $?", "0\n"),
    ("(echo x; exit 2) & (exit 1) & wait; echo $?", "x\n0\n"),
    ("wait; echo $?; wait 999; echo $?", "0\n127\n"),
]


@pytest.mark.parametrize(
    ("script", "expected"),
    [*QUOTES, *PARAMETERS, *SUBSTITUTIONS, *ARITHMETIC, *COMMANDS, *REDIRECTIONS, *GLOBS, *BACKGROUND],
)
def test_a_script_prints_what_posix_says(script: str, expected: str) -> None:
    arguments = ("a", "b") if "$0 $1" in script or script.startswith("shift") else ()
    assert stdout(script, *arguments) == expected


def test_commands_from_standard_input_are_run_one_by_one() -> None:
    ran = Box().run("sh", stdin="echo one\nread x\nthe line that is read\necho $x\n")
    assert ran.stdout == "one\nthe line that is read\n"


def test_a_script_file_gets_its_arguments() -> None:
    box = Box(files={"/s.sh": 'echo $0 $# "$2"\n'})
    assert box.run("sh", "/s.sh", "a", "b c").stdout == "/s.sh 2 b c\n"


def test_an_executable_script_is_run_by_its_interpreter() -> None:
    box = Box()
    box.put("/x", "#!/bin/sh -e\necho $0 $1\nfalse\necho never\n", mode=0o755)
    ran = box.sh("/x a; echo $?")
    assert ran.stdout == "/x a\n1\n"


def test_options_on_the_command_line() -> None:
    box = Box()
    assert box.run("sh", "-ec", "false; echo never").code == 1
    assert box.run("sh", "-xc", "echo a").stderr == "+ echo a\n"
    assert box.run("sh", "-o", "pipefail", "-c", "false | true").code == 1
    assert box.run("sh", "-c").code == 2
    assert box.run("sh", "-z").stderr == "sh: illegal option -z\n"


def test_set_x_shows_commands_with_quotes_where_needed() -> None:
    ran = Box().sh("set -x; A='b c'; echo \"$A\" d")
    assert ran.stderr == "+ A='b c'\n+ echo 'b c' d\n"


def test_a_person_sees_prompts_and_goes_on_after_a_mistake() -> None:
    screen = Box().started("sh", stdin="cd /tmp\nfi\necho ${x?}\nif true\nthen echo yes; fi\n", tty=True).screen
    assert screen.splitlines() == [
        "/ # cd /tmp",
        "/tmp # fi",
        'sh: syntax error: unexpected "fi"',
        "/tmp # echo ${x?}",
        "sh: x: parameter not set",
        "/tmp # if true",
        "> then echo yes; fi",
        "yes",
    ]


def test_there_is_no_chance_in_random() -> None:
    numbers = {Box().sh("echo $RANDOM $RANDOM").stdout for _ in range(2)}
    assert len(numbers) == 1
    first, second = numbers.pop().split()
    assert first != second
