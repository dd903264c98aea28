"""Which programs and files an image holds, by its name.

Modelled: busybox and the usual distributions, the web servers, the databases, `pause`; everything else is a server that
runs until it is told to stop, with a shell and tools at hand.
Not modelled: layers, registries, pulling, tags (but for the version of a database), who may run what.
Source: the images' own Dockerfiles (docker-library); OCI image specification, config.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs

from volsim.errors import FileError
from volsim.objects._record import FrozenDict
from volsim.programs.database import PROGRAMS as DATABASE
from volsim.programs.files import Files
from volsim.programs.process import Pause, Process, Program
from volsim.programs.servers import SERVER
from volsim.programs.shell import SHELL
from volsim.programs.tools import TOOLS
from volsim.storage import tree
from volsim.storage.tree import Directory

__all__ = ["Image", "command", "image_for"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHELLS: dict[str, Program] = {"sh": SHELL, "ash": SHELL, "dash": SHELL}


@attrs.frozen(kw_only=True)
class Image:
    """What a container gets from its image.

    >>> image_for("docker.io/library/busybox:1.36").arguments
    ('sh',)
    """

    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = attrs.field(factory=FrozenDict)
    files: Directory = attrs.field(factory=Directory)
    programs: Mapping[str, Program] = attrs.field(factory=dict, repr=False, eq=False)
    """What it holds, by name."""
    unknown: bool = False
    """Nobody knows what else it holds: any other name is a server."""


def name_of(image: str) -> tuple[str, str]:
    """The name of an image without registry, and its tag.

    >>> name_of("registry.k8s.io/e2e-test-images/busybox:1.36@sha256:0"), name_of("localhost:5000/db")
    (('busybox', '1.36'), ('db', 'latest'))
    """
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name, tag or "latest"


def _directories(*paths: str) -> Directory:
    root = Directory()
    for path in (*paths, "/tmp", "/root", "/etc", "/var", "/home", "/proc", "/dev", "/sys", "/usr", "/bin"):
        root = tree.mkdir(root, path, parents=True)
    return tree.write(root, "/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")


@lru_cache(maxsize=256)
def image_for(name: str) -> Image:
    """The image of that name."""
    short, tag = name_of(name)
    env = FrozenDict({"PATH": _PATH, "HOME": "/root"})
    basic = {**TOOLS, **_SHELLS}
    if short in ("busybox", "alpine", "debian", "ubuntu", "centos"):
        more = {} if short in ("busybox", "alpine") else {"bash": SHELL}
        return Image(arguments=("sh",), env=env, files=_directories(), programs={**basic, **more})
    if short in ("mysql", "mariadb", "percona"):
        version = "5.7.44" if tag.startswith("5.7") else "8.0.36"
        return Image(
            entrypoint=("docker-entrypoint.sh",), arguments=("mysqld",), env=FrozenDict({**env, "MYSQL_VERSION": version}),
            files=_directories("/var/lib/mysql", "/var/run/mysqld"), programs={**basic, "bash": SHELL, **DATABASE},
        )  # fmt: skip
    return Image(entrypoint=("server",), env=env, files=_directories(), programs={**basic, "bash": SHELL}, unknown=True)


class _Installed:
    """A program of an image: what it starts is looked for in the same image."""

    def __init__(self, image: Image, program: Program) -> None:
        self._image, self._program = image, program

    def _placed(self, process: Process) -> Process:
        process.find = lambda name, inner: find(self._image, name, inner)
        return process

    def start(self, process: Process) -> Pause:
        return self._program.start(self._placed(process))

    def resume(self, memory: Any, process: Process) -> Pause:
        return self._program.resume(memory, self._placed(process))

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        return self._program.signal(memory, self._placed(process), name)


def find(image: Image, name: str, process: Process | None = None) -> Program | None:
    """The program that a name or path means in an image."""
    base = name.rpartition("/")[2]
    found = image.programs.get(base)
    if found is None and image.unknown:
        return SERVER
    return found


def command(image: Image, argv: tuple[str, ...]) -> Program | None:
    """The program that a container's command line starts; None if the image has none of that name."""
    program = find(image, argv[0])
    return None if program is None else _Installed(image, program)
