"""What is on the nodes and behind the network, which no API shows: machines, sandboxes, containers.

Whatever depends on power carries the number of the boot in which it was made. Switching a machine off only counts up
its boot: every process and every byte of memory of an older boot is gone, without anybody having to visit them.
"""

from __future__ import annotations

from typing import Any

import attrs

from volsim.objects import Pod
from volsim.objects._record import FrozenDict, Record, frozen_map, record
from volsim.storage.mounts import Mount
from volsim.storage.tree import Directory

__all__ = [
    "Attachment",
    "Component",
    "Container",
    "Driver",
    "Ended",
    "Ending",
    "Hook",
    "Machine",
    "Plugin",
    "Probed",
    "Sandbox",
]


@record
class Machine(Record):
    """A node's machine.

    >>> Machine(powered=False).answers
    False
    """

    powered: bool = True
    connected: bool = True
    """Whether the network lets kubelet and control plane talk."""
    kubelet: bool = True
    """Whether its kubelet runs; containers run without it."""
    registers: bool = False
    """Whether its kubelet has started and found no Node of its name, or nobody to ask: it registers when it can."""
    served: bool = True
    """Whether there is an API server that its kubelet could talk to."""
    destroyed: bool = False
    """Off for ever, its disk lost."""
    boot: int = 1
    """Counts the times it was switched on; processes and memory belong to one boot."""
    changed_us: int = 0
    """When it last fell silent, or was heard again."""
    heartbeat_phase_us: int = 0
    """Leases are renewed at this offset, every `Rules.node_lease_renew_interval`."""
    disk: Directory = attrs.field(factory=Directory)
    """The root of its disk, without what is only in memory."""
    full: bool = False
    """Whether its kubelet last found too little room on the disk."""
    until_us: int | None = None
    """Until when it says so (DiskPressure); None: it does not."""
    number: int = 0
    """The how-manieth machine of the cluster it is, from 0: its addresses follow from that."""
    next_address: int = 2
    """The last number of the next pod's address."""

    @property
    def hears(self) -> bool:
        """Whether its kubelet, if there is power, knows what the API says and can report.

        >>> Machine(kubelet=False).hears, Machine(powered=False).hears
        (False, True)
        """
        return self.kubelet and self.connected and self.served

    @property
    def answers(self) -> bool:
        """Whether the control plane hears its kubelet."""
        return self.powered and self.kubelet and self.connected and self.served

    @property
    def address(self) -> str:
        """Its address in the nodes' network.

        >>> Machine(number=1).address, Machine(number=1).pod_network
        ('172.16.1.31', '10.244.1')
        """
        host = 30 + self.number
        return f"172.16.{1 + host // 256}.{host % 256}"

    @property
    def pod_network(self) -> str:
        """The first three numbers of its pods' addresses."""
        return f"10.{244 + self.number // 256}.{self.number % 256}"


@record
class Driver(Record):
    """A CSI driver as it was installed: its sidecars in the control plane, its plugin on every node.

    >>> Driver(name="csi.example.com").attach_required
    True
    """

    name: str
    attach_required: bool = True
    topology_key: str | None = None
    """The node label that says from where its volumes can be reached; None: from everywhere."""
    resizer: bool = False
    """Whether it has an external resizer."""
    attach_seconds: int = 0
    """How long its storage takes to attach a disk when all is well."""
    detach_seconds: int = 0
    """How long it takes to detach one."""
    attach_delay_seconds: int | None = 0
    """How much later than that it attaches a disk; None: it answers with an error."""
    detach_delay_seconds: int | None = 0
    """How much later it detaches one; None: it answers with an error."""


@record
class Component(Record):
    """A process of the control plane that is down, or that has forgotten what it knew when it was started.

    >>> Component(name="scheduler", running=False).running
    False
    """

    name: str
    running: bool = True
    since_us: int = 0
    """Since when it runs, or does not. What it knew before that it has forgotten."""


@record
class Plugin(Record):
    """A volume plugin that is built into the controller manager, and what it can do.

    >>> Plugin(name="kubernetes.io/nfs", source="nfs", recycles=True).deletes
    False
    """

    name: str
    source: str = ""
    """The volume source that it serves, as in a manifest; empty: any."""
    provisions: bool = False
    deletes: bool = False
    recycles: bool = False


@record
class Attachment(Record):
    """What the attach/detach controller knows of one disk and one node that has, had or waits for it.

    >>> Attachment(disk="csi/d^h", node="node01", volume="kubernetes.io/csi/d^h", name="pv", state="attached").holds
    True
    """

    disk: str
    """The disk's key (`volsim.storage.disks.Disk.key`)."""
    node: str
    volume: str
    """The disk's name in the node's status."""
    name: str
    """The PersistentVolume's name, or that of the pod's volume: what messages call it."""
    driver: str = ""
    """The CSI driver that attaches it; empty if a plugin of Kubernetes' own does."""
    handle: str = ""
    """What the driver calls it."""
    backend: str = ""
    """The backend that has its bytes."""
    shared: bool = False
    """Whether it may be attached to several nodes."""
    state: str = "blocked"
    """`blocked` (another node has it), `attaching`, `attached` or `detaching`."""
    attachment: str = ""
    """The name of the VolumeAttachment."""
    pods: tuple[str, ...] = ()
    """The pods on the node that want it, as ``namespace/name@uid``, sorted."""
    in_use: bool = True
    """Whether the node said, when it was last heard, that the disk is mounted."""
    released_us: int | None = None
    """Since when no pod wants it; None while one does."""
    told: bool = False
    """Whether the waiting pods have been told that another node has the disk."""
    failures: int = 0
    """How often attaching took too long."""
    fails_us: int | None = None
    """When the present attempt to attach it has taken too long."""

    @property
    def holds(self) -> bool:
        """Whether the node has the disk, or may have it."""
        return self.state != "blocked"


@record
class Ending(Record):
    """Why a kubelet ends a pod that nobody has deleted.

    >>> Ending(reason="DeadlineExceeded", message="Pod was active on the node longer than …", fails=True).fails
    True
    """

    reason: str = ""
    """Its status' reason; empty if only its sidecars are left."""
    message: str = ""
    fails: bool = False
    """The pod has failed even if all its containers exit 0."""
    condition: str = ""
    """The message of its condition DisruptionTarget; empty: it gets none."""


@record
class Sandbox(Record):
    """What a kubelet has set up for a pod, and the pod as the kubelet last saw it."""

    node: str
    pod: Pod
    boot: int
    address: str = ""
    memory: FrozenDict[str, Directory] = attrs.field(factory=FrozenDict, converter=frozen_map)
    """By volume: the contents of what lies in memory (tmpfs emptyDirs, configuration volumes)."""
    mounted: FrozenDict[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_map)
    """By volume: where its bytes are (`volsim.control.kubelet.volumes.Place`)."""
    mount_failures: int = 0
    mount_error: str = ""
    retry_us: int | None = None
    """When mounting is tried again."""
    kill_us: int | None = None
    """When containers that ignored TERM are killed; None while the pod is not being stopped."""
    ending: Ending | None = None
    """Why the pod is being stopped, if it was not deleted."""
    due_us: int | None = None
    """When what the pod uses on the disk is next compared with its limits; None: nothing was written since."""
    lost: bool = False
    """Its first process, which holds the pod's namespaces, is dead: everything has to be started anew."""
    attempt: int = 0
    """How often everything was started anew."""
    init_done: bool = False
    torn_down: bool = False
    """The pod has ended and its directories are gone."""
    in_use: tuple[str, ...] = ()
    """The disks that are mounted for the pod or are to be, by their names in the node's status."""
    awaiting: tuple[str, ...] = ()
    """Those of them that are not attached yet."""
    awaiting_since_us: int | None = None
    """Since when the kubelet has been waiting for them without saying so."""
    unmounted_since_us: int | None = None
    """Since when the kubelet has not said that volumes which cannot be set up are still missing; None if none is."""
    refresh_us: int | None = None
    """When its configuration volumes are brought up to date; None while there is nothing new."""


@record
class Hook(Record):
    """A hook of a container that runs, or waits.

    >>> Hook(kind="preStop", wake_us=3_000_000).memory is None
    True
    """

    kind: str
    """`postStart` or `preStop`."""
    memory: Any = None
    """What its program remembers."""
    wake_us: int | None = None
    """When its pause ends; None: never."""


@record
class Probed(Record):
    """What a kubelet knows from one probe of a container.

    >>> Probed(kind="readiness").holds is None
    True
    """

    kind: str
    """`startup`, `liveness` or `readiness`."""
    holds: bool | None = None
    """What it last made of the answers; None: it has not decided yet."""
    last: bool | None = None
    """The last answer."""
    times: int = 0
    """How often in a row that was the answer, up to the threshold."""
    due_us: int | None = None
    """When it asks again; None: never."""
    memory: Any = None
    """What its program remembers while it takes time."""
    wake_us: int | None = None
    """When that program goes on; None while it does not run."""
    deadline_us: int | None = None
    """When that program has taken too long; None while it does not run."""


@record
class Ended(Record):
    """How a run of a container ended.

    >>> Ended(exit_code=137, reason="OOMKilled").message
    ''
    """

    exit_code: int = 0
    started_us: int = 0
    finished_us: int = 0
    reason: str = ""
    message: str = ""


@record
class Container(Record):
    """One container of a pod: its present process if it has one, and how the last ended."""

    boot: int = 0
    """The boot in which the process was started."""
    attempt: int = 0
    """The attempt of its sandbox in which it was."""
    running: bool = False
    restarts: int = 0
    started_us: int | None = None
    finished_us: int | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    signalled: bool = False
    """TERM has been sent."""
    until_us: int | None = None
    """When its grace ends, with what its hook and its turn take; None while it is not being stopped."""
    kill_us: int | None = None
    """When it is killed; None while TERM has not been sent."""
    hook: Hook | None = None
    probes: tuple[Probed, ...] = ()
    charged: int = 0
    """The bytes that this run has put into volumes in memory, which count as memory of the container."""
    memory: Any = None
    """What the program remembers while it sleeps or serves (`volsim.programs.process.Pause.memory`)."""
    wake_us: int | None = None
    """When its pause ends; None: it serves until it gets a signal."""
    layer: Directory = attrs.field(factory=Directory)
    """Its own writable layer; new with every start."""
    log: bytes = b""
    previous_log: bytes = b""
    last: Ended | None = None
    """The run before this one."""
    waiting: str = ""
    """Why it does not run: ``CrashLoopBackOff``, ``CreateContainerConfigError``, …"""
    waiting_message: str = ""
    backoff_us: int = 0
    """The present crash back-off."""
    backoff_since_us: int | None = None
    """When the back-off was last raised."""
    pull_backoff_us: int = 0
    """How long the kubelet waits until it pulls the image again; 0: that has not failed yet."""
    retry_us: int | None = None
    """When that is; None while there is an image."""
    container_id: str = ""
    env: FrozenDict[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    """Its environment, as it was when it started."""
    mounts: tuple[Mount, ...] = ()
    """What it has mounted, as it was when it started."""
    held: FrozenDict[str, Directory] = attrs.field(factory=FrozenDict, converter=frozen_map)
    """By mount point: the files that it has mounted, each in a directory that stands for it."""
