"""NodePorts: no two pods of a node want the same port of the host.

Modelled: host ports by protocol and address; 0.0.0.0 stands for every address.
Not modelled: nothing known.
Source: kube-scheduler, plugins/nodeports/node_ports.go; pkg/scheduler/util/utils.go (GetHostPorts).
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.control.scheduler.framework import Attempt, Known, Plugin, Status, pod_has_gone, rejected
from volsim.control.scheduler.lineup import Lineup, Nodes
from volsim.control.scheduler.node_facts import NodeInfo
from volsim.objects import Pod
from volsim.state import Change, View
from volsim.state.indexes import host_port_group

__all__ = ["PLUGIN", "clash", "host_ports"]

TAKEN = rejected("node(s) didn't have free ports for the requested pod ports")
_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - an address that a manifest may name; nothing listens here

HostPort = tuple[str, int, str]


def host_ports(pod: Pod) -> Iterator[HostPort]:
    """The (protocol, port, address) that the pod wants of its host, sidecars' included.

    >>> list(host_ports(Pod()))
    []
    """
    sidecars = [each for each in pod.spec.init_containers if each.restart_policy == "Always"]
    for container in (*pod.spec.containers, *sidecars):
        for port in container.ports:
            if port.host_port:
                yield (port.protocol or "TCP", port.host_port, port.host_ip or _EVERY_ADDRESS)


def clash(wanted: HostPort, used: HostPort) -> bool:
    """Whether both cannot be had: the same port, on the same address or one of them on every address.

    >>> clash(("TCP", 80, "127.0.0.1"), ("TCP", 80, "0.0.0.0")), clash(("TCP", 80, "127.0.0.1"), ("UDP", 80, "0.0.0.0"))
    (True, False)
    """
    return wanted[:2] == used[:2] and (wanted[2] == used[2] or _EVERY_ADDRESS in (wanted[2], used[2]))


def pre_filter(attempt: Attempt) -> Known | None:
    """The filter; none for a pod that wants no port of its host."""
    wanted = list(host_ports(attempt.pod))
    if not wanted:
        return None

    def check(node: NodeInfo) -> Status | None:
        used = [port for pod in attempt.pods_on(node.name) for port in host_ports(pod)]
        return TAKEN if any(clash(port, other) for port in wanted for other in used) else None

    def refused(lineup: Lineup) -> list[tuple[Status, Nodes]]:
        names = set()
        for port in wanted:
            for pod, node in attempt.placed(attempt.view.group("pods_by_host_port", host_port_group(*port[:2]))):
                if any(clash(port, other) for other in host_ports(pod)):
                    names.add(node.name)
        return [(TAKEN, lineup.named(names))]

    return Known(check, refused)


def node_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A new node."""
    return change.before is None


def pod_may_help(view: View, change: Change, pod: Pod) -> bool:
    """A pod that has gone and had a port that this one wants."""
    if not pod_has_gone(view, change, pod):
        return False
    freed = list(host_ports(change.before))
    return any(clash(port, other) for port in host_ports(pod) for other in freed)


PLUGIN = Plugin(name="NodePorts", pre_filter=pre_filter, wakes={"nodes": node_may_help, "pods": pod_may_help})
