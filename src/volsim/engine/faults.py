"""What the world does to a cluster: one table of faults, each with its healing twin.

A simulation's methods, the budgets of an exploration and the replay of a path all go by this table. A fault that is
there already, and a healing where nothing is wrong, change nothing.

Modelled: power, network, disks and reboots of nodes, whole zones, kubelets that do not run, storage backends that do
not answer, CSI drivers whose storage attaches or detaches late or with errors, the processes of the control plane,
containers that die, pods that are deleted, nodes that are drained.
Not modelled: networks that lose some packets, clocks that differ, disks that are full or return wrong bytes.
Source: kubelet and container runtime (which processes hang on which); kubectl, pkg/drain; kube-apiserver,
registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from volsim.apiserver import requests
from volsim.apiserver.eviction import evict
from volsim.engine import components, processes
from volsim.engine.actions import Fault
from volsim.errors import Forbidden, InternalError, NotFound, TooManyRequests, VolsimError, did_you_mean
from volsim.objects import Node, Pod
from volsim.state import Draft, View, zone_of
from volsim.state.runtime import Container, Driver, Machine, Sandbox
from volsim.storage.backends import Backend
from volsim.storage.tree import Directory

__all__ = ["KINDS", "Act", "Kind", "delaying", "exiting", "inflict"]

Act = Callable[[Draft, str], None]
"""What a fault or a healing does to its target."""


# -- nodes -------------------------------------------------------------------------------------------------------------
def _machine(view: View, name: str) -> Machine:
    found: Machine | None = view.get("machines", name)
    if found is None:
        raise NotFound(f"no node named {name!r}; {did_you_mean(name, view.table('machines'))}".removesuffix("; "))
    return found


def _standing(view: View, name: str, what: str) -> Machine:
    machine = _machine(view, name)
    if machine.destroyed:
        raise VolsimError(f"node {name!r} was destroyed and cannot be {what}; its disk is lost: register another node")
    return machine


def _put(draft: Draft, name: str, **changes: Any) -> None:
    """Change a machine; note when it falls silent, or is heard again."""
    machine = _machine(draft, name)
    new = machine.replace(**changes)
    if new.answers != machine.answers:
        new = new.replace(changed_us=draft.now_us)
    if new != machine:
        draft.put("machines", name, new)


def power_off(draft: Draft, name: str) -> None:
    """Processes stop and memory is lost at once; the disk stays. The number of the boot is counted up."""
    machine = _standing(draft, name, "powered off")
    if machine.powered:
        _put(draft, name, powered=False, boot=machine.boot + 1)


def power_on(draft: Draft, name: str) -> None:
    """The machine starts with what is on its disk; its kubelet starts with it."""
    if not _standing(draft, name, "powered on").powered:
        _put(draft, name, powered=True, kubelet=True, registers=_has_to_register(draft, name))


def reboot(draft: Draft, name: str) -> None:
    """Off and on again, sooner than anybody misses it. Raises `VolsimError` if it is off."""
    machine = _standing(draft, name, "rebooted")
    if not machine.powered:
        raise VolsimError(f"node {name!r} is off and cannot be rebooted; power it on")
    _put(draft, name, boot=machine.boot + 1, kubelet=True, registers=_has_to_register(draft, name))


def partition(draft: Draft, name: str) -> None:
    """Kubelet and control plane cannot talk; the containers go on running, and writing."""
    _standing(draft, name, "cut off")
    _put(draft, name, connected=False)


def heal(draft: Draft, name: str) -> None:
    """Kubelet and control plane can talk again."""
    _standing(draft, name, "reconnected")
    _put(draft, name, connected=True)


def destroy(draft: Draft, name: str) -> None:
    """Power off for ever; what was on the disk is lost."""
    machine = _machine(draft, name)
    if not machine.destroyed:
        _put(draft, name, powered=False, destroyed=True, boot=machine.boot + 1, disk=Directory())


def stop_kubelet(draft: Draft, name: str) -> None:
    """The kubelet's process stops; the containers go on, and nobody looks after them."""
    if not _standing(draft, name, "left without its kubelet").powered:
        raise VolsimError(f"node {name!r} is off: its kubelet does not run, and starts with the node")
    _put(draft, name, kubelet=False)


def start_kubelet(draft: Draft, name: str) -> None:
    """The kubelet starts, and sees what has become of its pods."""
    if not _standing(draft, name, "given its kubelet").kubelet:
        _put(draft, name, kubelet=True, registers=_has_to_register(draft, name))


def _has_to_register(view: View, name: str) -> bool:
    """Whether a kubelet that starts now has to register its Node, or to ask later whether it is there."""
    machine = _machine(view, name)
    return view.nodes.get(name) is None or not (machine.connected and machine.served)


# -- zones -------------------------------------------------------------------------------------------------------------
def _zone(node: Node) -> str:
    """The zone of a node as people name it: without its region."""
    return zone_of(node).partition("/")[2]


def _zones(view: View) -> list[str]:
    return sorted({_zone(node) for node in view.nodes.unordered()} - {""})


def _machines_in(view: View, zone: str) -> list[str]:
    """The nodes of a zone that are not destroyed. Raises `NotFound` if no node is there."""
    names = [name for name, node in view.nodes.items() if _zone(node) == zone and view.get("machines", name)]
    if not names:
        known = did_you_mean(zone, _zones(view)) or "no node has the label topology.kubernetes.io/zone"
        raise NotFound(f"no node is in a zone {zone!r}; {known}")
    return [name for name in names if not _machine(view, name).destroyed]


def zone_off(draft: Draft, zone: str) -> None:
    """All nodes of a zone lose power at once."""
    for name in _machines_in(draft, zone):
        power_off(draft, name)


def zone_on(draft: Draft, zone: str) -> None:
    """All nodes of a zone have power again."""
    for name in _machines_in(draft, zone):
        power_on(draft, name)


def _any_in(view: View, zone: str, *, powered: bool) -> bool:
    return any(_machine(view, name).powered is powered for name in _machines_in(view, zone))


# -- storage -----------------------------------------------------------------------------------------------------------
def _backend(view: View, name: str) -> Backend:
    found: Backend | None = view.get("backends", name)
    if found is None:
        remedy = did_you_mean(name, view.table("backends"))
        raise NotFound(f"no storage backend named {name!r}; {remedy or 'no volume has used one yet'}")
    return found


def fail_backend(draft: Draft, name: str) -> None:
    """Nobody can reach the server or disk; what is on it stays."""
    backend = _backend(draft, name)
    if backend.reachable:
        draft.put("backends", name, backend.replace(reachable=False))


def recover_backend(draft: Draft, name: str) -> None:
    """The server or disk answers again."""
    backend = _backend(draft, name)
    if not backend.reachable:
        draft.put("backends", name, backend.replace(reachable=True))


def _driver(view: View, name: str) -> Driver:
    found: Driver | None = view.get("drivers", name)
    if found is None:
        remedy = did_you_mean(name, view.table("drivers"))
        raise NotFound(f"no CSI driver named {name!r}; {remedy or 'none is installed: install_csi_driver(name)'}")
    return found


def _delay(draft: Draft, name: str, **delays: int | None) -> None:
    driver = _driver(draft, name)
    new = driver.replace(**{f"{verb}_delay_seconds": seconds for verb, seconds in delays.items()})
    if new != driver:
        draft.put("drivers", name, new)


def stop_attaching(draft: Draft, name: str) -> None:
    """The driver answers with an error whenever it is to attach a disk."""
    _delay(draft, name, attach=None)


def stop_detaching(draft: Draft, name: str) -> None:
    """The driver answers with an error whenever it is to detach a disk."""
    _delay(draft, name, detach=None)


def mend_driver(draft: Draft, name: str) -> None:
    """The driver attaches and detaches as it should."""
    _delay(draft, name, attach=0, detach=0)


def _is_ill(view: View, name: str) -> bool:
    driver = _driver(view, name)
    return (driver.attach_delay_seconds, driver.detach_delay_seconds) != (0, 0)


_DELAYING = re.compile(r"take (\d+) s to (attach|detach) with")


def delaying(verb: str, seconds: int | None) -> str:
    """What a fault is called that makes a driver late, or (None) lets it answer with errors.

    >>> delaying("attach", 30), delaying("detach", None)
    ('take 30 s to attach with', 'stop detaching with')
    """
    return f"stop {verb}ing with" if seconds is None else f"take {seconds} s to {verb} with"


# -- containers and pods -----------------------------------------------------------------------------------------------
_EXIT = re.compile(r"exit (\d+)")
_KILLED = 137  # 128 + SIGKILL


def exiting(code: int) -> str:
    """What a fault is called by which a process exits.

    >>> exiting(137)
    'exit 137'
    """
    return f"exit {code}"


def _pod(view: View, target: str) -> Pod:
    key = target.removeprefix("pod/")
    found = view.pods.get(key)
    if found is None:
        raise NotFound(f'pods "{key.rpartition("/")[2]}" not found')
    return found


def _exit(code: int) -> Act:
    def act(draft: Draft, target: str) -> None:
        pod, _, container = target.partition(" -c ")
        processes.exit_containers(draft, _pod(draft, pod), container or None, code)

    return act


def _running_containers(view: View) -> Iterator[str]:
    """The containers that run on nodes with power, if the API knows their pods."""
    for key, row in view.table("containers").items():
        uid, _, name = key.partition("/")
        sandbox: Sandbox | None = view.get("sandboxes", uid)
        if row.running and sandbox is not None and _is_alive(view, sandbox, row):
            yield f"pod/{sandbox.pod.key} -c {name}"


def _is_alive(view: View, sandbox: Sandbox, row: Container) -> bool:
    machine = _machine(view, sandbox.node)
    pod = view.pods.get(sandbox.pod.key)
    same = pod is not None and pod.metadata.uid == sandbox.pod.metadata.uid
    return same and machine.powered and row.boot == machine.boot


def delete_pod(draft: Draft, target: str) -> None:
    """Somebody deletes the pod; whether another takes its place is for its controller to say."""
    components.must_be_served(draft)
    pod = _pod(draft, target)
    requests.delete(draft, "pods", pod.key, uid=pod.metadata.uid)


def _living_pods(view: View) -> Iterator[str]:
    return (f"pod/{key}" for key, pod in view.pods.items() if pod.metadata.deletion_timestamp is None)


# -- drains ------------------------------------------------------------------------------------------------------------
def _node(view: View, name: str) -> Node:
    found = view.nodes.get(name)
    if found is None:
        raise NotFound(f'nodes "{name}" not found')
    return found


def _cordon(draft: Draft, node: Node, *, unschedulable: bool | None) -> None:
    if bool(node.spec.unschedulable) != bool(unschedulable):
        requests.update(draft, node.replace(spec=node.spec.replace(unschedulable=unschedulable)), user=True)


def drain(draft: Draft, name: str) -> None:
    """Cordon the node and evict its pods, but those of DaemonSets and those whose eviction is refused now.

    That is `kubectl drain --force --ignore-daemonsets --delete-emptydir-data` at its first try.
    """
    components.must_be_served(draft)
    _cordon(draft, _node(draft, name), unschedulable=True)
    for pod in list(_evictable(draft, name)):
        with suppress(Forbidden, InternalError, TooManyRequests):
            evict(draft, pod.key, uid=pod.metadata.uid)


def uncordon(draft: Draft, name: str) -> None:
    """Let pods be scheduled to the node again."""
    components.must_be_served(draft)
    _cordon(draft, _node(draft, name), unschedulable=None)


def _evictable(view: View, name: str) -> Iterator[Pod]:
    """The pods of a node that a drain is to evict."""
    for pod in view.pods_on(name):
        kept = any(owner.controller and owner.kind == "DaemonSet" for owner in pod.metadata.owner_references)
        if not kept and pod.metadata.deletion_timestamp is None:
            yield pod


def _is_served(view: View, target: str) -> bool:
    """Whether people can ask the API for anything."""
    return components.runs(view, components.API_SERVER)


def _can_be_drained(view: View, name: str) -> bool:
    if not _is_served(view, name):
        return False
    return not _node(view, name).spec.unschedulable or next(_evictable(view, name), None) is not None


# -- the table ---------------------------------------------------------------------------------------------------------
def _never(view: View, target: str) -> bool:
    return False


class Kind(NamedTuple):
    """One kind of fault: how often it may come is said by a budget, where it can come by its targets."""

    budget: str
    """What `volsim.exploration.Faults` calls how often it may come."""
    what: str
    """`Fault.what` of the fault."""
    targets: Callable[[View], Iterable[str]]
    strikes: Act
    can_strike: Callable[[View, str], bool]
    healing: str = ""
    """`Fault.what` of the healing twin; empty if nothing heals it, or the cluster itself."""
    heals: Act | None = None
    can_heal: Callable[[View, str], bool] = _never


def _machines(view: View) -> Iterable[str]:
    return view.table("machines")


def _is(test: Callable[[Machine], bool]) -> Callable[[View, str], bool]:
    """Asks something of a node's machine; of one that is destroyed, the answer is no."""
    return lambda view, name: not _machine(view, name).destroyed and test(_machine(view, name))


def _always(view: View, target: str) -> bool:
    return True


KINDS: tuple[Kind, ...] = (
    Kind(
        "node_failures", "power off", _machines,
        power_off, _is(lambda machine: machine.powered),
        "power on", power_on, _is(lambda machine: not machine.powered),
    ),
    Kind("reboots", "reboot", _machines, reboot, _is(lambda machine: machine.powered)),
    Kind(
        "partitions", "cut off", _machines,
        partition, _is(lambda machine: machine.connected),
        "reconnect", heal, _is(lambda machine: not machine.connected),
    ),
    Kind("node_losses", "destroy", _machines, destroy, _is(lambda machine: True)),
    Kind(
        "kubelet_stops", "stop the kubelet of", _machines,
        stop_kubelet, _is(lambda machine: machine.powered and machine.kubelet),
        "start the kubelet of", start_kubelet, _is(lambda machine: not machine.kubelet),
    ),
    Kind(
        "zone_failures", "power off zone", _zones,
        zone_off, lambda view, zone: _any_in(view, zone, powered=True),
        "power on zone", zone_on, lambda view, zone: _any_in(view, zone, powered=False),
    ),
    Kind(
        "backend_failures", "make unreachable", lambda view: view.table("backends"),
        fail_backend, lambda view, name: _backend(view, name).reachable,
        "make reachable", recover_backend, lambda view, name: not _backend(view, name).reachable,
    ),
    Kind(
        "driver_failures", delaying("attach", None), lambda view: view.table("drivers"),
        stop_attaching, lambda view, name: _driver(view, name).attach_delay_seconds is not None,
        "mend", mend_driver, _is_ill,
    ),
    Kind(
        "driver_failures", delaying("detach", None), lambda view: view.table("drivers"),
        stop_detaching, lambda view, name: _driver(view, name).detach_delay_seconds is not None,
    ),
    Kind(
        "component_outages", "stop", lambda view: components.COMPONENTS,
        components.stop, components.runs,
        "start", components.start, lambda view, name: not components.runs(view, name),
    ),
    Kind("container_crashes", exiting(_KILLED), _running_containers, _exit(_KILLED), _always),
    Kind("pod_deletions", "delete", _living_pods, delete_pod, _is_served),
    Kind(
        "drains", "drain", lambda view: view.nodes,
        drain, _can_be_drained,
        "uncordon", uncordon, lambda view, name: _is_served(view, name) and bool(_node(view, name).spec.unschedulable),
    ),
)  # fmt: skip
"""All kinds of faults. A kind without a healing twin is healed by the cluster itself, or not at all."""

_ACTS: dict[str, Act] = {
    what: act
    for kind in KINDS
    for what, act in ((kind.what, kind.strikes), (kind.healing, kind.heals))
    if act is not None
}


def _act(what: str) -> Act:
    """What is done for a fault or a healing of that name. Raises `VolsimError` for one that is not known."""
    found = _ACTS.get(what)
    if found is not None:
        return found
    if match := _EXIT.fullmatch(what):
        return _exit(int(match[1]))
    if match := _DELAYING.fullmatch(what):
        verb, seconds = match[2], int(match[1])
        return lambda draft, name: _delay(draft, name, **{verb: seconds})
    raise VolsimError(f"there is no fault {what!r}; {did_you_mean(what, _ACTS)}")


def inflict(draft: Draft, fault: Fault) -> None:
    """Let a fault or a healing come over a cluster.

    Raises `VolsimError` for a fault that is not known, and `NotFound` if it has no such target.
    """
    _act(fault.what)(draft, fault.target)
