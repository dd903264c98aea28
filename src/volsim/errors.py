"""What goes wrong, told so that it can be put right.

Every error that volsim raises on purpose is a `VolsimError`. Its text says what was wrong, where, why,
and what would work; where there are several problems it says all of them. A refused call changes nothing.

>>> from volsim.errors import NotFound, VolsimError
>>> issubclass(NotFound, VolsimError)
True
"""

from __future__ import annotations

import errno as _errno
import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = [
    "AlreadyExists",
    "Conflict",
    "FieldError",
    "FileError",
    "Forbidden",
    "InternalError",
    "Invalid",
    "LimitExceeded",
    "ManifestError",
    "NotFound",
    "OutOfMemory",
    "Problem",
    "TooManyRequests",
    "Unreachable",
    "VolsimError",
    "did_you_mean",
]


class VolsimError(Exception):
    """Base of all errors that volsim raises on purpose.

    >>> str(VolsimError("no node named 'nod01'; there are 'node01', 'node02'"))
    "no node named 'nod01'; there are 'node01', 'node02'"
    """


class Problem(NamedTuple):
    """One thing wrong with a manifest: where it stands and what would be right.

    `line` and `column` count from 1; 0 where the source has no lines (a dict).

    >>> print(Problem("claim.yaml", 2, 3, "spec.accesModes", "unknown field; did you mean 'accessModes'?"))
    claim.yaml:2:3: spec.accesModes: unknown field; did you mean 'accessModes'?
    """

    source: str
    line: int
    column: int
    path: str
    text: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        return ": ".join(part for part in (place, self.path, self.text) if part)


class ManifestError(VolsimError):
    """A manifest cannot be read, or says something that no Kubernetes kind has.

    `problems` holds every problem found, in the order of the source; `str()` is one line for each.

    >>> error = ManifestError([Problem("pod.yaml", 3, 1, "spec.volums", "unknown field; did you mean 'volumes'?")])
    >>> print(error)
    pod.yaml:3:1: spec.volums: unknown field; did you mean 'volumes'?
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class FieldError(NamedTuple):
    """One of the API server's field errors.

    `type` is the name that Kubernetes gives the error: `FieldValueRequired`, `FieldValueInvalid`,
    `FieldValueNotSupported`, `FieldValueDuplicate`, `FieldValueForbidden`, `FieldValueNotFound`,
    `FieldValueTooLong`, `FieldValueTooMany`.
    `text` is what Kubernetes prints behind the field, e.g. ``Required value: must specify a volume type``.

    Source: apimachinery, pkg/util/validation/field/errors.go.

    >>> print(FieldError("spec.capacity", "FieldValueRequired", "Required value"))
    spec.capacity: Required value
    """

    field: str
    type: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


class _Status(VolsimError):
    """An error that an API server would answer with a Status object."""

    code: int = 500
    reason: str = "InternalError"


class Invalid(_Status):
    """The object breaks a rule of its kind (422). All field errors at once, as Kubernetes prints them.

    >>> missing = FieldError("spec.capacity", "FieldValueRequired", "Required value")
    >>> print(Invalid.of("PersistentVolume", "v1", [missing]))
    PersistentVolume "v1" is invalid: spec.capacity: Required value
    """

    code = 422
    reason = "Invalid"

    def __init__(self, message: str, errors: Sequence[FieldError] = ()) -> None:
        self.errors: tuple[FieldError, ...] = tuple(errors)
        super().__init__(message)

    @classmethod
    def of(cls, kind: str, name: str, errors: Sequence[FieldError], *, group: str = "") -> Invalid:
        """Word the errors of one object as the API server does (apimachinery, api/errors.NewInvalid)."""
        shown = list(dict.fromkeys(map(str, errors)))
        body = shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
        full_kind = f"{kind}.{group}" if group else kind
        return cls(f'{full_kind} "{name}" is invalid: {body}', errors)


class NotFound(_Status):
    """There is no such object (404), node, container or file of manifests."""

    code = 404
    reason = "NotFound"


class AlreadyExists(_Status):
    """An object of that kind and name exists already (409)."""

    code = 409
    reason = "AlreadyExists"


class Conflict(_Status):
    """The object was changed in the meantime, or is not the one that was meant (409)."""

    code = 409
    reason = "Conflict"


class Forbidden(_Status):
    """Admission refuses it (403): the object is well formed, but the cluster's rules do not allow it."""

    code = 403
    reason = "Forbidden"


class TooManyRequests(_Status):
    """Not now (429): a disruption budget does not allow an eviction. `cause` says which, and why.

    >>> TooManyRequests("Cannot evict pod", "The disruption budget web needs 2 healthy pods and has 2 currently").code
    429
    """

    code = 429
    reason = "TooManyRequests"

    def __init__(self, message: str, cause: str = "") -> None:
        self.cause = cause
        super().__init__(message)


class InternalError(_Status):
    """The API server cannot do it (500): what it is asked makes no sense to it, as two budgets for one pod do not."""


class OutOfMemory(Exception):
    """No error of a user: the kernel kills a process, or all of its container (`whole`), for want of memory."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__("out of memory")
        self.whole = whole


class Unreachable(VolsimError):
    """The node or storage backend does not answer: it is off, cut off, or gone."""


class LimitExceeded(VolsimError):
    """A bound on states, time or size was reached before the answer was known."""


class FileError(VolsimError, OSError):
    """What a process would get from the kernel: an `OSError` with its errno.

    >>> error = FileError.of("EROFS", "/etc/pki/x")
    >>> error.errno == 30, str(error)
    (True, '/etc/pki/x: Read-only file system')
    """

    def __init__(self, code: int, message: str, path: str) -> None:
        OSError.__init__(self, code, message, path)

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"

    @classmethod
    def of(cls, name: str, path: str) -> FileError:
        """The error with the errno called `name` (`"ENOENT"`, `"EROFS"`, …) for `path`."""
        code = getattr(_errno, name)
        return cls(code, os.strerror(code), path)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy for a misspelt word: `` did you mean 'x'?`` or ``there are 'a', 'b'`` or an empty text.

    >>> did_you_mean("accesModes", ["accessModes", "resources"])
    "did you mean 'accessModes'?"
    >>> did_you_mean("zebra", ["accessModes", "resources"])
    "there are 'accessModes', 'resources'"
    """
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.7)
    if not near:
        lower = {name.lower(): name for name in names}
        near = [lower[word.lower()]] if word.lower() in lower else []
    if near:
        return f"did you mean '{near[0]}'?"
    if names and len(names) <= 12:
        return "there are " + ", ".join(f"'{name}'" for name in names)
    return ""
