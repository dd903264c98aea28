"""The client `redis-cli`: has the container's server do commands, and prints what it answers.

On a terminal answers say what they are (``(integer) 1``, ``(nil)``, quotes); otherwise they are bare.

Modelled: ``-h -p -a -n -x --raw --no-raw -e``; commands from its input; a person's prompts; ``SHUTDOWN``.
Not modelled: servers in other containers, ``--scan``, ``--bigkeys`` and other modes.
Source: Redis, src/redis-cli.c (cliFormatReplyTTY, cliFormatReplyRaw).
"""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

from volsim.programs.process import Process, decode, encode
from volsim.programs.redis.commands import CommandError, Reply, Status
from volsim.programs.redis.server import Instance, version_of
from volsim.programs.tools.applet import Applet, UsageError

__all__ = ["REDIS_CLI"]

_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_VALUED = ("-h", "-p", "-a", "-n", "-u", "--pass", "--user")
_FLAGS = ("-x", "-e", "--raw", "--no-raw", "--no-auth-warning", "--version", "-v")
_SIGNS = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\", 7: "\\a", 8: "\\b"}


class _Options(NamedTuple):
    """What a command line says."""

    given: dict[str, str]
    words: list[bytes]


def _options(process: Process) -> _Options:
    given: dict[str, str] = {}
    words = list(process.argv[1:])
    while words and words[0].startswith("-") and len(words[0]) > 1:
        word = words.pop(0)
        if word in _VALUED and words:
            given[word] = words.pop(0)
        elif word in _FLAGS:
            given[word] = ""
        else:
            raise UsageError(f"Unrecognized option or bad number of args for: '{word}'")
    return _Options(given, [encode(word) for word in words])


def _quoted(data: bytes) -> str:
    """A text as a terminal shows it."""
    shown = (_SIGNS.get(sign) or (chr(sign) if 32 <= sign < 127 else f"\\x{sign:02x}") for sign in data)
    return '"' + "".join(shown) + '"'


def shown(reply: Reply, prefix: str = "") -> str:
    """An answer as a terminal shows it.

    >>> print(shown([b"a", 1, None]))
    1) "a"
    2) (integer) 1
    3) (nil)
    """
    match reply:
        case None:
            return "(nil)"
        case Status():
            return str(reply)
        case int():
            return f"(integer) {reply}"
        case bytes():
            return _quoted(reply)
    if not reply:
        return "(empty array)"
    width = len(str(len(reply)))
    return f"\n{prefix}".join(f"{number:>{width}}) {shown(each)}" for number, each in enumerate(reply, 1))


def bare(reply: Any) -> bytes:
    """An answer as it is."""
    match reply:
        case None:
            return b""
        case bytes():
            return reply
        case list():
            return b"\n".join(map(bare, reply))
    return str(reply).encode()


class _Client:
    """One run of the client."""

    def __init__(self, process: Process, options: _Options) -> None:
        self._process, self._given = process, options.given
        self._terminal = ("--no-raw" in options.given or process.tty) and "--raw" not in options.given
        self._password = options.given.get("-a", options.given.get("--pass", process.env.get("REDISCLI_AUTH", "")))
        self.failed = False

    def _refused(self) -> bool:
        """Say that there is no server to be reached."""
        host = self._given.get("-h", "127.0.0.1")
        address = f"{host}:{self._given.get('-p', '6379')}"
        local = host in _LOCAL or host == self._process.hostname
        why = "Connection refused" if local else "Name or service not known"
        self._process.complain(f"Could not connect to Redis at {address}: {why}")
        return True

    def do(self, words: list[bytes]) -> bool:
        """Have the server do a command, and print its answer; whether there is a server."""
        host = self._given.get("-h", "")
        there = host in _LOCAL or host == self._process.hostname
        instance = Instance.running(self._process) if there else None
        if instance is None:
            self._refused()
            return False
        try:
            self._check_password(instance, words)
            if words[0].lower() == b"shutdown":
                self._shut_down(instance, words)
                return True
            self._print(instance.do(words))
        except CommandError as error:
            self.failed = True
            self._process.print(f"(error) {error}" if self._terminal else str(error))
        instance.keep()
        self._process.sent.append((1, "POLL"))
        return True

    def _check_password(self, instance: Instance, words: list[bytes]) -> None:
        wanted = instance.settings.password
        if words[0].lower() == b"auth":
            self._password = decode(words[-1])
            if self._password != wanted:
                raise CommandError("WRONGPASS invalid username-password pair or user is disabled.")
            words[:] = [b"ECHO", b"OK"]
        if wanted and self._password != wanted:
            raise CommandError("NOAUTH Authentication required.")

    def _shut_down(self, instance: Instance, words: list[bytes]) -> None:
        instance.memory.leaves = len(words) > 1 and words[1].lower() == b"nosave"
        instance.keep()
        self._process.sent.append((1, "TERM"))

    def _print(self, reply: Reply) -> None:
        if self._terminal:
            self._process.print(shown(reply))
        else:
            self._process.write(bare(reply) + b"\n")

    def converse(self, typed: str) -> bool:
        """Do what a person has typed, line by line, each behind a prompt; whether there is a server."""
        prompt = f"{self._given.get('-h', '127.0.0.1')}:{self._given.get('-p', '6379')}> "
        for line in typed.splitlines():
            self._process.print(f"{prompt}{line}")
            words = shlex.split(line)
            if words and words[0].lower() in ("quit", "exit"):
                return True
            if words and not self.do([encode(word) for word in words]):
                return False
        self._process.print(prompt, end="")
        return True


def _cli(process: Process) -> int:
    options = _options(process)
    if {"--version", "-v"} & set(options.given):
        process.print(f"redis-cli {version_of(process)}")
        return 0
    if {"-a", "--pass"} & set(options.given) and "--no-auth-warning" not in options.given:
        process.complain(
            "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe."
        )
    words = options.words
    client = _Client(process, options)
    if "-x" in options.given:
        words = [*words, process.input()]
    if words:
        reached = client.do(words)
    elif process.tty:
        reached = client.converse(process.input().decode(errors="replace"))
    else:
        lines = process.input().decode(errors="replace").splitlines()
        reached = all(client.do([encode(word) for word in shlex.split(line)]) for line in lines if line.strip())
    return int(not reached or (client.failed and "-e" in options.given))


REDIS_CLI = Applet(_cli)
"""The client."""
