"""DaemonSet: one pod on each node that the template fits.

Modelled: placement by selector, affinity and taints, RollingUpdate (maxUnavailable, maxSurge), OnDelete, failed pods
with their back-off, minReadySeconds, revisions with their history, the status.
Not modelled: conditions (the controller sets none).
Source: kube-controller-manager, pkg/controller/daemon/{daemon_controller,update}.go.

Cost of a sync: all nodes. A change of a node wakes a daemon set only if it changes what should be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from volsim.apiserver.writes import Put
from volsim.control.contract import NOTHING, Choose, Controller, Outcome
from volsim.control.daemon_set.placement import placement
from volsim.control.daemon_set.update import roll
from volsim.control.daemon_set.work import DaemonWork, memory_row
from volsim.control.workload import claim, controller_of, owner_keys, wants_a_look
from volsim.objects import DaemonSet, Node
from volsim.state import Change, View

__all__ = ["CONTROLLER"]


# -- what wakes it -----------------------------------------------------------------------------------------------------
def watch_own(view: View, change: Change) -> Iterator[str]:
    """A daemon set needs a look when it is new, or somebody changes more than its status, and when it is gone."""
    before, after = change.before, change.after
    if (
        before is None
        or after is None
        or before.spec is not after.spec
        or before.metadata.uid != after.metadata.uid
        or before.metadata.deletion_timestamp != after.metadata.deletion_timestamp
    ):
        yield change.key


def watch_pods(view: View, change: Change) -> Iterable[str]:
    """A daemon set needs a look when one of its pods, or an orphan that it may adopt, changes."""
    before, after = change.before, change.after
    moved = before is not None and after is not None and before.spec.node_name != after.spec.node_name
    if not moved and not wants_a_look(before, after):
        return ()
    return owner_keys(view, change, "DaemonSet", "daemonsets")


def watch_nodes(view: View, change: Change) -> Iterator[str]:
    """A daemon set needs a look when a node begins or ceases to need its pod. Cost: the daemon sets."""
    before: Node | None = change.before
    after: Node | None = change.after
    if after is None or (
        before is not None and before.spec is after.spec and before.metadata.labels is after.metadata.labels
    ):
        return
    owners = {ref.uid for pod in view.pods_on(after.name) if (ref := controller_of(pod)) is not None}
    for key, daemon_set in view.table("daemonsets").items():
        run, stay = placement(daemon_set.spec.template, after)
        scheduled = daemon_set.metadata.uid in owners
        misscheduled = scheduled and bool(daemon_set.status.number_misscheduled)
        if (run and not scheduled) or (scheduled and not stay) or misscheduled:
            yield key


# -- the controller ----------------------------------------------------------------------------------------------------
def sync(view: View, key: str) -> Outcome | Choose:
    """Bring one daemon set a step closer to what its spec says, and report it."""
    daemon_set: DaemonSet | None = view.get("daemonsets", key)
    if daemon_set is None:
        row = memory_row(key)
        return NOTHING if view.get("memory", row) is None else Outcome((Put("memory", row, None),))
    if daemon_set.metadata.deletion_timestamp is not None:
        return NOTHING  # what is left of it is the garbage collector's
    claimed = claim(view, daemon_set, "pods")
    work = DaemonWork(view, daemon_set, claimed.mine, claimed.writes)
    work.settle_nodes()
    choices = roll(work)
    if not choices:
        return work.outcome()
    options = []
    for label, act in choices:
        branch = work.fork()
        act(branch)
        options.append((label, branch.outcome()))
    return Choose(f"one of {len(options)} nodes of daemon set {key} to update", tuple(options))


CONTROLLER = Controller(
    name="daemonset",
    component="daemonset-controller",
    watches={"daemonsets": watch_own, "pods": watch_pods, "nodes": watch_nodes},
    sync=sync,
)
