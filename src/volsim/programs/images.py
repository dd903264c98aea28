"""Which programs and files an image holds, by its name without registry and tag.

Modelled: busybox and the usual distributions, the usual web servers, MySQL and its relatives, `pause`; your own
images. Every other image is a server that runs until it is told to stop, whatever its command is, with a shell and
tools at hand.
Not modelled: layers, registries, users, what else an image holds.
Source: the images' own Dockerfiles (docker-library); OCI image specification, config.md.

>>> image_for("docker.io/library/nginx:1.27").arguments
('nginx', '-g', 'daemon off;')
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from posixpath import dirname
from typing import Any

import attrs

from volsim.errors import FileError, VolsimError
from volsim.objects._record import FrozenDict
from volsim.programs import database, servers
from volsim.programs.process import Pause, Process, Program
from volsim.programs.scripts import SCRIPT, again, lies_at
from volsim.programs.shell import SHELL
from volsim.programs.tools import TOOLS
from volsim.storage import tree
from volsim.storage.tree import Directory

__all__ = ["Image", "command", "image_for", "register"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = frozenset(_PATH.split(":"))
_BASIC: dict[str, Program] = {**TOOLS, **dict.fromkeys(("ash", "dash", "sh"), SHELL)}
_USUAL: dict[str, Program] = {
    **_BASIC, "bash": SHELL, **dict.fromkeys(("apk", "apt", "apt-get", "dnf", "microdnf", "yum"), servers.NO_PACKAGES),
}  # fmt: skip


@attrs.frozen(kw_only=True)
class Image:
    """What a container gets from its image.

    >>> image_for("busybox").arguments, image_for("mysql:5.7").env["MYSQL_VERSION"]
    (('sh',), '5.7.44')
    """

    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = attrs.field(factory=FrozenDict)
    files: Directory = attrs.field(factory=Directory)
    programs: Mapping[str, Program] = attrs.field(factory=dict, repr=False, eq=False)
    """What it holds, by name."""
    known: bool = True
    """It holds nothing else; in an image that is not known, every other name is a server."""


# -- the images --------------------------------------------------------------------------------------------------------
def _files(files: Mapping[str, bytes], *directories: str) -> Directory:
    """A root file system with what every image has."""
    root = Directory()
    for path in (
        "/bin",
        "/dev",
        "/etc",
        "/home",
        "/proc",
        "/root",
        "/sys",
        "/tmp",
        "/usr/bin",
        "/var/log",
        *directories,
    ):
        root = tree.mkdir(root, path, parents=True)
    for path, data in {
        "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
        "/etc/group": b"root:x:0:\n",
        **files,
    }.items():
        root = tree.write(tree.mkdir(root, dirname(path), parents=True), path, data)
    return root


def _image(
    *arguments: str,
    entrypoint: str = "",
    programs: Mapping[str, Program] | None = None,
    files: Mapping[str, bytes] | None = None,
    directories: tuple[str, ...] = (),
    known: bool = False,
    **env: str,
) -> Image:
    started = {entrypoint.rpartition("/")[2]: servers.ENTRYPOINT} if entrypoint else {}
    return Image(
        entrypoint=(entrypoint,) if entrypoint else (),
        arguments=arguments,
        env=FrozenDict({"PATH": _PATH, "HOME": "/root", **env}),
        files=_files(files or {}, *directories),
        programs={**_USUAL, **started, **(programs or {})},
        known=known,
    )


def _server(*arguments: str, directories: tuple[str, ...] = (), entrypoint: str = "docker-entrypoint.sh") -> Image:
    """An image whose server is known by name only."""
    return _image(*arguments, entrypoint=entrypoint, directories=directories, programs={arguments[0]: servers.SERVER})


_PAGE = b"<html><body><h1>%s</h1></body></html>\n"


def _mysql(tag: str) -> Image:
    version = "5.7.44" if tag.startswith("5.7") else "5.6.51" if tag.startswith("5.6") else "8.0.36"
    return _image(
        "mysqld", entrypoint="docker-entrypoint.sh", programs=database.PROGRAMS, known=True,
        directories=("/var/lib/mysql", "/var/run/mysqld", "/docker-entrypoint-initdb.d"), MYSQL_VERSION=version,
    )  # fmt: skip


def _mariadb(tag: str) -> Image:
    version = "10.11.6" if tag.startswith("10") or tag == "latest" else "11.2.2"
    return attrs.evolve(_mysql("8"), env={**_mysql("8").env, "MYSQL_VERSION": f"{version}-MariaDB"})


def _named(name: str, tag: str) -> Image | None:
    """The image of a name; None if nothing is known of it."""
    match name:
        case "busybox":
            files = _files({})
            return Image(arguments=("sh",), env={"PATH": _PATH, "HOME": "/root"}, files=files, programs=_BASIC)
        case "alpine":
            return _image("/bin/sh", known=True)
        case "debian" | "ubuntu" | "centos" | "fedora" | "rockylinux" | "almalinux" | "amazonlinux" | "bash":
            return _image("bash" if name in ("debian", "bash") else "/bin/bash", known=True)
        case "pause":
            env = {"PATH": _PATH}
            return Image(entrypoint=("/pause",), env=env, programs={"pause": servers.PAUSE})
        case "hello-world":
            return Image(arguments=("/hello",), env={"PATH": _PATH}, programs={"hello": servers.HELLO})
        case "nginx":
            page = {"/usr/share/nginx/html/index.html": _PAGE % b"Welcome to nginx!"}
            image = _server("nginx", "-g", "daemon off;", entrypoint="/docker-entrypoint.sh")
            return attrs.evolve(image, files=_files(page, "/etc/nginx/conf.d", "/var/cache/nginx", "/var/log/nginx"))
        case "httpd":
            page = {"/usr/local/apache2/htdocs/index.html": _PAGE % b"It works!"}
            return _image(
                "httpd-foreground", programs={"httpd-foreground": servers.SERVER, "httpd": servers.SERVER}, files=page
            )
        case "mysql" | "mysql-server" | "percona" | "percona-server":
            return _mysql(tag)
        case "mariadb":
            return _mariadb(tag)
        case "postgres":
            return _server("postgres", directories=("/var/lib/postgresql/data",))
        case "redis" | "valkey":
            return _server(f"{name}-server", directories=("/data",))
        case "mongo":
            return _server("mongod", directories=("/data/db",))
    return None


def name_of(image: str) -> tuple[str, str]:
    """The name of an image without registry, and its tag.

    >>> name_of("registry.k8s.io/e2e-test-images/busybox:1.36@sha256:0"), name_of("localhost:5000/db")
    (('busybox', '1.36'), ('db', 'latest'))
    """
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name, tag or "latest"


@lru_cache(maxsize=1024)
def _built(name: str) -> Image:
    return _named(*name_of(name)) or _image("server", programs={"server": servers.SERVER})


def image_for(name: str) -> Image:
    """The image that a container names: yours, one that is known, or a server of which nothing is known."""
    return _OWN.get(name_of(name)[0]) or _built(name)


# -- your own ----------------------------------------------------------------------------------------------------------
_OWN: dict[str, Image] = {}


def register(
    name: str, program: Program, *, files: Mapping[str, bytes] | None = None, env: Mapping[str, str] | None = None
) -> Image:
    """Make an image of your own, which runs `program`, and has the usual shell and tools beside it.

    `name` has neither registry nor tag: every container whose image has that name runs it. Images are the same for all
    simulations, as a registry is; one that was there under that name is replaced. Raises `VolsimError` for a name with
    ``/``, ``:`` or ``@``.

    >>> from volsim.programs import Pause, function
    >>> def writer(process, memory):
    ...     process.files.write("/data/log", b"I was here\\n", append=True)
    ...     return Pause.sleeping(60_000_000)
    >>> register("writer", function(writer)).entrypoint
    ('writer',)
    """
    if not name or set(name) & set("/:@"):
        raise VolsimError(
            f"{name!r} is no image's name without registry and tag; did you mean {name_of(name)[0] or 'app'!r}?"
        )
    image = attrs.evolve(
        _image(programs={name: program}, files=files or {}, known=True, **(env or {})), entrypoint=(name,)
    )
    _OWN[name] = image
    return image


# -- programs ----------------------------------------------------------------------------------------------------------
class _Installed:
    """A program of an image: what it starts is looked for in the same image."""

    def __init__(self, image: Image) -> None:
        self._image = image

    def _placed(self, process: Process) -> Process:
        process.find = lambda name, inner: find(self._image, name, inner)
        return process

    def start(self, process: Process) -> Pause:
        """Start what the process's first word means."""
        name = process.argv[0]
        try:
            program = find(self._image, name, self._placed(process))
        except FileError as error:
            process.complain(f'exec: "{name}": {(error.strerror or "").lower()}')
            return Pause.exited(126)
        if program is None:
            process.complain(f'exec: "{name}": executable file not found in $PATH')
            return Pause.exited(127)
        return program.start(process)

    def resume(self, memory: Any, process: Process) -> Pause:
        """Let it go on."""
        return again(self._placed(process), memory).resume(memory, process)

    def signal(self, memory: Any, process: Process, name: str) -> Pause | None:
        """Pass a signal on to it."""
        return again(self._placed(process), memory).signal(memory, process, name)


def _in_image(image: Image, name: str) -> Program | None:
    """The program of an image that a name or path means."""
    directory, _, base = name.rpartition("/")
    if directory in _PROGRAMS or not directory or not image.known or (base,) == image.entrypoint:
        return image.programs.get(base)
    return image.programs.get(base) if name in (*image.entrypoint, *image.arguments) else None


def find(image: Image, name: str, process: Process) -> Program | None:
    """The program that a name means to a process: one of the image's, a script, or a server. EACCES for a mere file."""
    found = _in_image(image, name)
    if found is not None:
        return found
    if lies_at(process, name) is not None:
        return SCRIPT
    return servers.SERVER if process.main and not image.known else None


def command(image: Image, argv: tuple[str, ...], process: Process | None = None) -> Program | None:
    """The program that a command line starts; None if there is none of that name.

    Only with the process can a script be looked for among its files; without it, any path may be one, and what cannot be
    run after all exits with 126 or 127. Raises `FileError` (EACCES) for a file that may not be executed.

    >>> command(image_for("busybox"), ("/bin/ls", "-l")) is None, command(image_for("busybox"), ("mysqld",)) is None
    (False, True)
    """
    if process is not None:
        there = find(image, argv[0], process) is not None
    else:
        there = _in_image(image, argv[0]) is not None or "/" in argv[0] or not image.known
    return _Installed(image) if there else None
