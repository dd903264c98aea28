"""kube-scheduler: finds each new pod a node.

Modelled: the scheduling cycle with the default plugins, the queue with back-off and wakes by the plugins that turned a
pod away.
Not modelled: extenders, several profiles, pod groups, dynamic resource allocation. NodeName needs no plugin: the
scheduler never sees a pod that names its node.
Source: kube-scheduler, pkg/scheduler.
"""

from __future__ import annotations

from volsim.control.contract import Controller
from volsim.control.scheduler.cycle import sync
from volsim.control.scheduler.queue import NAME, WATCHES

__all__ = ["CONTROLLER"]

CONTROLLER = Controller(name="scheduler", component=NAME, watches=WATCHES, sync=sync)
