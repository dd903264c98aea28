"""Objects of kinds that volsim keeps but does not act on, custom resources among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from volsim.objects._record import FrozenDict, frozen_json, record
from volsim.objects.meta import Object, ObjectMeta

__all__ = ["GenericObject"]


@record
class GenericObject(Object):
    """An object of any other kind: metadata is read, everything else is kept as it was given.

    >>> rule = GenericObject(api_version="example.com/v1", kind="Backup", metadata=ObjectMeta(name="nightly"))
    >>> rule.kind, rule.key, rule.group
    ('Backup', 'nightly', 'example.com')
    """

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = attrs.field(factory=ObjectMeta)
    body: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)

    @property
    def group(self) -> str:
        """The API group: what stands before the slash of `api_version`."""
        return self.api_version.rpartition("/")[0]
