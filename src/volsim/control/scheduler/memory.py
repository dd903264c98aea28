"""What the scheduler remembers of a pod between attempts: a row of the table ``scheduling``."""

from __future__ import annotations

import attrs

from volsim.objects._record import Record, frozen_tuple, record

__all__ = ["Memory"]


@record
class Memory(Record):
    """A pod that could not be placed yet, or for which a node is reserved while its volumes are being bound.

    >>> Memory(uid="1").is_binding
    False
    """

    uid: str = ""
    """The pod's; a new pod of that name starts afresh."""
    backoff_us: int = 0
    """How long after the last attempt there will be no other."""
    until_us: int = 0
    """When that time is over."""
    rejected_by: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    """The plugins that turned it away; a change that helps one of them wakes it."""
    node: str = ""
    """The node that is reserved for it."""
    asks: tuple[int, ...] = attrs.field(default=(1, 0, 0, 0, 0, 0), converter=frozen_tuple)
    """What it asks of that node: the columns of the total ``reserved_usage``."""
    deadline_us: int = 0
    """When binding its volumes is given up."""
    bindings: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=frozen_tuple)
    """The claims and the volumes that were chosen for them: (key, name)."""
    provisions: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    """The claims for which volumes are to be made."""

    @property
    def is_binding(self) -> bool:
        """Whether a node is reserved and the volumes are being bound."""
        return bool(self.node)
