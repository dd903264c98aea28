"""The corners of the shell and its tools: options that are seldom given, mistakes that are seldom made.

Source: busybox, shell/ash.c, coreutils, findutils, editors; POSIX.1-2017, XCU 2 and 4.
"""

from __future__ import annotations

import pytest

from tests.programs.box import Box
from volsim.programs.process import encode
from volsim.programs.scripts import SCRIPT
from volsim.programs.servers import ENTRYPOINT, SERVER
from volsim.programs.shell import SHELL
from volsim.programs.tools import TOOLS
from volsim.storage import tree
from volsim.storage.tree import Directory

FILES = {
    "/d/a": "one\ntwo\nthree\n",
    "/d/b": "x 1\ny 2\n",
    "/lib.sh": "echo lib $1 $#; return 4; echo never\n",
    "/n": "2\n10\n",
}


def box() -> Box:
    return Box(files=FILES)


SHELL_CORNERS = [
    ("return 3; echo never", "", 3),
    (". /lib.sh; echo $?", "lib 0\n4\n", 0),
    ("set -- old; . /lib.sh a b; echo $1", "lib a 2\nold\n", 0),
    ("PATH=/:/bin; . lib.sh; echo $?", "lib 0\n4\n", 0),
    ("f() { while :; do (return 2); break; done; return 5; }; f; echo $?", "5\n", 0),
    ("f() { eval 'return 6'; }; f; echo $?", "6\n", 0),
    ("command -- echo a; command; echo $?; command cat /n; echo() { :; }; command echo b", "a\n0\n2\n10\nb\n", 0),
    ("command -v nope; echo $?; f() { :; }; type f; command -v f; command -V echo export", "127\nf is a function\nf\necho is a shell builtin\n", 0),
    ("export -n HOSTNAME; env | grep -c HOSTNAME; export A=1; export -p | grep A=; readonly R=2; readonly -p", "0\nexport A='1'\nreadonly R='2'\n", 0),
    ("f() { :; }; unset -f f; f 2>/dev/null; echo $?; x=1; unset -v x; echo $x.", "127\n.\n", 0),
    ("x=1; set | grep ^x=; set -o | grep -c on; set -o noglob; echo *; set +o noglob; set -eo pipefail; set +e; false | true; echo $?", None, 0),
    ("set -- a b; shift 3; echo $? $#; shift 0; echo $#", "1 2\n2\n", 0),
    ("printf 'a b\\n' | { read -r -p '' -- x y; echo $y; }; printf 'q\\n' | (read; echo $REPLY)", "b\nq\n", 0),
    ("printf ' a : b \\n' | { IFS=' :' read x y; echo \"[$x][$y]\"; }; printf 'a::b\\n' | { IFS=: read x y z; echo \"[$y][$z]\"; }", "[a][b]\n[][b]\n", 0),
    ("getopts a o -q 2>/dev/null; echo \"$o\"; OPTIND=1; getopts b: o -b v; echo $o $OPTARG $OPTIND; getopts b: o -- x; echo $?", "?\nb v 3\n1\n", 0),
    ("ulimit; ulimit -n; ulimit -n 5; times | head -1; hash; umask 022", "unlimited\nunlimited\n0m0.00s 0m0.00s\n", 0),
    ("trap 'x y' HUP; trap; trap HUP; trap; trap -- 'z' EXIT; trap - EXIT 1; kill -l | head -1; kill -s 0 $$ 2>/dev/null; kill -s CONT $$; echo $?", "trap -- 'x y' HUP\n 1) HUP\n0\n", 0),
    ("for x do echo $x; done; for x in; do echo no; done; for x\nin a\ndo echo $x; done", "a\n", 0),
    ("case a in (a) echo one; esac; case b in a|b) echo two\nesac; case c in a) ;; esac", "one\ntwo\n", 0),
    ("function f() { echo f; }; f; f2()\n{ echo g; }\nf2", "f\ng\n", 0),
    ("while :; do { break; } > /t; done; echo out; for i in 1 2; do { continue; } 2>/t; done; break; continue; echo end", "out\nend\n", 0),
    ("if true; then echo x; fi > /nope/t 2>/dev/null; echo $?; A=1 > /nope/x 2>/dev/null; echo $?", None, 0),
    ("x=abcabc; echo ${x//b/} ${x/c} ${x:3} ${x:0:-1} ${x#*b} ${x%b*} ${x/#a/X} $((10#7)) 2>/dev/null", None, 2),
    ("set -a; V=1; env | grep ^V=; set +a; echo ${@-none} ${*:-none} $- | cut -c1-9", "V=1\nnone none\n", 0),
    ("echo $((1 + + 1)) $((- - 1)) $(( ! ! 5)) $((3 - -2)) $(( )) $((x = y = 2)) $x$y", "2 1 1 5 0 2 22\n", 0),
    ("a=b; b=c; c=7; echo $((a))", "7\n", 0),
    ("echo \"${x:-$(echo \"in $((1+1))\")}\" \"a\\zb\" ${x:-\\}}", "in 2 a\\zb }\n", 0),
    ("cat <<E\na\\\"b \\$x \\\\ \"q\" 'q'\nE\ncat <<E\n${x:-in doc}\nE", "a\\\"b $x \\ \"q\" 'q'\nin doc\n", 0),
    ("cat <<E", "", 0),
    ("case a in [[:alpha:]]) echo alpha;; esac; case '*' in \\*) echo star;; esac; case é in ?) echo one;; esac", "alpha\nstar\none\n", 0),
    ("echo a > /dev/stderr; echo b > /dev/fd/2; cat < /dev/null; cat /dev/stdin < /n; echo x <> /made; cat /made", None, 0),
    ("exec < /n; read a; read b; echo $b; exec 5<&0; read c <&5; echo $?", "10\n1\n", 0),
    ("echo a 1>&- ; echo $?", "1\n", 0),
    ("cat 0<&-; echo $?", "0\n", 0),
    ("sleep 1 & sleep 2 & for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do true & done; wait; echo ok", "ok\n", 0),
    ("for i in $(seq 60); do echo $i > /t; cat < /t > /dev/null; done; cat /t", "60\n", 0),
    ("(sleep 5 &); echo orphan", "orphan\n", 0),
    ("cd; pwd; HOME=; cd; echo $?", None, 0),
    ("sh -s a b <<< 'echo $1 $#'; sh --norc -c 'echo x'; sh -- -c 2>/dev/null; echo $?; sh +e -c 'echo y'", "a 2\nx\n2\ny\n", 0),
    ("exec /d/a", "", 126),
    ("type /d/a 2>/dev/null; echo $?", "/d/a: not found\n127\n", 0),
]  # fmt: skip


@pytest.mark.parametrize(("script", "stdout", "code"), SHELL_CORNERS)
def test_a_corner_of_the_shell(script: str, stdout: str | None, code: int) -> None:
    ran = box().sh(script)
    assert ran.code == code, ran.stderr
    assert stdout is None or ran.stdout == stdout


SHELL_MISTAKES = [
    (".", ".: line 0: filename argument required"),
    ("HOME=; cd", "cd: line 0: HOME not set"),
    ("echo $((1 2))", "arithmetic syntax error"),
    ("echo $((&))", "arithmetic syntax error"),
    ("echo $((09))", "arithmetic syntax error"),
    ("a=b; b=a; echo $((a))", "expression recursion loop detected"),
    ("echo $((" + "-(" * 30 + "1" + ")" * 30 + "))", "expression recursion loop detected"),
    ("echo ${1:=x}", "1: bad variable name"),
    ("echo >& x", "syntax error: bad fd number"),
    ("cat <<$(x)\n", "syntax error: illegal eof marker for << redirection"),
    ("if true then", 'syntax error: unexpected end of file (expecting "then")'),
    ("for x in a b; done", 'syntax error: unexpected "done" (expecting "do")'),
    ("for x in a (", 'syntax error: unexpected "("'),
    ("case ; in", 'syntax error: unexpected ";"'),
    ("case x in a) echo b; c) ;; esac", 'syntax error: unexpected ")" (expecting ";;")'),
    ("if :; then fi", 'syntax error: unexpected "fi"'),
    ("echo ${x", "syntax error: missing '}'"),
    ("echo ${x^}", "syntax error: bad substitution"),
    ("echo $'a", "syntax error: unterminated quoted string"),
    ("x=$(head -c 5000000 /dev/zero | tr '\\0' a)", "out of memory"),
]


@pytest.mark.parametrize(("script", "error"), SHELL_MISTAKES)
def test_a_seldom_mistake_of_a_script(script: str, error: str) -> None:
    ran = box().sh(script)
    assert ran.code != 0
    assert ran.stderr == f"sh: {error}\n"


TOOL_CORNERS = [
    ("mkdir -pv /v/w; rmdir --ignore-fail-on-non-empty /d; rm -v /n; mv -v /d/b /b; cp -v /b /b2", "created directory: '/v/w'\nremoved '/n'\n'/d/b' -> '/b'\n'/b' -> '/b2'\n"),
    ("cp -n /d/a /d/b; head -1 /d/b; ln -s a /d/l; cp -P /d/l /l; readlink /l; chmod 755 /d/b; cp /d/b /x; stat -c %a /x; cp -t /tmp /n /x; ls /tmp", "x 1\na\n755\nn\nx\n"),
    ("mkdir /m; cp /d/a /m/dir 2>&1; mkdir /m/sub; cp /d/a /m/sub/a; rm /m/sub/a; mkdir /m/sub/a; cp /d/a /m/sub 2>&1", "cp: can't create '/m/sub/a': File exists\n"),
    ("ln -sf /d /d2; ln -sfn /n /d2; readlink /d2; ln /d/a /n 2>&1; ln -s x y /nope 2>&1", "/n\nln: /n: File exists\nln: target '/nope' is not a directory\n"),
    ("touch /d; touch -d now /n; truncate -c -s 5 /nope; ls /nope 2>&1; truncate -s 1G /n 2>&1", "ls: /nope: No such file or directory\ntruncate: /n: File too large\n"),
    ("chmod u+s,g+s,o+t /n; stat -c %a /n; chmod 640 /n; chmod o=g,g-r+w /n; stat -c %a /n; chmod a+X /n; stat -c %a /n; chmod -x /n; chmod u+q /n 2>&1", "7644\n624\n624\nchmod: invalid mode 'u+q'\n"),
    ("mktemp /nope/XXXXXX 2>&1; fallocate -l 1G /big 2>&1; fallocate -l 5 /nope/x 2>&1", "mktemp: /nope/XXXXXX: No such file or directory\nfallocate: fallocate '/big': File too large\nfallocate: fallocate '/nope/x': No such file or directory\n"),
    ("[ -t 0 ] || echo no; [ -O /n -a -G /n ] && echo mine; chmod 4755 /n; [ -u /n ] && [ ! -g /n ] && [ ! -k /n ] && echo set; [ /n -nt /nope ] && [ /nope -ot /n ] && echo newer", "no\nmine\nset\nnewer\n"),
    ("[ " + "! " * 60 + "a ] 2>&1", "sh: too many parentheses\n"),
    ("[ a -a ] 2>&1; [ -e /n ] && [ -r /n -a -w /n ] && [ ! -x /d/a ] && echo ok", "sh: argument expected\nok\n"),
    ("seq 10000000 2>&1; expr 2>&1; expr '(' 1 2>&1; expr match abc 'a\\(b\\)'; expr abc : 'x\\(y\\)'; expr abc : x", "seq: more than 1000000 numbers are not modelled\nexpr: syntax error\nexpr: syntax error\nb\n\n0\n"),
    ("md5sum /nope 2>&1; base64 /nope 2>&1; md5sum -c /nope 2>&1", "md5sum: can't open '/nope': No such file or directory\nbase64: can't open '/nope': No such file or directory\nmd5sum: can't open '/nope': No such file or directory\n"),
    ("sed '}' /n 2>&1; sed '{p' /n 2>&1; sed '1,p' /n 2>&1; sed 's//x/' /n 2>&1; sed 'sxx' /n 2>&1; sed s/a/b/k /n 2>&1; sed y/ab/c/ /n 2>&1; sed ':a;ba' /n 2>&1",
     "sed: unexpected '}'\nsed: unterminated {\nsed: unexpected ','\nsed: no previous regexp\nsed: unterminated s command\nsed: unknown option to s: k\nsed: y command strings have different lengths\nsed: the script does not end\n"),
    ("sed p /nope 2>&1; sed -s p /nope /n 2>&1; sed -i s/x/y/ /nope 2>&1; sed 2>&1; sed -n 1,1p /d/a; sed '2,1d' /d/a; sed \"\\,two,d\" /d/a; sed 1Q3 /d/a; sed 1q5 /n; echo $?",
     "sed: /nope: No such file or directory\nsed: /nope: No such file or directory\n2\n2\n10\n10\nsed: /nope: No such file or directory\nsed: no script specified\none\none\nthree\none\nthree\n2\n5\n"),
    ("find /d -name 2>&1; find /d '(' -name a 2>&1; find /d -name a ')' 2>&1; find /d -nope x 2>&1; find /d -exec echo 2>&1; find /d -size 14c; find /d -mount -xdev -depth -name a -true; find . -maxdepth 0 -delete; find /d -a 2>&1",
     "find: -name requires an argument\nfind: unmatched '('\nfind: unrecognized: )\nfind: unrecognized: -nope\nfind: -exec requires an argument ended by ;\n/d/a\n/d/a\nfind: -a requires an argument\n"),
    ("sort -c /n; echo $?; printf ' b\\na\\n' | sort -b; printf 'b-\\nA\\n' | sort -df; sort -kx /n 2>&1; printf 'x\\n1.5.2\\n' | sort -n; uniq /nope 2>&1; printf 'a x\\nb x\\n' | uniq -f1; printf 'ax\\nbx\\n' | uniq -s1; printf 'Ab\\nac\\n' | uniq -iw1; uniq /n /u; cat /u",
     "1\na\n b\nA\nb-\nsort: bad field specification 'x'\nx\n1.5.2\nuniq: can't open '/nope': No such file or directory\na x\nax\nAb\n2\n10\n"),
    ("cut -f1 <<< plain; tr 2>&1 < /n; tr a < /n 2>&1; tee /nope/x < /n 2>&1; rev /nope 2>&1; cut -c1 /n /nope 2>&1", "plain\ntr: missing operand\ntr: missing operand\n2\n10\ntee: /nope/x: No such file or directory\nrev: /nope: No such file or directory\n2\n1\ncut: /nope: No such file or directory\n"),
    ("sleep 60; touch /d/b; ls -t /d | head -1; ls -f /d | head -1; ls -s /d | head -1; ls -lh /d | head -1; ls -la /d | wc -l; realpath /nope 2>&1; du -c /d | tail -1; du -m /d", "b\na\ntotal 8\ntotal 8.0K\n5\nrealpath: /nope: No such file or directory\n12\ttotal\n1\t/d\n"),
    ("grep 'a\\bx' <<< 'a x'; grep '\\(*\\)' <<< '*'; grep -E 'a{2}\\{' <<< 'aa{'; grep 'a\\{2\\}' <<< aa; grep '[]x]' <<< ']'; grep -E '\\<b' <<< 'a b'; grep '^\\^' <<< '^'", "*\naa{\naa\n]\na b\n^\n"),
    ("env -S 'echo a b'; env -q 2>&1; env -- echo c; env /d 2>&1; timeout --signal=KILL 1 sleep 5; echo $?; timeout -q 1 x 2>&1; timeout 1 2>&1; echo \"'\" | xargs 2>&1; nice; busybox | head -1",
     "a b\nenv: unrecognized option: q\nc\nenv: can't execute '/d': Permission denied\n137\ntimeout: unrecognized option: q\ntimeout: missing operand\nxargs: unmatched quote\n0\nBusyBox v1.36.1 multi-call binary.\n"),
    ("uname -a | wc -w; which /d/a; echo $?; busybox kill -l | head -1; busybox kill -s NOPE 1 2>&1; busybox kill x 2>&1; tail -f /nope 2>&1; tail -n x /n 2>&1",
     "7\n1\n 1) HUP\nkill: bad signal name 'NOPE'\nkill: invalid number 'x'\ntail: can't open '/nope': No such file or directory\ntail: no files\ntail: invalid number 'x'\n"),
    ("cat /n > /dev/stdout | cat; tee /dev/stderr < /n 2>/dev/null | wc -l; ls -d /d > /dev/fd/1", "2\n10\n2\n/d\n"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "expected"), TOOL_CORNERS)
def test_a_corner_of_the_tools(script: str, expected: str) -> None:
    ran = box().sh(script)
    assert (ran.stdout, ran.stderr) == (expected, "")


def test_ls_on_a_terminal_has_columns() -> None:
    assert box().started("ls", "/d", tty=True).screen == "a  b\n"
    assert box().started("ls", "/tmp", tty=True).screen == ""


def test_tools_end_at_signals_that_have_no_handler() -> None:
    for argv in (("sleep", "9"), ("tail", "-f", "/n"), ("sort",), ("grep", "x"), ("cat",), ("yes",)):
        running = box().started(*argv, stdin_open=True)
        assert running.signal("TERM")
        assert running.pause.exit_code == 143


def test_what_runs_another_program_passes_its_signals_on() -> None:
    made = Box("nginx")
    for wrapper in (("env", "A=1"), ("nohup",), ("nice",), ("setsid",), ("timeout", "100")):
        running = made.started(*wrapper, "nginx", pid1=True)
        assert running.signal("TERM", after=1), wrapper
        assert running.pause.exit_code == 0
    assert not made.started("nohup", "sleep", "5").signal("HUP")


def test_timeout_goes_on_after_a_signal_with_what_is_left() -> None:
    running = box().started("timeout", "10", "sh", "-c", "trap 'echo got' HUP; sleep 100 & wait; wait")
    assert running.signal("HUP", after=4)
    running.go_on()
    assert (running.ran.stdout, running.ran.code, running.ran.seconds) == ("got\n", 143, 10)


def test_a_directory_that_cannot_be_written_keeps_what_is_in_it() -> None:
    made = Box(volumes={"/ro": tree.write(Directory(), "f", b"x")}, read_only=("/ro",))
    ran = made.sh(
        "find /ro -type f -delete; touch /ro; sed -i s/x/y/ /ro/f; uniq /ro/f /ro/g; tee /ro/h < /dev/null; mv /n /ro 2>/dev/null; cp -r /etc /ro"
    )
    assert ran.stderr.count("Read-only file system") == 6
    assert made.sh("ls -A /ro").stdout == "f\n"


def test_moving_from_a_volume_that_cannot_be_written_leaves_the_copy() -> None:
    made = Box(volumes={"/ro": tree.write(Directory(), "f", b"x")}, read_only=("/ro",))
    ran = made.sh("mv /ro/f /copy; echo $?; cat /copy")
    assert ran == ("1\nx", "mv: can't remove '/ro/f': Read-only file system\n", 0, 0)


def test_a_file_that_vanishes_is_empty_to_who_reads_it() -> None:
    made = Box(volumes={"/v": tree.write(Directory(), "f", b"one\ntwo\n")})
    assert made.sh("exec 3< /v/f; read x <&3; rm /v/f; read y <&3; echo $x.$y").stdout == "one.\n"


def test_text_that_is_no_utf_8_comes_out_as_it_went_in() -> None:
    made = Box(files={"/raw": b"\xff\xfe\n"})
    made.sh("x=$(cat /raw); echo $x > /copy; sed s/a/b/ /raw > /second; sort /raw > /third")
    assert {made.mounted().read(path) for path in ("/copy", "/second", "/third")} == {b"\xff\xfe\n"}
    assert encode("\ud800") == b"?"


def test_programs_have_names() -> None:
    assert not [repr(program) for program in TOOLS.values() if repr(program).startswith("<")]
    assert [repr(each) for each in (SHELL, SERVER, SCRIPT, ENTRYPOINT)] == ["SHELL", "SERVER", "SCRIPT", "Wrapped()"]
    assert repr(TOOLS["sort"]) == "Applet(_sort)"
    assert repr(TOOLS["tr"]) == "Filter(_tr)"
