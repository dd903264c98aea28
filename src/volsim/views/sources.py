"""Manifests that a command line names with ``-f``: files, folders, standard input.

Source: cli-runtime, pkg/resource/builder.go (Path, Stdin) and visitor.go (ExpandPathsToFileVisitors).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from volsim.errors import VolsimError
from volsim.manifests import NotModelledWarning, read
from volsim.objects import GenericObject, Object
from volsim.views.session import Session

__all__ = ["Given", "given_objects", "in_namespace", "patch_text"]

SUFFIXES = (".json", ".yaml", ".yml")


class Given(NamedTuple):
    """An object of a manifest, in its namespace, and the file it stands in."""

    obj: Object
    source: str


class _Named(io.BytesIO):
    """Bytes that know which file they are from, so that complaints name it as the user did."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def given_objects(session: Session) -> list[Given]:
    """The objects of all files given with ``-f``, in order. Raises `ManifestError` and kubectl's complaints."""
    found: list[Given] = []
    for name in session.flags["filename"]:
        for content, source in _files(session, name):
            reading = read(_Named(content, source))
            for notice in reading.notices:
                warnings.warn(str(notice), NotModelledWarning, stacklevel=2)
            found += [Given(in_namespace(session, obj), source) for obj in reading.objects]
    if not found:
        raise VolsimError("error: no objects passed to " + session.path.split()[-1])
    return found


def _files(session: Session, name: str) -> Iterator[tuple[bytes, str]]:
    """The contents that one ``-f`` names, each with the name by which complaints call it."""
    if name == "-":
        if session.stdin is None:
            raise VolsimError("error: -f -: nothing was given on standard input; give kubectl(…, stdin=…)")
        yield session.stdin, "STDIN"
        return
    if "://" in name:
        raise VolsimError(
            f'error: unable to read URL "{name}": volsim fetches nothing; save the file and give its path'
        )
    path = (session.cwd or Path()) / name
    try:
        yield from ((file.read_bytes(), shown) for file, shown in _paths(session, path, name))
    except FileNotFoundError:
        raise VolsimError(f'error: the path "{name}" does not exist') from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or str(error)
        raise VolsimError(f'error: the path "{name}" cannot be accessed: {why}') from None


def _paths(session: Session, path: Path, name: str) -> list[tuple[Path, str]]:
    """The files of a path; of a folder those with a manifest's suffix, by name."""
    if not path.is_dir():
        return [(path, name)]
    inside = path.rglob("*") if session.flags["recursive"] else path.iterdir()
    files = sorted(file for file in inside if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise VolsimError(f"error: error reading [{name}]: recognized file extensions are [.json .yaml .yml]")
    return [(file, str(Path(name) / file.relative_to(path))) for file in files]


def in_namespace(session: Session, obj: Object) -> Object:
    """The object in its namespace. Raises if ``-n`` and the manifest say different ones."""
    if isinstance(obj, GenericObject) or not obj.NAMESPACED:
        return obj
    given = obj.metadata.namespace
    if given and session.flags.given("namespace") and given != session.namespace:
        raise VolsimError(
            f'error: the namespace from the provided object "{given}" does not match the namespace '
            f"\"{session.namespace}\". You must pass '--namespace={given}' to perform this operation."
        )
    return obj.replace(metadata=obj.metadata.replace(namespace=given or session.namespace))


def patch_text(session: Session, name: str) -> str:
    """The text of a patch file."""
    try:
        return ((session.cwd or Path()) / name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise VolsimError(f"error: unable to read patch file: {error}") from None
