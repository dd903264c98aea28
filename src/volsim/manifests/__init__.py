"""How YAML, JSON, dicts and client objects become objects, and how objects become manifests again.

>>> from volsim.manifests import load, to_manifest
>>> [claim] = load('''
... apiVersion: v1
... kind: PersistentVolumeClaim
... metadata: {name: data}
... spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
... ''')
>>> claim.spec.access_modes, to_manifest(claim)["spec"]["resources"]
(('ReadWriteOnce',), {'requests': {'storage': '1Gi'}})
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

from volsim.errors import ManifestError, Problem
from volsim.manifests.reading import Notice, Reader
from volsim.manifests.sources import Source, pieces
from volsim.manifests.times import parse_time, timestamp
from volsim.manifests.writing import to_manifest
from volsim.objects import Object

__all__ = [
    "NotModelledWarning",
    "Notice",
    "Reading",
    "Source",
    "from_manifest",
    "load",
    "parse_time",
    "read",
    "timestamp",
    "to_manifest",
]


class NotModelledWarning(UserWarning):
    """Something in a manifest is kept, but volsim does not act on it.

    >>> issubclass(NotModelledWarning, UserWarning)
    True
    """


class Reading(NamedTuple):
    """What a source held: its objects in order, and what of them is not modelled, each said once.

    >>> read({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}).notices
    ()
    """

    objects: tuple[Object, ...]
    notices: tuple[Notice, ...]
    places: tuple[tuple[str, int], ...] = ()
    """Source and line of each object; the line is 0 where the source has none."""


def read(source: Source) -> Reading:
    """The objects of a source, and notices about what is kept but not modelled.

    Raises `ManifestError` with all problems of the whole source, file by file and line by line.

    >>> read("kind: Pod")
    Traceback (most recent call last):
        ...
    volsim.errors.ManifestError: <text>:1:1: apiVersion: is missing; write it, for example 'v1'
    """
    reader = Reader()
    for piece in pieces(source, reader.problems):
        if isinstance(piece, Object):
            reader.objects.append(piece)
            reader.places.append(("", 0))
        else:
            reader.document(*piece)
    if reader.problems:
        rank = {problem.source: index for index, problem in reversed(list(enumerate(reader.problems)))}
        raise ManifestError(sorted(reader.problems, key=lambda p: (rank[p.source], p.line, p.column)))
    return Reading(tuple(reader.objects), tuple(reader.notices), tuple(reader.places))


def load(source: Source) -> list[Object]:
    """The objects of a source. What is kept but not modelled is said as a `NotModelledWarning`, each thing once.

    A source is a path, a folder (all `*.yaml`, `*.yml` and `*.json` in it), an open file, a text, a dict, an object of
    volsim or of a Kubernetes client, or a list of any of these. Raises `ManifestError` with all problems at once.

    >>> load({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"volums": []}})
    Traceback (most recent call last):
        ...
    volsim.errors.ManifestError: <dict>: spec.volums: unknown field; did you mean 'volumes'?
    """
    reading = read(source)
    for notice in reading.notices:
        warnings.warn(str(notice), NotModelledWarning, stacklevel=2)
    return list(reading.objects)


def from_manifest(manifest: Mapping[str, Any]) -> Object:
    """The one object that a dict stands for; nothing is said about what is not modelled.

    >>> from_manifest({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}).key
    'team'
    """
    objects = read(manifest).objects
    if len(objects) != 1:
        raise ManifestError(
            [Problem("<dict>", 0, 0, "kind", f"one object is needed here, but this holds {len(objects)}")]
        )
    return objects[0]
