"""What can be asked of the API server, as data: controllers return these, the engine has them carried out in order.

>>> from volsim.objects import Namespace, ObjectMeta
>>> str(Create(Namespace(metadata=ObjectMeta(name="team"))))
'create namespace/team'
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Bind", "Create", "Delete", "Put", "Update", "UpdateStatus", "Write"]


def _name(obj: Any) -> str:
    return f"{obj.SINGULAR}/{obj.metadata.name or obj.metadata.generate_name}"


class Create(NamedTuple):
    """POST: a new object. Admission, defaulting and validation apply."""

    obj: Any

    def __str__(self) -> str:
        return f"create {_name(self.obj)}"


class Update(NamedTuple):
    """PUT of metadata and spec (the status stays as it is on the server)."""

    obj: Any

    def __str__(self) -> str:
        return f"update {_name(self.obj)}"


class UpdateStatus(NamedTuple):
    """PUT of the status subresource (metadata and spec stay as they are on the server)."""

    obj: Any

    def __str__(self) -> str:
        return f"update status of {_name(self.obj)}"


class Bind(NamedTuple):
    """POST of a pod's binding: the pod gets its node and the condition that it is scheduled."""

    key: str
    uid: str | None
    node: str

    def __str__(self) -> str:
        return f"bind pods/{self.key} to {self.node}"


class Delete(NamedTuple):
    """DELETE of an object; with `uid`, only if it is still that one.

    `grace_seconds` None means the object's own; `propagation` is `Background`, `Foreground` or `Orphan`.
    """

    table: str
    key: str
    uid: str | None = None
    grace_seconds: int | None = None
    propagation: str = "Background"

    def __str__(self) -> str:
        return f"delete {self.table}/{self.key}"


class Put(NamedTuple):
    """A write to a runtime table, which no API shows (`volsim.state.RUNTIME`); None removes the row."""

    table: str
    key: str
    value: Any

    def __str__(self) -> str:
        return f"{'drop' if self.value is None else 'note'} {self.table}/{self.key}"


Write = Create | Update | UpdateStatus | Bind | Delete | Put
