"""The plugins of the scheduler, in the order in which Kubernetes asks them.

Source: kube-scheduler, pkg/scheduler/apis/config/v1/default_plugins.go; before 1.22, pkg/scheduler/algorithmprovider/
registry.go.
"""

from __future__ import annotations

from volsim.control.scheduler import (
    balanced_allocation,
    in_tree_volume_limits,
    inter_pod_affinity,
    node_affinity,
    node_ports,
    node_resources_fit,
    node_unschedulable,
    node_volume_limits,
    pod_topology_spread,
    taint_toleration,
    volume_binding,
    volume_restrictions,
    volume_zone,
)
from volsim.control.scheduler.framework import Hint, Plugin
from volsim.rules import Rules

__all__ = ["HINTS", "plugins_of"]

_PLUGINS: tuple[Plugin, ...] = (
    node_unschedulable.PLUGIN,
    taint_toleration.PLUGIN,
    node_affinity.PLUGIN,
    node_ports.PLUGIN,
    node_resources_fit.PLUGIN,
    volume_restrictions.PLUGIN,
    in_tree_volume_limits.EBS,
    in_tree_volume_limits.GCE_PD,
    node_volume_limits.PLUGIN,
    in_tree_volume_limits.AZURE_DISK,
    volume_binding.PLUGIN,
    volume_zone.PLUGIN,
    pod_topology_spread.PLUGIN,
    inter_pod_affinity.PLUGIN,
    balanced_allocation.PLUGIN,
)

_RESOURCES_FIRST: tuple[Plugin, ...] = (
    node_unschedulable.PLUGIN,
    node_resources_fit.PLUGIN,
    node_ports.PLUGIN,
    node_affinity.PLUGIN,
    volume_restrictions.PLUGIN,
    taint_toleration.PLUGIN,
    *_PLUGINS[6:],
)
"""The order before 1.20: which of several reasons is given for a node depends on it."""


def plugins_of(rules: Rules) -> tuple[Plugin, ...]:
    """The plugins in the order of the version.

    >>> [plugin.name for plugin in plugins_of(Rules())][:3]
    ['NodeUnschedulable', 'TaintToleration', 'NodeAffinity']
    """
    return _PLUGINS if rules.taints_asked_first else _RESOURCES_FIRST


def _hints() -> dict[str, tuple[tuple[str, Hint], ...]]:
    found: dict[str, list[tuple[str, Hint]]] = {}
    for plugin in _PLUGINS:
        for table, hint in plugin.wakes.items():
            found.setdefault(table, []).append((plugin.name, hint))
    return {table: tuple(hints) for table, hints in found.items()}


HINTS = _hints()
"""By table: the plugins that want to hear of its changes, and what they say of them."""
