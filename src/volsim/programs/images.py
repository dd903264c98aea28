"""Which programs and files an image holds, by its name without registry and tag.

Modelled: busybox and the usual distributions, the usual web servers, MySQL and its relatives, PostgreSQL, Redis,
those of Bitnami, `pause`; your own images. Every other image is a server that runs until it is told to stop, whatever
its command is, with a shell and tools at hand.
Not modelled: layers, registries, users, what else an image holds.
Source: the images' own Dockerfiles (docker-library); OCI image specification, config.md.

>>> image_for("docker.io/library/nginx:1.27").arguments
('nginx', '-g', 'daemon off;')
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from posixpath import dirname
from typing import Any, NamedTuple

import attrs

from volsim.errors import FileError, VolsimError
from volsim.objects._record import FrozenDict
from volsim.programs import servers
from volsim.programs.patterns import fits
from volsim.programs.process import Pause, Process, Program, function
from volsim.programs.scripts import SCRIPT, again, lies_at
from volsim.programs.shell import SHELL
from volsim.programs.tools import TOOLS
from volsim.storage import tree
from volsim.storage.tree import Directory

__all__ = [
    "Image",
    "Registry",
    "answering",
    "command",
    "image_for",
    "register",
    "registry",
    "restore",
    "withheld",
    "withhold",
]

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
_DIRECTORIES = ("/bin", "/dev", "/etc", "/home", "/proc", "/root", "/sys", "/tmp", "/usr/bin", "/var/log")
_ACCOUNTS = {"/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n", "/etc/group": b"root:x:0:\n"}
_PAGE = b"<html><body><h1>%s</h1></body></html>\n"


def _files(files: Mapping[str, bytes], directories: tuple[str, ...] = ()) -> Directory:
    """A root file system with what every image has."""
    root = Directory()
    for path in (*_DIRECTORIES, *directories):
        root = tree.mkdir(root, path, parents=True)
        if path == "/tmp" or (path in directories and not path.endswith(".d")):
            made = tree.lookup(root, path)
            assert isinstance(made, Directory), "it has just been made"
            root = tree.put(root, path, made.replace(mode=0o1777))  # a server may be another user than root
    for path, data in {**_ACCOUNTS, **files}.items():
        root = tree.write(tree.mkdir(root, dirname(path), parents=True), path, data)
    return root


def _image(
    *arguments: str,
    entrypoint: str = "",
    programs: Mapping[str, Program] | None = None,
    files: Mapping[str, bytes] | None = None,
    directories: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    known: bool = True,
) -> Image:
    """An image with a shell and tools; its entrypoint is a script that becomes the command behind it."""
    started = {entrypoint.rpartition("/")[2]: servers.ENTRYPOINT} if entrypoint else {}
    return Image(
        entrypoint=(entrypoint,) if entrypoint else (),
        arguments=arguments,
        env=FrozenDict({"PATH": _PATH, "HOME": "/root", **(env or {})}),
        files=_files(files or {}, directories),
        programs={**_USUAL, **started, **(programs or {})},
        known=known,
    )


def _server(*command: str, directory: str = "", entrypoint: str = "docker-entrypoint.sh") -> Image:
    """An image of whose server only the name is known, and where it keeps its data."""
    directories = (directory,) if directory else ()
    programs = {command[0]: servers.SERVER}
    return _image(*command, entrypoint=entrypoint, directories=directories, programs=programs, known=False)


def _web(*command: str, entrypoint: str = "", page: str, title: bytes, directories: tuple[str, ...] = ()) -> Image:
    """An image of a web server, with a page to show."""
    programs = dict.fromkeys((command[0], command[0].removesuffix("-foreground")), servers.SERVER)
    files = {page: _PAGE % title}
    return _image(*command, entrypoint=entrypoint, programs=programs, files=files, directories=directories, known=False)


def _single(path: str, program: Program) -> Image:
    """An image that holds one program and nothing else."""
    return Image(entrypoint=(path,), env=FrozenDict(PATH=_PATH), programs={path.rpartition("/")[2]: program})


def _database(version: str) -> Image:
    """An image with MySQL or one of its relatives."""
    from volsim.programs import database

    return _image(
        "mysqld",
        entrypoint="docker-entrypoint.sh",
        programs=database.PROGRAMS,
        directories=("/var/lib/mysql", "/var/run/mysqld", "/docker-entrypoint-initdb.d"),
        env={"MYSQL_VERSION": version},
    )


def _mysql(tag: str) -> Image:
    known = {"5.5": "5.5.62", "5.6": "5.6.51", "5.7": "5.7.44", "5": "5.7.44"}
    return _database(next((version for start, version in known.items() if tag.startswith(start)), "8.0.36"))


def _mariadb(tag: str) -> Image:
    return _database("10.11.6-MariaDB" if tag.startswith("10") else "11.2.2-MariaDB")


_POSTGRES = {
    "9": "9.6.24", "10": "10.23", "11": "11.22", "12": "12.22", "13": "13.18", "14": "14.15", "15": "15.10",
    "16": "16.6", "17": "17.2", "18": "18.1",
}  # fmt: skip
"""The last version of each major one that is known; the newest of them has its data elsewhere."""


def _postgres(tag: str) -> Image:
    """An image with PostgreSQL."""
    from volsim.programs import postgres

    version = tag.partition("-")[0]
    major = version.partition(".")[0]
    version = version if "." in version and major in _POSTGRES else _POSTGRES.get(major, _POSTGRES["17"])
    major = version.partition(".")[0]
    data = f"/var/lib/postgresql/{major}/docker" if int(major) >= 18 else "/var/lib/postgresql/data"
    return _image(
        "postgres",
        entrypoint="docker-entrypoint.sh",
        programs=postgres.PROGRAMS,
        directories=("/var/lib/postgresql", data, "/var/run/postgresql", "/docker-entrypoint-initdb.d"),
        env={"PG_MAJOR": major, "PG_VERSION": f"{version}-1.pgdg120+1", "PGDATA": data},
    )


_REDIS = {"4": "4.0.14", "5": "5.0.14", "6": "6.2.17", "6.0": "6.0.20", "7": "7.4.2", "7.0": "7.0.15", "7.2": "7.2.7"}


def _redis(tag: str, name: str = "redis") -> Image:
    """An image with Redis, or with Valkey, which came from it."""
    from volsim.programs import redis

    version = tag.partition("-")[0]
    known = _REDIS.get(version, version if version.count(".") == 2 else _REDIS["7"])
    return _image(
        f"{name}-server",
        entrypoint="docker-entrypoint.sh",
        programs=redis.PROGRAMS,
        directories=("/data",),
        env={"REDIS_VERSION": known},
    )


def _busybox(tag: str) -> Image:
    return attrs.evolve(_image("sh"), programs=_BASIC)


_BUILDERS: dict[str, Callable[[str], Image]] = {
    **dict.fromkeys(("mysql", "mysql-server", "percona", "percona-server"), _mysql),
    **dict.fromkeys(("debian", "bash"), lambda tag: _image("bash")),
    **dict.fromkeys(
        ("almalinux", "amazonlinux", "centos", "fedora", "rockylinux", "ubuntu"), lambda tag: _image("/bin/bash")
    ),
    "alpine": lambda tag: attrs.evolve(_image("/bin/sh"), programs={**_BASIC, "apk": servers.NO_PACKAGES}),
    "busybox": _busybox,
    "hello-world": lambda tag: _single("/hello", servers.HELLO),
    "httpd": lambda tag: _web(
        "httpd-foreground", page="/usr/local/apache2/htdocs/index.html", title=b"It works!"
    ),
    "mariadb": _mariadb,
    "mongo": lambda tag: _server("mongod", directory="/data/db"),
    "nginx": lambda tag: _web(
        "nginx", "-g", "daemon off;", entrypoint="/docker-entrypoint.sh", page="/usr/share/nginx/html/index.html",
        title=b"Welcome to nginx!", directories=("/etc/nginx/conf.d", "/var/cache/nginx", "/var/log/nginx"),
    ),
    "pause": lambda tag: _single("/pause", servers.PAUSE),
    "postgres": _postgres,
    "redis": _redis,
    "valkey": lambda tag: _redis(tag, "valkey"),
}  # fmt: skip
"""How the images are made of which something is known, by name; each gets its tag."""


def name_of(image: str) -> tuple[str, str]:
    """The name of an image without registry, and its tag.

    >>> name_of("registry.k8s.io/e2e-test-images/busybox:1.36@sha256:0"), name_of("localhost:5000/db")
    (('busybox', '1.36'), ('db', 'latest'))
    """
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name, tag or "latest"


def _bitnami(name: str, tag: str) -> Image | None:
    """An image of Bitnami; None if nothing is known of it."""
    from volsim.programs import bitnami

    kind = bitnami.KINDS.get(name)
    if kind is None:
        return None
    own = _BUILDERS["postgres" if name == "postgresql" else name](tag)
    scripts = f"/opt/bitnami/scripts/{name}"
    return attrs.evolve(
        own,
        entrypoint=(f"{scripts}/entrypoint.sh",),
        arguments=(f"{scripts}/run.sh",),
        env=FrozenDict({**own.env, "PGDATA": kind.directory} if name == "postgresql" else own.env),
        programs={**own.programs, "entrypoint.sh": bitnami.Entrypoint(name, kind)},
    )


@lru_cache(maxsize=1024)
def _built(image: str) -> Image:
    name, tag = name_of(image)
    team = image.partition("@")[0].rpartition("/")[0].rpartition("/")[2]
    found = _bitnami(name, tag) if team.startswith("bitnami") else None
    if found is not None:
        return found
    if name in _BUILDERS:
        return _BUILDERS[name](tag)
    return _image("server", programs={"server": servers.SERVER}, known=False)


def image_for(name: str) -> Image:
    """The image that a container names: yours, one that is known, or a server of which nothing is known."""
    return _own(name_of(name)[0]) or _built(name)


# -- your own ----------------------------------------------------------------------------------------------------------
_OWN: dict[str, Image] = {}
"""By name, or by pattern."""
_Given = tuple[Program, Mapping[str, bytes] | None, Mapping[str, str] | None]
_GIVEN: dict[str, _Given] = {}
"""What each of them is made of."""


def _own(name: str) -> Image | None:
    """The image of one's own of a name, or the one that was registered last for a pattern that the name fits."""
    if name in _OWN:
        return _OWN[name]
    for pattern in reversed(_OWN):
        if fits(pattern, name):
            image = _OWN[pattern]
            return attrs.evolve(image, entrypoint=(name,), programs={**image.programs, name: image.programs[pattern]})
    return None


def register(
    name: str,
    program: Program | Callable[[Process, Any], Pause],
    *,
    files: Mapping[str, bytes] | None = None,
    env: Mapping[str, str] | None = None,
) -> Image:
    """Make an image of your own, which runs `program`, and has the usual shell and tools beside it.

    `program` is a function as `volsim.programs.function` takes it, or what that makes. `name` has neither registry nor
    tag, and may be a pattern such as ``worker-*``: every container whose image has such a name runs it. Images are the
    same for all simulations, as a registry is; one that was there under that name is replaced. Raises `VolsimError`
    for a name with ``/``, ``:`` or ``@``, and for a generator.

    >>> from volsim.programs import Pause
    >>> def writer(process, memory):
    ...     process.files.write("/data/log", b"I was here\\n", append=True)
    ...     return Pause.sleeping(60_000_000)
    >>> register("writer", writer).entrypoint
    ('writer',)
    >>> _ = register("writer-*", writer)
    >>> image_for("example.com/writer-a:2").entrypoint
    ('writer-a',)
    """
    if not name or set(name) & set("/:@"):
        raise VolsimError(
            f"{name!r} is no image's name without registry and tag; did you mean {name_of(name)[0] or 'app'!r}?"
        )
    made = _made(program)
    image = attrs.evolve(_image(programs={name: made}, files=files, env=env), entrypoint=(name,))
    for known in (_OWN, _GIVEN):
        known.pop(name, None)  # the last that is registered is asked first
    _OWN[name], _GIVEN[name] = image, (made, files, env)
    return image


def _made(run: Program | Callable[[Process, Any], Pause]) -> Program:
    """A program as it is, or made of a function. Raises `VolsimError` for what is none."""
    if not callable(run):
        if not hasattr(run, "resume"):
            raise VolsimError(f"{run!r} is no program; give a function of (process, memory) that returns a Pause")
        return run
    if inspect.isgeneratorfunction(run) or inspect.iscoroutinefunction(run):
        raise VolsimError(
            f"{run.__name__} is a generator or coroutine: it cannot be forked, compared or saved while it waits; write "
            "a function of (process, memory) that returns a Pause, whose memory says where it stands"
        )
    return function(run)


_WITHHELD: dict[str, str] = {}


def withhold(name: str, why: str | None = "") -> None:
    """Make an image one that no node has and nobody can pull; with `why` None, it can be had again.

    `name` is what containers name, with its registry and tag; `why` is what the container runtime says.

    >>> withhold("registry.example.com/app:2")
    >>> print(withheld("registry.example.com/app:2"))
    failed to pull and unpack image "registry.example.com/app:2": failed to resolve reference "registry.example.com/app:2": registry.example.com/app:2: not found
    >>> withhold("registry.example.com/app:2", None)
    """  # noqa: E501
    if why is None:
        _WITHHELD.pop(name, None)
    else:
        where = f'failed to pull and unpack image "{name}": failed to resolve reference "{name}"'
        _WITHHELD[name] = why or f"{where}: {name}: not found"


def withheld(name: str) -> str | None:
    """What the container runtime says of an image that cannot be had; None if it can."""
    return _WITHHELD.get(name)


class Registry(NamedTuple):
    """What was registered and withheld, for a process that has to know it, too."""

    own: Mapping[str, _Given]
    """By name or pattern: program, files and environment."""
    withheld: Mapping[str, str]


def registry() -> Registry:
    """What was registered and withheld in this process."""
    return Registry(dict(_GIVEN), dict(_WITHHELD))


def restore(known: Registry) -> None:
    """Know what another process has registered and withheld, and nothing else.

    >>> before = registry()
    >>> withhold("registry.example.com/app:2", "no such host")
    >>> restore(before)
    >>> withheld("registry.example.com/app:2") is None
    True
    """
    for names in (_OWN, _GIVEN, _WITHHELD):
        names.clear()
    for name, (program, files, env) in known.own.items():
        register(name, program, files=files, env=env)
    _WITHHELD.update(known.withheld)


def answering(image: Image) -> Callable[[Process, Any, str], str | None] | None:
    """What answers probes over the network in an image of your own; None if nothing does but its being there."""
    main = image.programs.get(image.entrypoint[0].rpartition("/")[2]) if image.entrypoint else None
    found: Callable[[Process, Any, str], str | None] | None = getattr(main, "on_probe", None)
    return found


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

    Only with the process can a script be looked for among its files; without it, any path may be one, and what cannot
    be run after all exits with 126 or 127. Raises `FileError` (EACCES) for a file that may not be executed.

    >>> command(image_for("busybox"), ("/bin/ls", "-l")) is None, command(image_for("busybox"), ("mysqld",)) is None
    (False, True)
    """
    if process is not None:
        there = find(image, argv[0], process) is not None
    else:
        there = _in_image(image, argv[0]) is not None or "/" in argv[0] or not image.known
    return _Installed(image) if there else None
