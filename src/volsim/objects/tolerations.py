"""Taints and the tolerations that match them.

Source: component-helpers, scheduling/corev1/helpers.go; api/core/v1/toleration.go (ToleratesTaint).
"""

from __future__ import annotations

from volsim.objects.cluster import Taint
from volsim.objects.pods import Toleration

__all__ = ["tolerates"]


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether the toleration matches the taint: the same key and effect, and the value or `Exists`.

    >>> tolerates(Toleration(operator="Exists"), Taint(key="a", effect="NoSchedule"))
    True
    >>> tolerates(Toleration(key="a", value="1"), Taint(key="a", value="2", effect="NoSchedule"))
    False
    """
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    match toleration.operator or "Equal":
        case "Exists":
            return True
        case "Equal":
            return (toleration.value or "") == (taint.value or "")
    return False
