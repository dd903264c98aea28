"""How a server is configured: by its arguments, and by a file that they name.

>>> from volsim.storage.mounts import MountedFiles
>>> words = ("redis-server", "--appendonly", "yes", "--save", "60", "1")
>>> found = configuration(Process(argv=words, env={}, files=MountedFiles([], dict().get), now_us=0))
>>> found.appends, found.saves
(True, ((60, 1),))

Modelled: ``dir``, ``dbfilename``, ``save``, ``appendonly``, ``appendfilename``, ``appenddirname``, ``requirepass``,
``stop-writes-on-bgsave-error``.
Not modelled: all other settings, which change nothing; ``include``.
Source: Redis, src/config.c; redis.conf.
"""

from __future__ import annotations

import shlex

from volsim.objects._record import Record, record
from volsim.programs.files import Files
from volsim.programs.process import Process

__all__ = ["Configuration", "ConfigurationError", "configuration"]

_SAVES = ((3600, 1), (300, 100), (60, 10_000))  # built in; the images come without a configuration file


class ConfigurationError(Exception):
    """A setting that the server does not take; the text is its line."""


@record
class Configuration(Record):
    """What a server is told."""

    directory: str = "/data"
    """The image's working directory."""
    file: str = "dump.rdb"
    saves: tuple[tuple[int, int], ...] = _SAVES
    """(seconds, changes): it saves if so many seconds have passed and so many keys have changed."""
    appends: bool = False
    append_file: str = "appendonly.aof"
    append_directory: str = "appendonlydir"
    password: str = ""
    stops_writes: bool = True
    """It refuses changes after a snapshot has failed."""


def configuration(process: Process) -> Configuration:
    """How the server of a process is configured. Raises `ConfigurationError` and `FileError`."""
    words = [word for word in process.argv[1:] if word != "--protected-mode"]
    lines: list[list[str]] = []
    if words and not words[0].startswith("-"):
        text = Files(process).read(words.pop(0)).decode(errors="replace")
        lines += [shlex.split(line) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for word in words:
        if word.startswith("--"):
            lines.append([word[2:]])
        elif lines:
            lines[-1].append(word)
    found = Configuration()
    saves: tuple[tuple[int, int], ...] | None = None
    for name, *values in lines:
        if name.lower() == "save":
            saves = (*(saves or ()), *_points(values))
        else:
            found = _set(found, name.lower(), values)
    return found if saves is None else found.replace(saves=saves)


def _points(values: list[str]) -> tuple[tuple[int, int], ...]:
    """``save 60 1`` or ``save "60 1 300 10"``; an empty text is none."""
    words = " ".join(values).split()
    if len(words) % 2 or not all(word.isdigit() for word in words):
        raise ConfigurationError(f"save {' '.join(values)}")
    return tuple((int(seconds), int(changes)) for seconds, changes in zip(words[::2], words[1::2], strict=True))


def _set(found: Configuration, name: str, values: list[str]) -> Configuration:
    value = values[0] if values else ""
    match name:
        case "dir":
            return found.replace(directory=value.rstrip("/") or "/")
        case "dbfilename":
            return found.replace(file=value)
        case "appendfilename":
            return found.replace(append_file=value)
        case "appenddirname":
            return found.replace(append_directory=value)
        case "requirepass":
            return found.replace(password=value)
        case "appendonly" | "stop-writes-on-bgsave-error":
            if value not in ("yes", "no"):
                raise ConfigurationError(f"{name} {value}")
            field = "appends" if name == "appendonly" else "stops_writes"
            return found.replace(**{field: value == "yes"})
    return found
