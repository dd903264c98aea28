"""The usual tools, with the words of busybox.

Source: busybox, coreutils, findutils, editors; POSIX.1-2017, XCU 4.
"""

from __future__ import annotations

import pytest

from tests.programs.box import Box
from volsim.programs.tools import TOOLS
from volsim.storage import tree
from volsim.storage.tree import Directory

FILES = {
    "/d/a": "one\ntwo\nthree\n",
    "/d/b": "x 1\ny 2\nx 3\n",
    "/d/e": "",
    "/d/sub/c.txt": "deep\n",
    "/n": "10\n9\n2\n10\n",
}


def box() -> Box:
    return Box(files=FILES)


READING = [
    ("cat /d/a /d/b | wc -l", "6\n"),
    ("echo in | cat - /d/a | head -n 2", "in\none\n"),
    ("head -1 /d/a; head -c 4 /d/a; head -n -1 /d/a", "one\none\none\ntwo\n"),
    ("head -n 1 /d/a /d/b", "==> /d/a <==\none\n\n==> /d/b <==\nx 1\n"),
    ("head -qn1 /d/a /d/b", "one\nx 1\n"),
    ("tail -1 /d/a; tail -n +2 /d/a; tail -c 3 /d/a", "three\ntwo\nthree\nee\n"),
    ("tail -qn1 /d/a /d/b", "three\nx 3\n"),
    ("wc /d/a", "        3         3        14 /d/a\n"),
    ("wc -l < /d/a; wc -w /d/b; wc -c /d/e; printf 'é' | wc -m", "3\n6 /d/b\n0 /d/e\n1\n"),
    ("wc -l /d/a /d/b", "3 /d/a\n3 /d/b\n6 total\n"),
    ("tac /d/a; rev /d/a", "three\ntwo\none\neno\nowt\neerht\n"),
    ("tee /t < /d/a > /dev/null; cat /t; echo z | tee -a /t | cat; tail -1 /t", "one\ntwo\nthree\nz\nz\n"),
]

LINES = [
    ("grep o /d/a; grep -v o /d/a; grep -c o /d/a; grep -n two /d/a", "one\ntwo\nthree\n2\n2:two\n"),
    ("grep -r x /d", "/d/b:x 1\n/d/b:x 3\n"),
    ("grep -l x /d/[ab]; grep -L x /d/a /d/b; grep -h x /d/a /d/b", "/d/b\n/d/a\nx 1\nx 3\n"),
    ("grep -i ONE /d/a; grep -w on /d/a; echo $?; grep -x one /d/a; grep -q two /d/a && echo y", "one\n1\none\ny\n"),
    ("grep -o '[a-z]' /d/b; grep -E 'one|three' /d/a; grep -F . /d/a; echo $?", "x\ny\nx\none\nthree\n1\n"),
    ("grep -e one -e two /d/a; grep 'o\\(n\\|x\\)e' /d/a; grep '^t.*e$' /d/a", "one\ntwo\none\nthree\n"),
    ("grep -A1 one /d/a; grep -B1 two /d/a; grep -C1 two /d/a", "one\ntwo\none\ntwo\none\ntwo\nthree\n"),
    ("grep -m1 x /d/b; grep -s x /nope; echo $?; printf 'one\\n' > /p; grep -f /p /d/a", "x 1\n2\none\n"),
    ("grep '[[:digit:]]$' /d/b; grep -E '^[^x]' /d/b; grep -E '(t)w?' /d/a", "x 1\ny 2\nx 3\ny 2\ntwo\nthree\n"),
    (
        "sort /d/a; sort -r /d/a; sort -n /n; sort -nu /n; sort /n",
        "one\nthree\ntwo\ntwo\nthree\none\n2\n9\n10\n10\n2\n9\n10\n10\n10\n2\n9\n",
    ),
    ("sort -k2 -n -r /d/b; sort -t' ' -k1,1 -k2,2nr /d/b", "x 3\ny 2\nx 1\nx 3\nx 1\ny 2\n"),
    (
        "printf '2K\\n1M\\n3\\n' | sort -h; printf 'v1.10\\nv1.9\\n' | sort -V; sort -o /t /n; head -1 /t",
        "3\n2K\n1M\nv1.9\nv1.10\n10\n",
    ),
    (
        "sort /n | uniq; sort /n | uniq -c; sort /n | uniq -d; sort /n | uniq -u",
        "10\n2\n9\n      2 10\n      1 2\n      1 9\n10\n2\n9\n",
    ),
    ("cut -d' ' -f2 /d/b; cut -c2- /d/a; cut -d: -f1,3 <<< a:b:c; cut -sf2 /d/a", "1\n2\n3\nne\nwo\nhree\na:c\n"),
    (
        "tr a-z A-Z <<< abc; tr -d l <<< hello; tr -s l <<< hello; tr -c a-z _ <<< aB1; tr '[:upper:]' x <<< aB; tr '\\n' , < /d/a",
        "ABC\nheo\nhelo\na___ax\none,two,three,".replace("a___ax", "a___ax"),
    ),
    ("sed s/o/0/ /d/a; sed 's/o/0/g;2d' /d/a; sed -n 2p /d/a", "0ne\ntw0\nthree\n0ne\nthree\ntwo\n"),
    (
        "sed -n '/two/,$p' /d/a; sed '1,2d' /d/a; sed '$!d' /d/a; sed -n '2{p;q}' /d/a",
        "two\nthree\nthree\nthree\ntwo\n",
    ),
    (
        "sed 's/\\(.\\)\\(.\\)/\\2\\1/' /d/a; sed -E 's/(.)(.)/\\2\\1&/' /d/a",
        "noe\nwto\nhtree\nnoone\nwttwo\nhtthree\n".replace("noone", "noone"),
    ),
    ("sed 's|/|:|g' <<< /a/b; sed 's/a/\\//' <<< a; sed 's/[/]/-/' <<< a/b", ":a:b\n/\na-b\n"),
    (
        "sed '2i\\before' /d/a; sed '2a after' /d/a; sed '2c changed' /d/a",
        "one\nbefore\ntwo\nthree\none\ntwo\nafter\nthree\none\nchanged\nthree\n",
    ),
    (
        "sed 'y/abc/xyz/' <<< aabbcc; sed = /n | head -2; sed 's/x/y/I' <<< X; sed 's/a/b/2' <<< aaa; sed -n 's/one/1/p' /d/a",
        "xxyyzz\n1\n10\ny\naba\n1\n",
    ),
    ("sed -i s/one/1/ /d/a; head -1 /d/a; sed -i.bak s/two/2/ /d/a; sed -n 2p /d/a; sed -n 2p /d/a.bak", "1\n2\ntwo\n"),
    (
        "sed ':a;N;$!ba;s/\\n/,/g' /d/a; sed 'N;P;D' /d/a; sed -n '$=' /d/a; sed G /d/e; sed '1!G;h;$!d' /d/a",
        "one,two,three\none\ntwo\nthree\n3\nthree\ntwo\none\n",
    ),
    (
        "sed -e s/a/b/ -e s/b/c/ <<< a; echo 's/x/y/' > /s; sed -f /s <<< x; sed 2q /d/a; sed '0~2d' /d/a",
        "c\ny\none\ntwo\none\nthree\n",
    ),
]

DATA = [
    (
        "seq 3; seq 2 4; seq 1 2 5; seq 3 -1 1; seq -s, 3; seq -w 8 10; seq 1 .5 2",
        "1\n2\n3\n2\n3\n4\n1\n3\n5\n3\n2\n1\n1,2,3\n08\n09\n10\n1.0\n1.5\n2.0\n",
    ),
    (
        "basename /a/b.c; basename /a/b.c .c; basename /; dirname /a/b; dirname a; dirname /a; dirname /a/b/",
        "b.c\nb\n/\n/a\n.\n/\n/a\n",
    ),
    (
        "expr 1 + 2 \\* 3; expr \\( 1 + 2 \\) \\* 3; expr 7 / 2; expr -7 % 3; expr a = a; expr 2 \\< 10; expr b \\> a",
        "7\n9\n3\n-1\n1\n1\n1\n",
    ),
    (
        "expr abc : 'a.'; expr abc : 'a\\(.\\)'; expr length abc; expr substr abcd 2 2; expr index abc c; expr '' \\| x; expr 0 \\& 1; echo $?",
        "2\nb\n3\nbc\n3\nx\n0\n1\n",
    ),
    (
        "dd if=/dev/zero of=/z bs=1k count=2 2>/dev/null; wc -c < /z; dd if=/d/a bs=1 skip=4 count=3 2>/dev/null",
        "2048\ntwo",
    ),
    (
        "printf ABCDEF > /z; printf xy | dd of=/z bs=1 seek=2 conv=notrunc 2>/dev/null; cat /z; printf q | dd of=/z 2>/dev/null; cat /z",
        "ABxyEFq",
    ),
    (
        "truncate -s 3 /d/a; wc -c < /d/a; truncate -s +2 /d/a; wc -c < /d/a; truncate -s 1K /new; wc -c < /new; fallocate -l 2M /big; wc -c < /big",
        "3\n5\n1024\n2097152\n",
    ),
    (
        "printf abc | md5sum; printf abc | sha1sum | cut -c1-8; sha256sum /d/e | cut -c1-8",
        "900150983cd24fb0d6963f7d28e17f72  -\na9993e36\ne3b0c442\n",
    ),
    (
        "md5sum /d/a > /sums; md5sum -c /sums; echo x >> /d/a; md5sum -c /sums 2>/dev/null; echo $?",
        "/d/a: OK\n/d/a: FAILED\n1\n",
    ),
    (
        "printf hello | base64; echo aGVsbG8= | base64 -d; printf 0123456789 | base64 -w 8",
        "aGVsbG8=\nhelloMDEyMzQ1\nNjc4OQ==\n",
    ),
    ("yes | head -n 1; yes no | head -2 | tail -1", "y\nno\n"),
]

FILES_AND_DIRECTORIES = [
    (
        "ls /d; ls -a /d/sub; ls -A /d/sub; ls -1 /d | wc -l; ls -d /d; ls /d/a /d/sub",
        "a\nb\ne\nsub\n.\n..\nc.txt\nc.txt\n4\n/d\n/d/a\n\n/d/sub:\nc.txt\n",
    ),
    ("ls -R /d", "/d:\na\nb\ne\nsub\n\n/d/sub:\nc.txt\n"),
    ("ls -r /d; ls -S /d | head -1; ls -F /d | tail -1; ls -p /d | tail -1", "sub\ne\nb\na\nsub\nsub/\nsub/\n"),
    (
        "ls -l /d/a; ls -ln /d/a",
        "-rw-r--r--    1 root     root            14 Jan  1 00:00 /d/a\n-rw-r--r--    1 0        0               14 Jan  1 00:00 /d/a\n",
    ),
    (
        "ln -s a /d/l; ls -l /d/l | tail -c 8; cat /d/l; readlink /d/l; readlink -f /d/l; realpath /d/./sub/..",
        "/d/l -> a\n"[-8:] + "one\ntwo\nthree\na\n/d/a\n/d\n",
    ),
    ("ln -sf b /d/l; readlink /d/l; ln /d/a /hard; cat /hard | head -1; ls -l /d/l | cut -c1", "b\none\nl\n"),
    (
        "mkdir /m; mkdir -p /m/n/o /m/n; ls /m; rmdir /m/n/o; ls /m/n; mkdir -m 700 /p; stat -c %a /p; rmdir -p /m/n; ls -d /m 2>/dev/null; echo $?",
        "n\n700\n1\n",
    ),
    ("touch /t; ls /t; touch -c /u; ls /u 2>/dev/null; [ -s /t ] || echo empty", "/t\nempty\n"),
    (
        "cp /d/a /c; cat /c | head -1; cp /d/a /d/b /d/sub; ls /d/sub; cp -r /d /copy; ls /copy/sub; cp -a /d/sub /d/again; ls /d/again | wc -l",
        "one\na\nb\nc.txt\na\nb\nc.txt\n3\n",
    ),
    (
        "mv /d/a /d/z; ls /d; mv /d/z /d/sub; ls /d/sub; mv /d/sub /moved; ls /moved; mv -n /n /d/b; cat /d/b | wc -l",
        "b\ne\nsub\nz\nc.txt\nz\nc.txt\nz\n3\n",
    ),
    ("rm /d/a; rm -f /nope; rm -rf /d/sub /nope; ls /d; rm -r /d; ls -d /d 2>/dev/null || echo gone", "b\ne\ngone\n"),
    (
        "chmod 600 /d/a; stat -c %a /d/a; chmod u+x,g=r /d/a; stat -c %A /d/a; chmod -R a-w /d; stat -c %a /d/sub/c.txt; chmod +x /d/b; stat -c %a /d/b",
        "600\n-rwxr-----\n444\n555\n",
    ),
    (
        "chown 5:6 /d/a; stat -c '%u %g %U' /d/a; chown -R nobody /d; stat -c %U /d/sub; chgrp 7 /d/a; stat -c %g /d/a",
        "5 6 5\nnobody\n7\n",
    ),
    (
        "stat -c '%n %s %F' /d/a /d /d/e; stat -c %Y /d/a",
        "/d/a 14 regular file\n/d 4096 directory\n/d/e 0 regular empty file\n1767225600\n",
    ),
    ("du -s /d; du -a /d/sub; du -sh /d; du -d0 /d", "20\t/d\n4\t/d/sub/c.txt\n8\t/d/sub\n20.0K\t/d\n20\t/d\n"),
    (
        "x=$(mktemp); [ -f $x ] && echo ok; y=$(mktemp -d); [ -d $y ] && echo ok; [ $x != $(mktemp) ] && echo other; mktemp -u /tmp/aXXXXXX | cut -c1-6",
        "ok\nok\nother\n/tmp/a\n",
    ),
    (
        "[ -f /d/a ] && [ -d /d ] && [ -e /d ] && [ ! -e /x ] && [ -s /d/a ] && [ ! -s /d/e ] && [ -r /d/a ] && [ -w /d/a ] && [ ! -x /d/a ] && echo all",
        "all\n",
    ),
    (
        "[ -L /d/a ] || echo no; ln -s /nope /l; [ -L /l ] && [ ! -e /l ] && echo dangling; [ -c /dev/null ] && echo char; [ /d/a -ef /d/../d/a ] && echo same",
        "no\ndangling\nchar\nsame\n",
    ),
    (
        "[ a = a ] && [ a != b ] && [ -n a ] && [ -z '' ] && [ 1 -lt 2 ] && [ 2 -ge 2 ] && [ x ] && [ ! '' ] && echo all",
        "all\n",
    ),
    (
        "[ a = b -o b = b ] && [ '(' a = a ')' -a x ] && ! [ a = b -a b = b ] && [ -n = ] && [ ! = ! ] && [ '!' ] && echo all",
        "all\n",
    ),
]

FINDING = [
    ("find /d", "/d\n/d/a\n/d/b\n/d/e\n/d/sub\n/d/sub/c.txt\n"),
    (
        "find /d -type f -name '*.txt'; find /d -type d; find /d -iname 'A'; find /d -name a -o -name b",
        "/d/sub/c.txt\n/d\n/d/sub\n/d/a\n/d/a\n/d/b\n",
    ),
    (
        "find /d -maxdepth 1 -type f | wc -l; find /d -mindepth 2; find /d -empty; find /d -size +0c -type f | wc -l",
        "3\n/d/sub/c.txt\n/d/e\n3\n",
    ),
    (
        "find /d ! -name a -type f; find /d -path '*sub*'; find /d -name sub -prune -o -print | wc -l",
        "/d/b\n/d/e\n/d/sub/c.txt\n/d/sub\n/d/sub/c.txt\n4\n",
    ),
    ("find /d -mindepth 1 -delete; ls -A /d; [ -d /d ] && echo kept", "kept\n"),
    (
        "find /d -name a -exec cat {} \\; -exec echo done {} \\;; find /d -type f -exec echo {} +",
        "one\ntwo\nthree\ndone /d/a\n/d/a /d/b /d/e /d/sub/c.txt\n",
    ),
    (
        "find /d -type f -print0 | xargs -0 -n1 basename; cd /d; find . -name c.txt; find -name a",
        "a\nb\ne\nc.txt\n./sub/c.txt\n./a\n",
    ),
    ("find /d \\( -name a -o -name b \\) -a -type f; find /d -quit; find /d -newer /d/a", "/d/a\n/d/b\n"),
    ("sleep 120; touch /d/e; find /d -mmin -1 -type f; find /d -mmin +1 -name a", "/d/e\n/d/a\n"),
]

SYSTEM = [
    (
        "hostname; whoami; id -u; id; id -un; uname; uname -n; nproc; pwd; sh -c 'echo $PPID' | wc -l",
        "box\nroot\n0\nuid=0(root) gid=0(root) groups=0(root)\nroot\nLinux\nbox\n1\n/\n1\n",
    ),
    (
        "date; date -u +%F; date +%s; date -d @86400 +'%Y-%m-%d %H:%M:%S %j %u %a %b %e'; date -d '2024-02-29' +%B; date -I; date -R",
        "Thu Jan  1 00:00:00 UTC 2026\n2026-01-01\n1767225600\n1970-01-02 00:00:00 002 5 Fri Jan  2\nFebruary\n2026-01-01\nThu, 01 Jan 2026 00:00:00 +0000\n",
    ),
    (
        "printenv HOSTNAME; env -i A=1 env; env B=2 sh -c 'echo $B'; env -u HOSTNAME printenv HOSTNAME; echo $?",
        "box\nA=1\n2\n1\n",
    ),
    (
        "which sh; which nope; echo $?; busybox echo hi; nohup echo a; nice -n 5 echo b; setsid echo c",
        "/bin/sh\n1\nhi\na\nb\nc\n",
    ),
    (
        "echo a b c | xargs echo; echo a b c | xargs -n1 echo x; printf 'a b\\nc\\n' | xargs -I{} echo '<{}>'; xargs echo none < /d/e; xargs -r echo none < /d/e",
        "a b c\nx a\nx b\nx c\n<a b>\n<c>\nnone\n",
    ),
    ("echo x | xargs false; echo $?; echo x | xargs nope 2>/dev/null; echo $?", "123\n127\n"),
    (
        "sync; true; false; echo $?; test; echo $?; mount | wc -l; cat /proc/uptime; cat /etc/hostname",
        "1\n1\n1\n0.00 0.00\nbox\n",
    ),
    (
        "timeout 5 echo quick; timeout 1 sleep 9; echo $?; timeout -s KILL 1 sleep 9; echo $?; timeout 0 echo x",
        "quick\n143\n137\nx\n",
    ),
]

PRINTING = [
    ("printf '%s %s\\n' a b c", "a b\nc \n"),
    ("printf '%5s|%-5s|%05d|%+d|%x|%X|%o|%c|%%\\n' ab ab 42 42 255 255 8 xyz", "   ab|ab   |00042|+42|ff|FF|10|x|%\n"),
    ("printf '%.2f %5.1f %e %g\\n' 3.14159 2.55 1234.5 0.0001", "3.14   2.5 1.234500e+03 0.0001\n"),
    (
        "printf '%b|%s' 'a\\tb' 'a\\tb'; printf '\\101\\x42\\n'; printf '%d %d %d\\n' 0x10 010 \"'A\"",
        "a\tb|a\\tbAB\n16 8 65\n",
    ),
    (
        "printf '%*d|%-*d|%.3s\\n' 5 42 5 42 abcdef; printf 'no newline'; printf '%s\\n'",
        "   42|42   |abc\nno newline\n",
    ),
    (
        "printf '%i %u\\n' -5 5; printf 'a\\cb'; echo; printf '%b' 'x\\cy' z; echo; printf -- '-n\\n'",
        "-5 5\na\nx\n-n\n",
    ),
    (
        "echo -n a; echo -e 'b\\tc\\x41\\0101\\\\'; echo -E 'd\\n'; echo -ne 'e\\n'; echo -x; echo",
        "ab\tcAA\\\nd\\n\ne\n-x\n\n",
    ),
]


@pytest.mark.parametrize(
    ("script", "expected"),
    [*READING, *LINES, *DATA, *FILES_AND_DIRECTORIES, *FINDING, *SYSTEM, *PRINTING],
)
def test_a_tool_prints_what_busybox_prints(script: str, expected: str) -> None:
    ran = box().sh(script)
    assert (ran.stdout, ran.stderr) == (expected, "")


MISTAKES = [
    ("cat /nope", 1, "cat: can't open '/nope': No such file or directory"),
    ("cat /d", 1, "cat: read error: Is a directory"),
    ("ls /nope", 1, "ls: /nope: No such file or directory"),
    ("head /nope", 1, "head: /nope: No such file or directory"),
    ("tail /nope", 1, "tail: can't open '/nope': No such file or directory"),
    ("wc /nope", 1, "wc: /nope: No such file or directory"),
    ("grep x /nope", 2, "grep: /nope: No such file or directory"),
    ("grep -q x /nope", 2, "grep: /nope: No such file or directory"),
    ("grep", 2, "grep: missing pattern"),
    ("grep '(' -E /d/a", 2, None),
    ("sort /nope", 2, "sort: can't open '/nope': No such file or directory"),
    ("sed s/a/b /d/a", 1, "sed: unterminated s command"),
    ("sed k /d/a", 1, "sed: unsupported command k"),
    ("sed b:x /d/a", 1, "sed: can't find label for jump to ':x'"),
    ("sed 's/a/\\1/' /d/a <<< a", 0, ""),
    ("sed 's/o/\\1/' /d/a", 1, "sed: invalid reference \\1 on s command's RHS"),
    ("cut /d/a", 1, "cut: expected a list of bytes, characters, or fields"),
    ("cut -f 0 /d/a", 1, "cut: invalid range 0"),
    ("mkdir /d", 1, "mkdir: can't create directory '/d': File exists"),
    ("mkdir /x/y", 1, "mkdir: can't create directory '/x/y': No such file or directory"),
    ("rmdir /d", 1, "rmdir: '/d': Directory not empty"),
    ("rmdir /d/a", 1, "rmdir: '/d/a': Not a directory"),
    ("rm /nope", 1, "rm: can't remove '/nope': No such file or directory"),
    ("rm /d", 1, "rm: '/d' is a directory"),
    ("rm -r .", 1, "rm: can't remove '.' or '..'"),
    ("rm", 1, "rm: missing operand"),
    ("cp /nope /x", 1, "cp: can't stat '/nope': No such file or directory"),
    ("cp /d /x", 1, "cp: omitting directory '/d'"),
    ("cp -r /d /d/sub", 1, "cp: recursion detected, omitting directory '/d'"),
    ("cp /d/a /d/a", 1, "cp: '/d/a' and '/d/a' are the same file"),
    ("cp /d/a /nope/x", 1, "cp: can't create '/nope/x': No such file or directory"),
    ("cp /d/a /d/b /n", 1, "cp: target '/n' is not a directory"),
    ("cp /d/a", 1, "cp: missing operand"),
    ("mv /nope /x", 1, "mv: can't rename '/nope': No such file or directory"),
    ("mv /d /d/sub", 1, "mv: can't rename '/d': Invalid argument"),
    ("touch /nope/x", 1, "touch: /nope/x: No such file or directory"),
    ("ln -s x /d/a", 1, "ln: /d/a: File exists"),
    ("chmod 999 /d/a", 1, "chmod: invalid mode '999'"),
    ("chmod 600 /nope", 1, "chmod: /nope: No such file or directory"),
    ("chown nosuch /d/a", 1, "chown: unknown user nosuch"),
    ("stat /nope", 1, "stat: can't stat '/nope': No such file or directory"),
    ("readlink /d/a", 1, ""),
    ("find /nope", 1, "find: /nope: No such file or directory"),
    ("find /d -nope", 1, "find: -nope requires an argument"),
    ("find /d -type q", 1, "find: unknown argument 'q' to -type"),
    ("find /d -name a -exec sleep 5 \\;", 0, "find: sleep: a command that waits is not modelled here"),
    ("du /nope", 1, "du: /nope: No such file or directory"),
    ("df /nope", 1, "df: /nope: No such file or directory"),
    ("dd if=/nope", 1, "dd: can't open '/nope': No such file or directory"),
    ("dd bs=0", 1, "dd: invalid number '0'"),
    ("dd nope", 1, "dd: unrecognized operand 'nope'"),
    ("head -n x /d/a", 1, "head: invalid number 'x'"),
    ("ls --nope", 1, "ls: unrecognized option: nope"),
    ("ls -Z", 1, "ls: unrecognized option: Z"),
    ("head -n", 1, "head: option requires an argument: n"),
    ("sleep", 1, "sleep: missing operand"),
    ("sleep x", 1, "sleep: invalid number 'x'"),
    ("date -d nonsense", 1, "date: invalid date 'nonsense'"),
    ("date -s 2020-01-01", 1, "date: can't set date: Operation not permitted"),
    ("hostname x", 1, "hostname: sethostname: Operation not permitted"),
    ("seq x", 1, "seq: invalid number 'x'"),
    ("seq 1 0 2", 1, "seq: increment must not be zero"),
    ("expr 1 +", 2, "expr: syntax error"),
    ("expr 1 / 0", 2, "expr: division by zero"),
    ("expr a + 1", 2, "expr: non-numeric argument"),
    ("printf '%d\\n' x", 1, "sh: invalid number 'x'"),
    ("printf '%z\\n' x", 1, "sh: %z: invalid format"),
    ("wget http://x", 1, "wget: not modelled: there is no network between processes here"),
    ("mount -t nfs x /y", 1, "mount: permission denied (are you root?)"),
    ("truncate /d/a", 1, "truncate: missing -s"),
    ("mktemp x", 1, "mktemp: x: Invalid argument"),
    ("base64 -d <<< '!!!'", 1, "base64: truncated input"),
    ("env nope", 127, "env: can't execute 'nope': No such file or directory"),
    ("timeout x sleep 1", 1, "timeout: invalid number 'x'"),
    ("xargs -n x echo < /d/a", 1, "xargs: invalid number 'x'"),
    ("kill -l | head -1; kill -9 99", 1, "sh: kill: line 0: can't kill pid 99: No such process"),
]


@pytest.mark.parametrize(("script", "code", "error"), MISTAKES)
def test_a_mistake_is_said_in_busyboxs_words(script: str, code: int, error: str | None) -> None:
    ran = box().sh(script)
    assert ran.code == code
    assert error is None or ran.stderr == (error + "\n" if error else "")


@pytest.mark.parametrize("name", sorted(set(TOOLS) - {"yes"}))
def test_a_tool_without_arguments_says_something_or_ends(name: str) -> None:
    ran = box().run(name, limit=3)
    assert ran.code is not None


# -- what waits --------------------------------------------------------------------------------------------------------
def test_tail_f_of_a_device_serves_for_ever() -> None:
    running = box().started("tail", "-f", "/dev/null", pid1=True)
    assert running.pause.wake_after_us is None
    assert not running.signal("TERM"), "process 1 without a handler"


def test_tail_f_prints_what_is_written_meanwhile() -> None:
    made = box()
    running = made.started("sh", "-c", "tail -n 1 -f /d/a | grep t")
    made.put("/d/a", "one\ntwo\nthree\nfour\nten\n")
    running.go_on()
    made.put("/d/a", "two\n")
    running.go_on()
    assert running.ran.stdout == "three\nten\ntwo\n"


def test_tail_f_looks_ever_later_at_a_file_that_nobody_writes() -> None:
    made = box()
    running = made.started("tail", "-f", "/d/a")
    waits = []
    for _ in range(9):
        waits.append((running.pause.wake_after_us or 0) // 1_000_000)
        running.go_on()
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    made.put("/d/a", "one\ntwo\nthree\nfour\n")
    running.go_on()
    assert running.pause.wake_after_us == 1_000_000


def test_tail_big_f_waits_for_a_file_that_is_not_there() -> None:
    made = box()
    running = made.started("tail", "-F", "/late")
    made.put("/late", "here\n")
    running.go_on()
    assert running.ran.stdout == "here\n"


@pytest.mark.parametrize("given", ["infinity", "inf"])
def test_sleep_infinity_never_ends(given: str) -> None:
    assert box().started("sleep", given).pause.wake_after_us is None


def test_sleep_takes_units() -> None:
    for words, seconds in ((("1d",), 86400), (("2h", "1m"), 7260), (("0.25",), 0.25), (("0",), 0)):
        assert box().run("sleep", *words).seconds == seconds


def test_what_waits_for_more_input_goes_on_when_it_ends() -> None:
    ran = box().sh(
        "(echo b; sleep 1; echo a) | sort; (echo x; sleep 1; echo y) | sed s/x/z/; (sleep 1; echo 3) | xargs echo"
    )
    assert ran.stdout == "a\nb\nz\ny\n3\n"


def test_a_filter_passes_on_what_has_come() -> None:
    running = box().started("sh", "-c", "(echo a; sleep 5; echo b) | tr a-z A-Z | cut -c1 | tee /t")
    assert running.ran.stdout == "A\n"
    running.go_on()
    assert running.ran.stdout == "A\nB\n"


# -- volumes -----------------------------------------------------------------------------------------------------------
def test_nothing_changes_in_a_read_only_volume() -> None:
    made = Box(volumes={"/v": tree.write(Directory(), "f", b"x")}, read_only=("/v",))
    script = "touch /v/g; rm /v/f; mkdir /v/d; cp /v/f /v/g; mv /v/f /v/g; ln -s x /v/l; chmod 600 /v/f; dd if=/v/f of=/v/g; rm -rf /v/*"
    errors = made.sh(script).stderr.splitlines()
    assert len(errors) == 9
    assert all(error.endswith("Read-only file system") for error in errors)
    assert made.sh("[ -w /v ] || echo no; cat /v/f").stdout == "no\nx"


def test_a_full_volume_is_an_error_and_keeps_what_fits() -> None:
    made = Box(volumes={"/v": Directory()}, limits={"/v": 4096 + 1024})
    ran = made.sh("dd if=/dev/zero of=/v/f bs=1k count=4; cp /v/f /v/g; cat /dev/zero > /v/h; df -k /v | tail -1")
    assert "dd: error writing '/v/f': No space left on device" in ran.stderr
    assert "2+0 records in\n1+0 records out" in ran.stderr
    assert "cp: can't create '/v/g': No space left on device" in ran.stderr
    assert ran.stdout.split()[-2:] == ["100%", "/v"]


def test_moving_between_volumes_copies_and_removes() -> None:
    made = Box(volumes={"/v": tree.mkdir(tree.write(Directory(), "f", b"x"), "d")})
    made.put("/tree/inner", "i")
    assert made.sh("mv /v/f /f; cat /f; ls -A /v; mv /tree /v/d; cat /v/d/tree/inner; ls /tree").stdout == "xd\ni"


def test_removing_goes_through_mounts_but_leaves_them() -> None:
    made = Box(volumes={"/m/v": tree.write(Directory(), "f", b"x")})
    ran = made.sh("rm -rf /m; ls -A /m /m/v")
    assert ran.stderr == "rm: can't remove '/m/v': Device or resource busy\n"
    assert ran.stdout == "/m:\nv\n\n/m/v:\n"
