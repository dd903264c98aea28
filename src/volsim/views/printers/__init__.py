"""How each kind looks in a table: its columns, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping

from volsim.objects import Object
from volsim.views.printers.cluster import CLUSTER_PRINTERS
from volsim.views.printers.pods import POD
from volsim.views.printers.storage import STORAGE_PRINTERS
from volsim.views.printers.workloads import WORKLOAD_PRINTERS
from volsim.views.tables import Column, Look, Printer, Row

__all__ = ["PRINTERS", "printer_for"]


def _any_row(obj: Object, look: Look) -> Row:
    return {"NAME": obj.name, "AGE": look.age(obj)}


_ANY = Printer(columns=(Column("NAME"), Column("AGE")), row=_any_row)

PRINTERS: Mapping[str, Printer] = {
    "Pod": POD,
    **STORAGE_PRINTERS,
    **WORKLOAD_PRINTERS,
    **CLUSTER_PRINTERS,
}
"""The printers of the kinds that have columns of their own."""


def printer_for(kind: str) -> Printer:
    """The printer of a kind; name and age for one that has no columns of its own.

    >>> [column.title for column in printer_for("Backup").columns]
    ['NAME', 'AGE']
    """
    return PRINTERS.get(kind, _ANY)
