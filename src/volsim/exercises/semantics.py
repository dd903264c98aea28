"""`Mutant`: a wrong semantics, as a value beside the true one."""

from __future__ import annotations

import attrs

from volsim.control.contract import Sync
from volsim.engine.cluster import default_engine
from volsim.engine.perform import Engine

__all__ = ["Mutant"]


@attrs.frozen(kw_only=True)
class Mutant:
    """A wrong semantics: what is different, and why people believe it.

    >>> from volsim.exercises import MUTANTS
    >>> print(MUTANTS["binder-ignores-size"])
    binder-ignores-size: A claim is bound to a volume that is too small
    """

    name: str
    title: str
    """What happens here and not in Kubernetes."""
    belief: str
    """Why somebody might think that this is how it is."""
    controller: str
    """The controller that is wrong."""
    sync: Sync = attrs.field(repr=False)
    """What it does instead."""

    def engine(self) -> Engine:
        """All controllers of Kubernetes that are modelled, this one wrong."""
        return default_engine().replacing(self.controller, sync=self.sync)

    def __str__(self) -> str:
        return f"{self.name}: {self.title}"
