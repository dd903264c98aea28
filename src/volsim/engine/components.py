"""The processes of the control plane, and what it means that one of them is down.

Modelled: the API server (while it is down nobody can ask or be told anything, and containers go on), the controller
manager and the scheduler (their work is left undone). A process that starts knows only what the API says and looks at
all of it. What it had in mind is lost: back-offs, the scheduler's reservations, since when a node is silent or a pod
bears a taint, the six minutes of the attach/detach controller, the quarantine of pods whose node is gone. Without an
API server for longer than they can do without their lease, controller manager and scheduler end and start anew. A
process that crashes in the middle of its writes (an exploration may choose that), and is there again at once.
Not modelled: several control planes and the election of a leader among them, etcd, the time that a start takes, CSI
sidecars that are down.
Source: client-go, tools/leaderelection (RenewDeadline) and tools/cache (Reflector); kube-controller-manager,
app/controllermanager.go; pkg/controller/volume/attachdetach (populateActualStateOfWorld).
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.control.contract import Controller
from volsim.errors import NotFound, Unreachable, did_you_mean
from volsim.rules import microseconds
from volsim.state import ANY, Change, Draft, First, View, Wake, Watch
from volsim.state.runtime import Attachment, Component

__all__ = [
    "API_SERVER",
    "COMPONENTS",
    "can_crash",
    "crash",
    "is_down",
    "looks_at_everything",
    "must_be_served",
    "process_of",
    "runs",
    "start",
    "stop",
]

API_SERVER, CONTROLLER_MANAGER, SCHEDULER = "apiserver", "controller-manager", "scheduler"
_KUBELET, _SIDECAR = "kubelet", "sidecar"

COMPONENTS = (API_SERVER, CONTROLLER_MANAGER, SCHEDULER)
"""The processes that can be stopped, by the names of their programs without ``kube-``."""

_OTHERS = {
    "default-scheduler": SCHEDULER,
    "external-attacher": _SIDECAR,
    "external-provisioner": _SIDECAR,
    "external-resizer": _SIDECAR,
    "kubelet": _KUBELET,
}
"""The process of a controller, by who it says it is in events, where that is not the controller manager."""
_OTHER_MEMORIES = {
    "csi-deleter": _SIDECAR,
    "external-attacher": _SIDECAR,
    "external-provisioner": _SIDECAR,
    "scheduler": SCHEDULER,
}
"""Whose the rows of the table ``memory`` are, by how they begin, where they are not the controller manager's."""


def process_of(controller: Controller) -> str:
    """The process that a controller is a part of.

    >>> from volsim.engine.cluster import default_engine
    >>> engine = default_engine()
    >>> [process_of(engine.controller(name)) for name in ("pod-gc", "scheduler", "csi-attacher", "kubelet")]
    ['controller-manager', 'scheduler', 'sidecar', 'kubelet']
    """
    return _OTHERS.get(controller.component, CONTROLLER_MANAGER)


def _row(view: View, name: str) -> Component:
    found: Component | None = view.get("components", name)
    return found if found is not None else Component(name=name)


def runs(view: View, name: str) -> bool:
    """Whether a component is up. Raises `NotFound` for a name that no component has.

    >>> from volsim import Simulation
    >>> runs(Simulation(nodes=0).state, "scheduler")
    True
    """
    return _row(view, known(name)).running


def known(name: str) -> str:
    """The component that is meant, with or without ``kube-``. Raises `NotFound`.

    >>> known("kube-scheduler")
    'scheduler'
    """
    short = name.removeprefix("kube-")
    if short not in COMPONENTS:
        raise NotFound(f"no component of the control plane is named {name!r}; {did_you_mean(short, COMPONENTS)}")
    return short


def is_down(view: View, controller: Controller) -> bool:
    """Whether a controller can do nothing: its process is down, or there is no API server to talk to."""
    if not len(view.table("components")):
        return False
    process = process_of(controller)
    if process == _KUBELET:  # each knows of its machine what it can do
        return False
    return not _row(view, API_SERVER).running or not _row(view, process).running


def must_be_served(view: View) -> None:
    """Raises `Unreachable`, as kubectl says it, if there is no API server."""
    if len(view.table("components")) and not _row(view, API_SERVER).running:
        raise Unreachable(
            "The connection to the server 172.16.1.30:6443 was refused - did you specify the right host or port?"
        )


def stop(draft: Draft, name: str) -> None:
    """Stop a process of the control plane."""
    name = known(name)
    row = _row(draft, name)
    if not row.running:
        return
    _end(draft, name)
    if name == API_SERVER:
        _serve(draft, served=False)
    else:
        _forget(draft, name)


def _end(draft: Draft, name: str) -> None:
    draft.put("components", name, _row(draft, name).replace(running=False, since_us=draft.now_us))


def start(draft: Draft, name: str) -> None:
    """Start a process of the control plane: it looks at everything."""
    name = known(name)
    row = _row(draft, name)
    if row.running:
        return
    _run(draft, name)
    if name == API_SERVER:
        _serve(draft, served=True)
        if draft.now_us - row.since_us >= microseconds(draft.rules.leader_election_renew_deadline):
            for each in (CONTROLLER_MANAGER, SCHEDULER):
                if _row(draft, each).running:  # it has lost its lease, ended, and is there anew
                    _run(draft, each)
                    _forget(draft, each)


def can_crash(controller: Controller) -> bool:
    """Whether `crash` can come over a controller's process: not over a kubelet, which has a machine of its own."""
    return process_of(controller) != _KUBELET


def crash(draft: Draft, controller: Controller) -> tuple[str, tuple[Change, ...]]:
    """The process of a controller ends and starts again at once; its name, and what changed. Sidecars are one process.

    Whoever has to look then is ready.
    """
    name = process_of(controller)
    _end(draft, name)
    _forget(draft, name)
    ended = draft.take_changes()  # else nobody would see that it was gone
    _run(draft, name)
    return name if name in COMPONENTS else controller.component, (*ended, *draft.take_changes())


def _run(draft: Draft, name: str) -> None:
    """Note that a process runs; of the controller manager also since when, for it tells silent nodes by that."""
    row = Component(name=name, since_us=draft.now_us) if name == CONTROLLER_MANAGER else None
    draft.put("components", name, row)


def _serve(draft: Draft, *, served: bool) -> None:
    """Every kubelet loses the API server, or has it again."""
    for name, machine in list(draft.table("machines").items()):
        new = machine.replace(served=served)
        silent_us = machine.changed_us if new.answers == machine.answers else draft.now_us
        draft.put("machines", name, new.replace(changed_us=silent_us))


# -- what is seen anew -------------------------------------------------------------------------------------------------
def looks_at_everything(controller: Controller) -> Watch:
    """What a controller sees of the components: when its process is there again, all rows that it watches, as new."""

    def watch(view: View, change: Change) -> Iterator[str | Wake | First]:
        row: Component | None = change.after
        stops = row is not None and not row.running
        if stops or process_of(controller) == _KUBELET or is_down(view, controller):
            return
        if change.key not in (process_of(controller), API_SERVER):
            return
        for table, shows in sorted(controller.watches.items()):
            for each in view.api_tables if table == ANY else (table,):
                for key, found in view.table(each).items():
                    yield from shows(view, Change(each, key, None, found))
        if "attach_detach" in controller.watches:  # its own rows are no news to it
            yield from view.table("attach_detach")

    return watch


# -- what is lost ------------------------------------------------------------------------------------------------------
def _forget(draft: Draft, name: str) -> None:
    """A process ends: what it had in mind is gone."""
    if name == SCHEDULER:
        for key in list(draft.table("scheduling")):
            draft.put("scheduling", key, None)
    for key in list(draft.table("memory")):
        if _OTHER_MEMORIES.get(key.partition("/")[0], CONTROLLER_MANAGER) == name:
            draft.put("memory", key, None)
    if name == CONTROLLER_MANAGER:
        for key, row in list(draft.table("attach_detach").items()):
            draft.put("attach_detach", key, _as_the_api_says(row))


def _as_the_api_says(row: Attachment) -> Attachment | None:
    """What of a disk on a node can be found out again: not who waits for it, nor since when it is not wanted."""
    if row.state == "blocked":
        return None
    return row.replace(pods=(), released_us=None, told=False, failures=0, fails_us=None)
