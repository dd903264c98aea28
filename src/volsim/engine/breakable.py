"""What can be broken in a simulation: a method for each fault of `volsim.engine.faults`, and one for its twin."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from volsim.engine import faults
from volsim.engine.actions import Action, Fault, Step
from volsim.rules import Duration, microseconds
from volsim.state import Draft

__all__ = ["Breakable", "as_pod"]


def as_pod(ref: str) -> str:
    """The address of a pod that may be given by its name alone.

    >>> as_pod("web"), as_pod("po/web")
    ('pod/web', 'po/web')
    """
    return ref if "/" in ref else f"pod/{ref}"


class Breakable(ABC):
    """A cluster that the world can lay its hands on."""

    @abstractmethod
    def get(self, ref: str, namespace: str = "default") -> Any:
        """The object called `ref`."""

    @property
    @abstractmethod
    def trace(self) -> Sequence[Step]:
        """Every step so far."""

    @abstractmethod
    def _act(self, action: Action, act: Callable[[Draft], Any]) -> Any:
        """Do something that writes in several places, and note it as a step."""

    def fail_node(self, name: str) -> None:
        """Power off: processes stop, memory is lost, the disk stays. Healed by `recover_node`."""
        self.inflict("power off", name)

    def recover_node(self, name: str) -> None:
        """Power on."""
        self.inflict("power on", name)

    def reboot_node(self, name: str) -> None:
        """Off and on again at once: processes stop, memory is lost, the disk stays. Nobody has to heal it."""
        self.inflict("reboot", name)

    def partition_node(self, name: str) -> None:
        """Cut the node off from the control plane: its containers go on running. Healed by `heal_node`."""
        self.inflict("cut off", name)

    def heal_node(self, name: str) -> None:
        """Let the node and the control plane talk again."""
        self.inflict("reconnect", name)

    def destroy_node(self, name: str) -> None:
        """Power off for ever; the disk is lost."""
        self.inflict("destroy", name)

    def stop_kubelet(self, name: str) -> None:
        """Stop a node's kubelet: its containers go on, nothing is reported. Healed by `start_kubelet`."""
        self.inflict("stop the kubelet of", name)

    def start_kubelet(self, name: str) -> None:
        """Start a node's kubelet again."""
        self.inflict("start the kubelet of", name)

    def fail_zone(self, name: str) -> None:
        """Power off all nodes with that label topology.kubernetes.io/zone. Healed by `recover_zone`."""
        self.inflict("power off zone", name)

    def recover_zone(self, name: str) -> None:
        """Power on all nodes of a zone."""
        self.inflict("power on zone", name)

    def fail_backend(self, name: str) -> None:
        """Make a storage backend (an NFS server, a disk) unreachable. Healed by `recover_backend`."""
        self.inflict("make unreachable", name)

    def recover_backend(self, name: str) -> None:
        """Make a storage backend reachable again."""
        self.inflict("make reachable", name)

    def fail_driver(self, name: str, *, attach: Duration | None = 0, detach: Duration | None = 0) -> None:
        """Let a CSI driver attach or detach so much later, or (None) answer with an error. Healed by `recover_driver`.

        Delays are counted in whole seconds.
        """
        for verb, delay in (("attach", attach), ("detach", detach)):
            if delay is None or delay != 0:
                seconds = None if delay is None else microseconds(delay) // 1_000_000
                self.inflict(faults.delaying(verb, seconds), name)

    def recover_driver(self, name: str) -> None:
        """Let a CSI driver attach and detach as it should."""
        self.inflict("mend", name)

    def stop_component(self, name: str) -> None:
        """Stop the `apiserver`, the `controller-manager` or the `scheduler`. Healed by `start_component`."""
        self.inflict("stop", name)

    def start_component(self, name: str) -> None:
        """Start a process of the control plane again: it knows only what the API says, and looks at everything."""
        self.inflict("start", name)

    def drain(self, node: str) -> None:
        """Cordon a node and evict its pods, as the first try of a `kubectl drain` that is told to spare nothing.

        Pods of DaemonSets stay, and those that a disruption budget protects now. Healed by `uncordon`.
        """
        self.inflict("drain", node)

    def inflict(self, what: str, target: str) -> Step:
        """Let a fault or a healing come over the cluster, by the words that a trace has for it.

        Raises `VolsimError` for a fault that is not known, `NotFound` if it has no such target.

        >>> from volsim import Simulation
        >>> print(Simulation(nodes=1).inflict("power off", "node01"))
             0.000s  fault: power off node01
        """
        fault = Fault(what, target)
        self._act(fault, lambda draft: faults.inflict(draft, fault))
        return self.trace[-1]

    def crash_container(self, ref: str, container: str | None = None, namespace: str = "default") -> None:
        """The container's process dies of a signal (exit code 137); the restart policy decides what follows."""
        self.exit_container(ref, 137, container, namespace)

    def exit_container(self, ref: str, code: int = 0, container: str | None = None, namespace: str = "default") -> None:
        """The container's process exits with `code`; those of all app containers that run if none is named.

        The restart policy decides what follows. Raises `VolsimError` if the container that is named does not run.
        """
        pod = self.get(as_pod(ref), namespace)
        self.inflict(faults.exiting(code), f"pod/{pod.key}" + (f" -c {container}" if container else ""))
