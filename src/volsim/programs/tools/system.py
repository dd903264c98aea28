"""Tools that tell of the system and its processes, and those that say that something is not modelled.

Modelled: `hostname`, `id`, `kill`, `mount` (without arguments), `nproc`, `printenv`, `ps`, `pwd`, `uname`, `which`,
`whoami`, `yes`; one user, root; of the processes `ps` shows its own.
Not modelled: networks (`nc`, `wget`, `curl` and the like say so), mounting, other users.
Source: busybox, coreutils/id.c, coreutils/uname.c, debianutils/which.c, procps/kill.c.
"""

from __future__ import annotations

from typing import Any

from volsim.errors import FileError
from volsim.programs.files import Files
from volsim.programs.process import SIGNALS, Pause, Process, Program, signal_name
from volsim.programs.tools.applet import Applet, Tool, fail, options
from volsim.programs.tools.looking import owner

__all__ = ["TOOLS"]

_KERNEL = "5.15.0"
_YES_MOST = 100_000  # lines that `yes` writes: nobody has read so much, so nobody will
_AT_ONCE = 100  # lines that it writes before others have their turn


def _true(process: Process) -> int:
    return 0


def _false(process: Process) -> int:
    return 1


def _hostname(process: Process) -> int:
    found = options(process, "isfd")
    if found.operands:
        return fail(process, "sethostname: Operation not permitted")
    process.print(process.hostname)
    return 0


def _id(process: Process) -> int:
    found = options(process, "ugGnr")
    uid, gid, groups = process.files.who
    if any(letter in found for letter in "ugG"):
        numbers = (uid,) if "u" in found else (gid,) if "g" in found else (gid, *groups)
        process.print(" ".join(owner(number) if "n" in found else str(number) for number in numbers))
    else:
        together = ",".join(map(_account, (gid, *groups)))
        process.print(f"uid={_account(uid)} gid={_account(gid)} groups={together}")
    return 0


def _account(number: int) -> str:
    """A user or group as `id` shows it: with its name, if it has one."""
    name = owner(number)
    return name if name == str(number) else f"{number}({name})"


def _whoami(process: Process) -> int:
    uid = process.files.who.uid
    if owner(uid) == str(uid):
        return fail(process, f"unknown uid {uid}")
    process.print(owner(uid))
    return 0


def _uname(process: Process) -> int:
    found = options(process, "amnrspviom")
    names = {"s": "Linux", "n": process.hostname, "r": _KERNEL, "v": "#1 SMP", "m": "x86_64", "o": "GNU/Linux"}
    if "a" in found:
        process.print(" ".join(names.values()))
        return 0
    process.print(" ".join(names[letter] for letter in names if letter in found) or "Linux")
    return 0


def _pwd(process: Process) -> int:
    process.print(process.cwd)
    return 0


def _printenv(process: Process) -> int:
    names = process.argv[1:]
    if not names:
        for name, value in process.env.items():
            process.print(f"{name}={value}")
        return 0
    for name in names:
        if name in process.env:
            process.print(process.env[name])
    return int(any(name not in process.env for name in names))


def _which(process: Process) -> int:
    status = 0
    for name in options(process, "a").operands:
        if _found(process, name):
            process.print(name if "/" in name else f"/bin/{name}")
        else:
            status = 1
    return status


def _found(process: Process, name: str) -> bool:
    try:
        return process.find(name, process) is not None
    except FileError:
        return False


def _ps(process: Process) -> int:
    process.print("PID   USER     TIME  COMMAND")
    process.print(f"{1 if process.pid1 else 7:5} root      0:00 {' '.join(process.argv)}")
    return 0


def _nproc(process: Process) -> int:
    process.print("1")
    return 0


def _kill(process: Process) -> int:
    words, name = list(process.argv[1:]), "TERM"
    if words[:1] == ["-l"]:
        for each, number in SIGNALS.items():
            process.print(f"{number:2}) {each}")
        return 0
    if words[:1] == ["-s"] and len(words) > 1:
        words[:2] = [f"-{words[1]}"]
    if words and words[0].startswith("-") and words[0] != "--":
        found = signal_name(words[0][1:])
        if found is None:
            return fail(process, f"bad signal name '{words[0][1:]}'")
        name = found
        words = words[1:]
    for word in words:
        if not (word.isascii() and word.isdigit()):
            return fail(process, f"invalid number '{word}'")
        process.sent.append((int(word), name))
    return 0


def _nothing(process: Process) -> int:
    """`sync` and its like: what is written is written."""
    return 0


def _unmodelled(process: Process) -> int:
    return fail(process, "not modelled: there is no network between processes here")


def _mount(process: Process) -> int:
    if len(process.argv) > 1:
        return fail(process, "permission denied (are you root?)")
    for line in Files(process).read("/proc/mounts").decode().splitlines():
        device, path, kind, access = line.split()[:4]
        process.print(f"{device} on {path} type {kind} ({access})")
    return 0


class _Yes(Tool):
    """`yes`: writes for ever, or until whoever reads has had enough."""

    def start(self, process: Process) -> Pause:
        return self.resume(0, process)

    def resume(self, memory: Any, process: Process) -> Pause:
        if memory >= _YES_MOST:
            process.complain(f"{process.name}: killed: nobody reads what it writes without end")
            return Pause.exited(128 + SIGNALS["KILL"])
        process.print("\n".join([" ".join(process.argv[1:]) or "y"] * _AT_ONCE))
        return Pause.sleeping(0, memory=memory + _AT_ONCE)


TOOLS: dict[str, Program] = {
    "false": Applet(_false), "hostname": Applet(_hostname), "id": Applet(_id), "kill": Applet(_kill),
    "mount": Applet(_mount), "nproc": Applet(_nproc), "printenv": Applet(_printenv), "ps": Applet(_ps),
    "pwd": Applet(_pwd), "sync": Applet(_nothing), "true": Applet(_true), "uname": Applet(_uname),
    "which": Applet(_which), "whoami": Applet(_whoami), "yes": _Yes(),
    **{name: Applet(_unmodelled) for name in ("curl", "nc", "netcat", "nslookup", "ping", "telnet", "wget")},
}  # fmt: skip
