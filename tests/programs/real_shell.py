"""A real ``/bin/sh`` to compare ours with, in a cage: what it may be given, and where and as whom it runs.

A script is refused unless every sign of it belongs to a small language that cannot name anything outside of the
directory that it runs in (`refuse`). Two readings have to agree on that: a list of patterns that no text may contain,
and a grammar that every text must follow. What is let through runs as a user who may write nowhere else, in a fresh
directory, with links to a few tools as its ``PATH``, and with limits (`Cage`).
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

NAMES = ("a", "b", "c", "aa", "ab", "d", "e", "d1")
"""All that a file or directory may be called; a path is one of them, or one within another."""
VARIABLES = ("x", "y", "z", "i", "j")
TOOLS = ("cat", "cp", "grep", "head", "ls", "mkdir", "mv", "rm", "sort", "tail", "touch", "uniq", "wc")
BUILTINS = ("[", "echo", "exit", "false", "printf", "test", "true")
GLOBS = ("*", "a*", "*b", "?", "??", "[ab]", "[ab]*", "[!a]*", "d/*", "d*/a", "e/?")

NOBODY = 65534
SECONDS_MOST = 5.0
_SCRIPT_MOST = 4_000  # characters; what the grammar makes is far below


class Refused(Exception):
    """A script that must not be run."""


# -- the first reading: what no text contains --------------------------------------------------------------------------
_NEVER = {
    "a sign that is not plain": r"[^\n -~]",
    "a home directory": r"~",
    "a directory above": r"\.\.",
    "a path from the root": r"(?<![a-z0-9*?\]])/",
    "a path behind something that may be empty": r"""[$][?#]?\w+/|[}"')]/|[?]/""",
    "a variable of the shell": r"[$]\{?#?[A-Z]",
    "a word that does more than the tests need": (
        r"\b(alias|bg|builtin|busybox|cd|chgrp|chmod|chown|chroot|command|dd|env|eval|exec|export|fg|find|install|kill|"
        r"ln|local|mkfs|mkfifo|mknod|mount|nohup|popd|pushd|pwd|read|rmdir|set|setsid|sh|bash|dash|shift|source|su|"
        r"sudo|tee|trap|truncate|umask|umount|unlink|unset|wait|xargs)\b"
    ),
    "a dot as a command": r"(^|[\s;&|({!])\.(?=\s|$)",
    "backquotes": r"`",
    "arithmetic that is more than sums": r"\(\((?![a-z0-9]+([-+*][a-z0-9]+)*\)\))",
    "a here-document": r"<<",
    "a command in the background": r"(?<!&)&(?!&)",
    "a descriptor": r"[<>]&|&[<>]|[0-9][<>]|[<>]\|",
    "a redirection to what is not a plain name": r"[<>] *(?![<> ])(?![a-z])",
    "a change of files whose names are not plain": r"\b(rm|mv|cp|mkdir|touch)\b[^\n;&|)}]*[$*?\[\]~\"'\\(={]",
    "a removal of more than one name": r"\brm\b(?! -[fr] [a-z0-9]+(/[a-z0-9]+)?( *$| *[\n;&|)]| +\}))",
}
"""What is wrong with a text, and the regular expression that finds it."""

# -- the second reading: what every text consists of -------------------------------------------------------------------
_NAME = "(?:" + "|".join(sorted(NAMES, key=len, reverse=True)) + ")"
_VARIABLE = r"\$(?:[xyzij](?![A-Za-z0-9_])|\?)|\$\{#[xyz]\}|\$\{[xyz](?:(?::-|%)[a-z0-9]+)?\}"
_LEXICON = re.compile(
    "|".join(
        f"(?P<{kind}>{pattern})"
        for kind, pattern in {
            "blank": r" +",
            "end": r"\n|;|&&|\|\|?",
            "redirect": r">>|>|<",
            "arithmetic": r"\$\(\([a-z0-9]+(?:[-+*][a-z0-9]+)*\)\)",
            "quoted": r'"\$\(',
            "open": r"\$?\((?!\()",
            "close": r"\)\"?",
            "variable": _VARIABLE,
            "text": r"""'[A-Za-z0-9 %\\.^$*|:,-]*'|"(?:[A-Za-z0-9 :,+-]|\$\{[xyz]#[a-z0-9]+\}|""" + _VARIABLE + ')*"',
            "assignment": r"[xyzij]=",
            "option": r"-[a-z]+(?![a-z0-9])",
            "glob": "(?:" + "|".join(map(re.escape, sorted(GLOBS, key=len, reverse=True))) + r")(?=[ \n;|&)])",
            "sign": r"!=|=|!|\[|\]|\{|\}",
            "word": r"[a-z0-9]+(?:/[a-z0-9]+)?",
        }.items()
    )
)
_OPENING = frozenset({"if", "while", "then", "else", "elif", "do", "!", "{"})
_CLOSING = frozenset({"fi", "done", "}"})
_PATH = re.compile(f"{_NAME}(?:/{_NAME})?")
_NUMBER = re.compile(r"[0-9]{1,4}")


class Token(NamedTuple):
    """A piece of a script; `tight`: no blank stands before it."""

    kind: str
    text: str
    tight: bool


Word = tuple[Token, ...]


def _tokens(text: str) -> Iterator[Token]:
    at, tight = 0, False
    while at < len(text):
        found = _LEXICON.match(text, at)
        if found is None or found.lastgroup is None:
            raise Refused(f"not in the grammar: {text[at : at + 20]!r}")
        at = found.end()
        if found.lastgroup != "blank":
            yield Token(found.lastgroup, found.group(), tight)
        tight = found.lastgroup not in ("blank", "end")
        if found.lastgroup in ("open", "quoted"):
            tight = False


class _Reader:
    """Reads the commands of a script, and checks each."""

    def __init__(self, text: str) -> None:
        self._rest = list(_tokens(text))[::-1]

    def read(self, closing: str = "") -> None:
        """Read commands up to the end, or up to the parenthesis that closes them."""
        words: list[Word] = []
        while self._rest:
            token = self._rest.pop()
            if token.kind == "end":
                _check(words)
                words = []
            elif token.kind == "close":
                _check(words)
                if token.text != {"open": ")", "quoted": ')"'}.get(closing):
                    raise Refused("a parenthesis or quote that closes nothing")
                return
            elif token.kind == "redirect":
                self._redirect(token, words)
            else:
                self._add(token, words)
        _check(words)
        if closing:
            raise Refused("a parenthesis that is not closed")

    def _redirect(self, token: Token, words: list[Word]) -> None:
        target = self._rest.pop() if self._rest else token
        following = self._rest[-1] if self._rest else None
        glued = following is not None and following.tight and following.kind not in ("end", "close")
        if (token.tight and words and words[-1][-1].kind == "word") or glued or not _is_path((target,)):
            raise Refused("a redirection to what is not a name")

    def _add(self, token: Token, words: list[Word]) -> None:
        if token.kind in ("open", "quoted"):
            if token.text == "(" and not _begins(words):
                raise Refused("a subshell where no command begins")
            self.read(token.kind)
            token = token._replace(kind="subshell" if token.text == "(" else "substitution")
        if token.tight and words:
            words[-1] = (*words[-1], token)
        else:
            words.append((token,))


def _begins(words: list[Word]) -> bool:
    """Whether a command can begin behind some words."""
    return all(len(word) == 1 and word[0].text in _OPENING for word in words)


def _is_path(word: Word) -> bool:
    return len(word) == 1 and word[0].kind == "word" and _PATH.fullmatch(word[0].text) is not None


def _is_number(word: Word) -> bool:
    return len(word) == 1 and word[0].kind == "word" and _NUMBER.fullmatch(word[0].text) is not None


def _is_glob(word: Word) -> bool:
    return any(token.kind == "glob" for token in word)


def _check(words: list[Word]) -> None:
    """Raise `Refused` unless the words are a command that may be run."""
    rest = list(words)
    while rest and len(rest[0]) == 1 and rest[0][0].text in _OPENING and rest[0][0].kind in ("word", "sign"):
        rest.pop(0)
    if not rest:
        return
    first = rest[0][0]
    if first.kind == "subshell" or first.text in _CLOSING:
        allowed = len(rest) == len(rest[0]) == 1
    elif first.kind == "assignment":
        allowed = len(rest) == 1 and not _is_glob(rest[0]) and all(token.kind != "sign" for token in rest[0][1:])
    elif first.text == "for":
        head = tuple(word[0].text for word in rest[1:3])
        allowed = len(head) == 2 and head[0] in VARIABLES and head[1] == "in" and not any(map(_is_glob, rest))
    else:
        allowed = len(rest[0]) == 1 and first.kind in ("word", "sign") and _may_run(first.text, rest[1:])
    if not allowed:
        raise Refused("not a command of the grammar: " + " ".join("".join(each.text for each in word) for word in rest))
    for word in rest:
        if len(word) > 1 and any("/" in token.text for token in word):
            raise Refused("a path that is put together")


_OPTIONS = {
    "cat": (), "grep": ("-c", "-v", "-i", "-n", "-q"), "sort": ("-r", "-n", "-u"), "uniq": ("-c", "-d", "-u"),
    "wc": ("-l", "-c", "-w"), "ls": (),
}  # fmt: skip


def _may_run(name: str, arguments: list[Word]) -> bool:
    """Whether a command is one of those that may be run, with arguments that it may have."""
    globs = any(map(_is_glob, arguments))
    match name:
        case "rm":
            one = len(arguments) == 2 and len(arguments[0]) == 1 and arguments[0][0].text in ("-f", "-r")
            return one and _is_path(arguments[1])
        case "mkdir":
            plain = arguments[1:] if arguments and arguments[0][0].text == "-p" else arguments
            return bool(plain) and all(map(_is_path, plain))
        case "cp" | "mv":
            return len(arguments) == 2 and all(map(_is_path, arguments))
        case "touch":
            return bool(arguments) and all(map(_is_path, arguments))
        case "head" | "tail":
            counted = len(arguments) > 1 and arguments[0][0].text == "-n" and _is_number(arguments[1])
            return counted and all(map(_is_path, arguments[2:]))
        case "exit":
            return not arguments or (len(arguments) == 1 and _is_number(arguments[0]))
        case "true" | "false":
            return not arguments
        case "echo":
            return True
        case "printf" | "test" | "[":
            return not globs
        case "cat" | "grep" | "ls" | "sort" | "uniq" | "wc":
            return _may_read(name, arguments)
    return False


def _may_read(name: str, arguments: list[Word]) -> bool:
    """Whether a tool that only reads has options and names that it may have."""
    rest = list(arguments)
    while rest and rest[0][0].kind == "option":
        if len(rest[0]) != 1 or rest.pop(0)[0].text not in _OPTIONS[name]:
            return False
    if name == "grep":
        pattern = rest.pop(0) if rest else ()
        if not pattern or any(token.kind not in ("word", "text", "variable") for token in pattern):
            return False
    return all(_is_path(word) or (name in ("cat", "ls") and len(word) == 1 and _is_glob(word)) for word in rest)


def refuse(script: str) -> None:
    """Raise `Refused` unless a script can do nothing but what the tests need, in the directory that it runs in."""
    if len(script) > _SCRIPT_MOST:
        raise Refused("it is too long")
    for what, pattern in _NEVER.items():
        if re.search(pattern, script, re.MULTILINE):
            raise Refused(what)
    _Reader(script).read()


# -- the cage ----------------------------------------------------------------------------------------------------------
class Outcome(NamedTuple):
    """What a script left."""

    stdout: bytes
    code: int
    files: Mapping[str, bytes | None]
    """By path, below the directory that it ran in; None: a directory."""
    complained: bool
    """It wrote something to standard error; what, each shell words in its own way."""


def _limit(cpu_seconds: int) -> None:
    """Bound what a process may use up, before it becomes the shell."""
    for which, most in (
        (resource.RLIMIT_FSIZE, 1_000_000),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NPROC, 64),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (most, most))


class Cage:
    """Runs scripts where they can do no harm; `tools` is a directory for links to the tools."""

    def __init__(self, tools: Path) -> None:
        self._tools = tools
        tools.chmod(0o755)
        for name in TOOLS:
            path = shutil.which(name, path="/usr/bin:/bin")
            if path is None:
                raise FileNotFoundError(name)
            (tools / name).symlink_to(path)

    def run(self, script: str, *, cpu_seconds: int = 2) -> Outcome:
        """What a script does in an empty directory. Raises `Refused` for one that is not in the grammar."""
        refuse(script)
        return self._run(script, cpu_seconds)

    def can_write(self, path: Path) -> bool:
        """Whether something outside of the cage can be made in it; that is undone."""
        if path.exists():
            raise FileExistsError(path)
        self._run(f"touch '{path}'")
        written = path.exists()
        if written:
            path.unlink()
        return written

    def _run(self, script: str, cpu_seconds: int = 2) -> Outcome:
        with (
            tempfile.TemporaryDirectory(prefix="volsim-cage-") as name,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            cage = Path(name)
            code = self._finished(self._started(script, cage, out.fileno(), err.fileno(), cpu_seconds))
            out.seek(0)
            err.seek(0)
            return Outcome(out.read(), code, _files(cage), bool(err.read()))

    def _started(self, script: str, cage: Path, out: int, err: int, cpu_seconds: int) -> subprocess.Popen[bytes]:
        root = os.geteuid() == 0
        cage.chmod(0o700)
        if root:
            os.chown(cage, NOBODY, NOBODY)
        return subprocess.Popen(
            ["/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=cage,
            env={"PATH": str(self._tools), "HOME": str(cage), "LC_ALL": "C"},
            user=NOBODY if root else None,
            group=NOBODY if root else None,
            extra_groups=[] if root else None,
            umask=0o077,
            start_new_session=True,
            preexec_fn=partial(_limit, cpu_seconds),  # noqa: PLW1509 - no test starts threads
        )

    @staticmethod
    def _finished(process: subprocess.Popen[bytes]) -> int:
        """The exit code. Nothing runs in the background; what takes too long is ended with all that it started."""
        try:
            return process.wait(SECONDS_MOST)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # a group of its own, whose number is kept until `wait`
            return process.wait()


def _files(cage: Path) -> dict[str, bytes | None]:
    found = sorted(cage.rglob("*"))
    return {str(path.relative_to(cage)): path.read_bytes() if path.is_file() else None for path in found}
