"""What the world does to a cluster: power, network and storage, each fault with its healing twin.

A fault that is there already, and a healing where nothing is wrong, change nothing.
"""

from __future__ import annotations

from volsim.errors import NotFound, VolsimError, did_you_mean
from volsim.state import Draft
from volsim.state.runtime import Machine
from volsim.storage.backends import Backend
from volsim.storage.tree import Directory

__all__ = ["destroy", "fail_backend", "heal", "partition", "power_off", "power_on", "recover_backend"]


def _machine(draft: Draft, name: str) -> Machine:
    found: Machine | None = draft.get("machines", name)
    if found is None:
        raise NotFound(f"no node named {name!r}; {did_you_mean(name, draft.table('machines'))}".removesuffix("; "))
    return found


def _standing(draft: Draft, name: str, what: str) -> Machine:
    machine = _machine(draft, name)
    if machine.destroyed:
        raise VolsimError(f"node {name!r} was destroyed and cannot be {what}; its disk is lost: register another node")
    return machine


def power_off(draft: Draft, name: str) -> None:
    """Processes stop and memory is lost at once; the disk stays. The number of the boot is counted up."""
    machine = _standing(draft, name, "powered off")
    if machine.powered:
        draft.put("machines", name, machine.replace(powered=False, boot=machine.boot + 1, changed_us=draft.now_us))


def power_on(draft: Draft, name: str) -> None:
    """The machine starts with what is on its disk."""
    machine = _standing(draft, name, "powered on")
    if not machine.powered:
        draft.put("machines", name, machine.replace(powered=True, changed_us=draft.now_us))


def partition(draft: Draft, name: str) -> None:
    """Kubelet and control plane cannot talk; the containers go on running, and writing."""
    machine = _standing(draft, name, "cut off")
    if machine.connected:
        draft.put("machines", name, machine.replace(connected=False, changed_us=draft.now_us))


def heal(draft: Draft, name: str) -> None:
    """Kubelet and control plane can talk again."""
    machine = _standing(draft, name, "reconnected")
    if not machine.connected:
        draft.put("machines", name, machine.replace(connected=True, changed_us=draft.now_us))


def destroy(draft: Draft, name: str) -> None:
    """Power off for ever; what was on the disk is lost."""
    machine = _machine(draft, name)
    if not machine.destroyed:
        lost = machine.replace(
            powered=False, destroyed=True, boot=machine.boot + 1, disk=Directory(), changed_us=draft.now_us
        )
        draft.put("machines", name, lost)


def _backend(draft: Draft, name: str) -> Backend:
    found: Backend | None = draft.get("backends", name)
    if found is None:
        remedy = did_you_mean(name, draft.table("backends"))
        raise NotFound(f"no storage backend named {name!r}; {remedy or 'no volume has used one yet'}")
    return found


def fail_backend(draft: Draft, name: str) -> None:
    """Nobody can reach the server or disk; what is on it stays."""
    draft.put("backends", name, _backend(draft, name).replace(reachable=False))


def recover_backend(draft: Draft, name: str) -> None:
    """The server or disk answers again."""
    draft.put("backends", name, _backend(draft, name).replace(reachable=True))
