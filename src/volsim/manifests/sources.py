"""What can be read: files, folders, texts, dicts, objects of volsim and of the clients, and lists of these."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from volsim.errors import ManifestError, Problem
from volsim.manifests import schema
from volsim.manifests.given import Given, Refusal, from_python
from volsim.manifests.yaml_text import documents
from volsim.objects import Object

__all__ = ["Source", "pieces"]

Source: TypeAlias = Any
"""A path, folder, open file, YAML or JSON text, dict, volsim object, client object, or a list of any of these."""

_SUFFIXES = (".yaml", ".yml", ".json")

Piece: TypeAlias = Object | tuple[Given, str, str]


def pieces(source: Source, problems: list[Problem], name: str = "") -> Iterator[Piece]:
    """The objects and documents of a source, in order; `(document, source's name, path in it)`.

    Problems of form are added to `problems`, and reading goes on behind them.
    """
    try:
        yield from _pieces(source, problems, name)
    except Refusal as refusal:
        problems.append(refusal.problem)


def _pieces(source: Source, problems: list[Problem], name: str) -> Iterator[Piece]:
    match source:
        case Object():
            yield source
        case bytes():
            yield from _text(_decoded(source, name or "<text>"), name or "<text>", problems)
        case str() if _is_text(source):
            yield from _text(source, name or "<text>", problems)
        case str() | os.PathLike():
            yield from _path(Path(source), problems)
        case Mapping():
            yield from_python(source, name or "<dict>"), name or "<dict>", ""
        case _ if hasattr(source, "read"):
            title = str(getattr(source, "name", "") or "<file>")
            yield from _pieces(_as_text(source.read()), problems, title)
        case _ if hasattr(source, "to_dict"):
            yield from_python(_client_dict(source), f"<{type(source).__name__}>"), f"<{type(source).__name__}>", ""
        case Iterable():
            for index, item in enumerate(source):
                inner = f"{name or '<list>'}[{index}]"
                yield from pieces(item, problems, "" if isinstance(item, str | os.PathLike) else inner)
        case _:
            kind = type(source).__name__
            text = f"a {kind} is no source of manifests; give a path, a text, a dict, an object or a list of these"
            raise Refusal(Problem(name or f"<{kind}>", 0, 0, "", text))


def _is_text(source: str) -> bool:
    return "\n" in source or ": " in source or source.lstrip().startswith(("{", "[")) or not source.strip()


def _as_text(content: Any) -> Any:
    """What an open file gave, so that it is never taken for a path."""
    return content.encode("utf-8") if isinstance(content, str) else content


def _decoded(content: bytes, name: str) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise Refusal(Problem(name, line, column, "", "this is not UTF-8; save the file in UTF-8")) from None


def _text(text: str, name: str, problems: list[Problem]) -> Iterator[Piece]:
    found, wrong = documents(text, name)
    problems.extend(wrong)
    for document in found:
        if isinstance(document.value, list):  # a JSON array of objects: not kubectl's, but what a program may hand over
            for index, item in enumerate(document.value):
                yield item, name, f"[{index}]"
        else:
            yield document, name, ""


def _path(path: Path, problems: list[Problem]) -> Iterator[Piece]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
        if not files:
            raise Refusal(Problem(str(path), 0, 0, "", "there is no *.yaml, *.yml or *.json in this folder"))
    else:
        files = [path]
    for file in files:
        try:
            text = _decoded(file.read_bytes(), str(file))
        except FileNotFoundError:
            text_ = "there is no such file or folder (a text of YAML must have a ': ' or a line end)"
            problems.append(Problem(str(file), 0, 0, "", text_))
        except OSError as error:
            problems.append(Problem(str(file), 0, 0, "", f"cannot be read: {error.strerror}"))
        except Refusal as refusal:
            problems.append(refusal.problem)
        else:
            yield from _text(text, str(file), problems)


def _client_dict(source: Any) -> Any:
    """What an object of a client library says, in the names of a manifest.

    The official client's `to_dict()` gives Python names and no kind; `attribute_map` of its classes knows the
    manifest's names. lightkube's gives the manifest's names; its kind stands in `_api_info`.
    """
    if hasattr(source, "attribute_map"):
        data = _from_attribute_map(source)
        identity = schema.kind_of_client_class(type(source).__name__)
    else:
        data = source.to_dict()
        resource = getattr(getattr(source, "_api_info", None), "resource", None)
        identity = None
        if resource is not None:
            identity = (f"{resource.group}/{resource.version}" if resource.group else resource.version, resource.kind)
    if not isinstance(data, Mapping):
        kind = type(source).__name__
        raise ManifestError([Problem(f"<{kind}>", 0, 0, "", f"to_dict() of this {kind} gave no dict")])
    if identity is None:
        return data
    api_version, kind = identity
    given = {key: value for key, value in data.items() if value is not None}
    return {"apiVersion": api_version, "kind": kind, **given}


def _from_attribute_map(value: Any) -> Any:
    if hasattr(value, "attribute_map"):
        items = ((name, getattr(value, attribute)) for attribute, name in value.attribute_map.items())
        return {name: _from_attribute_map(item) for name, item in items if item is not None}
    if isinstance(value, Mapping):
        return {key: _from_attribute_map(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_from_attribute_map(item) for item in value]
    return value
