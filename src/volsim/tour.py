"""`volsim tour`: the whole tutorial, every command with what it printed, and what survived and why.

Nothing here is told from memory. Each command runs against the simulation, and each closing line is checked against
what was printed: a line that does not hold makes the tour fail.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from volsim.errors import FileError, Unreachable, VolsimError
from volsim.objects import Pod
from volsim.simulation import Simulation

__all__ = ["TourError", "manifest_directory", "tour"]

Print = Callable[[str], None]

MASTER = """
apiVersion: v1
kind: Node
metadata:
  name: master
  labels: {kubernetes.io/hostname: master, kubernetes.io/os: linux, kubernetes.io/arch: amd64, %s: ""}
spec:
  taints: [{key: %s, effect: NoSchedule}]
"""

LOG_IN = "mysql -u root -p123.com"
CREATE = """create database volumes_db;
use volumes_db;
create table my_id(
id int primary key,
name varchar(25)
);
insert into my_id values(1,'zhangsan');
select * from my_id;
"""
SELECT = "select * from volumes_db.my_id;\n"


class TourError(VolsimError):
    """Something that the tour says did not hold in the simulation."""


def manifest_directory() -> Path:
    """Where the tutorial's manifests are: in the package, or in a source checkout's `examples/tutorial`."""
    here = Path(__file__).resolve().parent
    for place in (here / "examples" / "tutorial", here.parents[1] / "examples" / "tutorial"):
        if place.is_dir():
            return place
    raise TourError("the tutorial's manifests are not there; install the package again")


def cluster(kubernetes: str, seed: int) -> Simulation:
    """The article's cluster: a master that takes no ordinary pods, node01 and node02."""
    role = "node-role.kubernetes.io/control-plane"
    if int(kubernetes.partition(".")[2] or 0) < 24:
        role = "node-role.kubernetes.io/master"
    return Simulation(nodes=[MASTER % (role, role), "node01", "node02"], kubernetes=kubernetes, seed=seed)


class _Guide:
    """Runs commands, prints them with what they printed, and checks what is said of them."""

    def __init__(self, sim: Simulation, out: Print) -> None:
        self.sim, self.out = sim, out
        self.claims = 0

    def title(self, text: str) -> None:
        self.out(f"\n{text}\n{'=' * len(text)}")

    def text(self, text: str) -> None:
        self.out(f"\n# {text}")

    def kubectl(self, line: str, stdin: str | None = None) -> str:
        """Run one kubectl command line; its output."""
        self.out(f"\n$ kubectl {line}")
        for typed in (stdin or "").splitlines():
            self.out(f"> {typed}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fields that are carried but not modelled: ports, the Service
            try:
                printed = self.sim.kubectl(line, stdin=stdin, cwd=manifest_directory())
            except VolsimError as error:
                printed = f"{error}\n"
        if printed:
            self.out(printed.rstrip("\n"))
        return printed

    def world(self, what: str, act: Callable[[], object]) -> None:
        """Something happens that is no kubectl command."""
        self.out(f"\n## {what}")
        act()

    def say(self, holds: bool, text: str) -> None:
        """One line on what survived and why. Raises `TourError` if it is not so."""
        if not holds:
            raise TourError(f"the tour says {text!r}, but that is not what happened")
        self.claims += 1
        self.out(f"=> {text}")

    def pods(self, app: str) -> list[Pod]:
        """The pods of an application that are not being deleted, youngest last."""
        found = [pod for pod in self.sim.list("pods", "default", f"app={app}") if not pod.metadata.deletion_timestamp]
        return sorted(found, key=lambda pod: pod.metadata.creation_timestamp or 0)

    def pod(self, app: str) -> str:
        """The name of the application's youngest pod."""
        return self.pods(app)[-1].metadata.name or ""


def tour(out: Print = print, *, kubernetes: str = "1.15", seed: int = 0) -> int:
    """Replay the tutorial; the number of facts that were told and checked.

    Raises `TourError` if one does not hold. Cost: well under three seconds.
    """
    guide = _Guide(cluster(kubernetes, seed), out)
    out(f"A practical tutorial on Kubernetes volumes, replayed on a simulated Kubernetes {kubernetes}.")
    for chapter in (_empty_dir, _host_path, _claim, _database, _pod_deleted, _node_down):
        chapter(guide)
    told = guide.claims
    for kind, text in (("emptydir", "an emptyDir"), ("hostpath", "a hostPath")):
        told += _contrast(out, kubernetes, seed, kind, text)
    out(f"\n{told} facts told, each checked against what the simulation printed.")
    return told


# -- 1. emptyDir -------------------------------------------------------------------------------------------------------
def _empty_dir(guide: _Guide) -> None:
    sim = guide.sim
    guide.title("1. emptyDir: two containers share a directory")
    guide.kubectl("apply -f emptydir.yaml")
    sim.run("14s")
    guide.kubectl("get pod -o wide")
    dash = "" if guide.sim.rules.version < (1, 31) else "-- "  # the tutorial has none; today's kubectl wants it
    read = guide.kubectl(f"exec -it read-write -c read {dash}cat /read/hello")
    write = guide.kubectl(f"exec -it read-write -c write {dash}cat /write/hello")
    guide.say(
        read.endswith("hello volumes\n") and read == write,
        "both containers see the same bytes: one directory, two mounts",
    )

    pod = sim.get("pod/read-write")
    node = pod.spec.node_name
    path = f"/var/lib/kubelet/pods/{pod.metadata.uid}/volumes/kubernetes.io~empty-dir/share-volume/hello"
    guide.out(f"\n[root@{node} ~]# cat {path}")
    guide.out(sim.host_files(node)[path].decode().rstrip("\n"))
    guide.say(
        path in sim.host_files(node), f"the bytes lie on the disk of {node}, in a directory named by the pod's uid"
    )

    sim.write_file("pod/read-write", "/tmp/scratch", b"notes", container="write")
    guide.world("the process of container write dies", lambda: sim.crash_container("pod/read-write", "write"))
    sim.run("1s")
    guide.kubectl("get pod read-write")
    kept = sim.read_file("pod/read-write", "/read/hello", container="read") == b"hello volumes\n"
    guide.say(kept, "the container was destroyed and made anew, the volume was kept: it belongs to the pod")
    guide.say(
        _missing(guide, "write", "/tmp/scratch"),
        "a file outside the volume is gone: it was in the container's own layer",
    )

    def reboot() -> None:
        sim.fail_node(node)
        sim.recover_node(node)
        sim.run("1s")

    guide.world(f"{node} is rebooted", reboot)
    guide.say(path in sim.host_files(node), "an emptyDir on disk survives a reboot of its node")
    guide.kubectl("delete pod read-write")
    guide.say(path not in sim.host_files(node), "the pod is deleted, and the emptyDir with it")


def _missing(guide: _Guide, container: str, path: str) -> bool:
    try:
        guide.sim.read_file("pod/read-write", path, container=container)
    except FileError as error:
        return error.strerror == "No such file or directory"
    return False


# -- 2. hostPath -------------------------------------------------------------------------------------------------------
def _host_path(guide: _Guide) -> None:
    sim, file = guide.sim, "/etc/kubernetes/pki/ca.crt"
    guide.title("2. hostPath: the API server reads its certificates from its node")
    guide.kubectl("apply -f kube-apiserver.yaml")
    guide.kubectl("apply -f certs.yaml")
    sim.run("5s")
    guide.kubectl("get pod -n kube-system -o wide")
    shown = guide.kubectl(f"exec -n kube-system kube-apiserver -- cat {file}")
    guide.say(
        shown == "the CA of this cluster\n", "two pods on one node with the same hostPath see each other's writes"
    )
    refused = guide.kubectl("exec -n kube-system kube-apiserver -- sh -c 'echo x > /etc/pki/x'")
    guide.say("Read-only file system" in refused, "a mount that is readOnly refuses to be written")
    guide.kubectl("delete pod -n kube-system kube-apiserver")
    guide.say(file in sim.host_files("master"), "the pod is destroyed, the directory stays on the node")
    guide.kubectl("apply -f kube-apiserver-node01.yaml")
    sim.run("5s")
    shown = guide.kubectl(f"exec -n kube-system kube-apiserver -- cat {file}")
    guide.say("No such file" in shown, "on another node the same path is that node's directory, and it is empty")

    guide.world("master is powered off", lambda: sim.fail_node("master"))
    guide.say(_unreadable(guide, "master"), "while the host is down nobody can read its hostPath")
    guide.world("master is powered on", lambda: sim.recover_node("master"))
    guide.say(file in sim.host_files("master"), "the bytes were on its disk all the time")
    sim.delete("pod/kube-apiserver", namespace="kube-system")
    sim.run("1m")


def _unreadable(guide: _Guide, node: str) -> bool:
    try:
        guide.sim.host_files(node)
    except Unreachable:
        return True
    return False


# -- 3. PV and PVC -----------------------------------------------------------------------------------------------------
def _claim(guide: _Guide) -> None:
    guide.title("3. A PersistentVolume on NFS, and a claim to it")
    guide.kubectl("apply -f nfs-pv.yaml")
    guide.sim.run("18m")
    shown = guide.kubectl("get pv")
    guide.say("Available" in shown, "the volume waits for a claim")
    guide.kubectl("apply -f nfs-pvc.yaml")
    guide.sim.run("3m53s")
    claim = guide.kubectl("get pvc")
    volume = guide.kubectl("get pv")
    guide.say(
        "Bound" in claim and "Bound" in volume and "default/nfs-pvc" in volume,
        "both are Bound, to each other and to nobody else",
    )


# -- 4. the database ---------------------------------------------------------------------------------------------------
def _database(guide: _Guide) -> None:
    guide.title("4. A database keeps its data on the claim")
    guide.kubectl("apply -f mysql-pod.yaml")
    guide.sim.run("9m34s")
    guide.kubectl("get pod -o wide")
    shown = guide.kubectl(f"exec -it {guide.pod('mysql')} -- {LOG_IN}", stdin=CREATE)
    guide.say("zhangsan" in shown, "one row, written through the mount of the claim to the NFS server")


# -- 5. what happens to it ---------------------------------------------------------------------------------------------
def _pod_deleted(guide: _Guide) -> None:
    guide.title("5. The pod is deleted")
    old = guide.pod("mysql")
    guide.kubectl(f"delete pod {old}")
    guide.sim.run("26s")
    guide.kubectl("get pod -o wide")
    new = guide.pod("mysql")
    shown = guide.kubectl(f"exec -it {new} -- {LOG_IN}", stdin=SELECT)
    guide.say(new != old and "zhangsan" in shown, "a new pod, the same claim: the row is still there")


def _node_down(guide: _Guide) -> None:
    sim = guide.sim
    guide.title("6. The node is powered off")
    old = sim.get(f"pod/{guide.pod('mysql')}")
    node = old.spec.node_name
    guide.world(f"[root@{node} ~]# systemctl poweroff", lambda: sim.fail_node(node))
    sim.run(until=lambda s: any(pod.status.phase == "Running" for pod in _others(guide, old)), limit="15m")
    sim.run("83s")
    nodes = guide.kubectl("get nodes")
    pods = guide.kubectl("get pod -o wide")
    guide.say("NotReady" in nodes, f"{node} stopped sending heartbeats and was found out after the grace period")
    guide.say("Terminating" in pods, "the old pod is marked for deletion, but nobody is there to stop it")
    new = guide.pod("mysql")
    shown = guide.kubectl(f"exec -it {new} -- {LOG_IN}", stdin=SELECT)
    moved = sim.get(f"pod/{new}").spec.node_name
    guide.say(
        moved != node and "zhangsan" in shown,
        f"the replacement runs on {moved}, and the row is still there: it was never on {node}",
    )

    guide.world(f"{node} is powered on", lambda: sim.recover_node(node))
    sim.run("1m")
    nodes = guide.kubectl("get nodes")
    pods = guide.kubectl("get pod -o wide")
    guide.say(
        "NotReady" not in nodes and old.metadata.name not in pods, "the node is back: its kubelet removes the old pod"
    )


def _others(guide: _Guide, old: Pod) -> Iterator[Pod]:
    return (pod for pod in guide.pods("mysql") if pod.metadata.uid != old.metadata.uid)


# -- the contrast ------------------------------------------------------------------------------------------------------
def _contrast(out: Print, kubernetes: str, seed: int, kind: str, text: str) -> int:
    guide = _Guide(cluster(kubernetes, seed), out)
    sim = guide.sim
    guide.title(f"The same database on {text} instead of the claim")
    guide.kubectl(f"apply -f mysql-{kind}.yaml")
    sim.run("1m")
    first = sim.get(f"pod/{guide.pod('mysql')}")
    guide.kubectl(f"exec -it {first.metadata.name} -- {LOG_IN}", stdin=CREATE)
    if kind == "emptydir":
        guide.kubectl(f"delete pod {first.metadata.name}")
        sim.run("26s")
        shown = guide.kubectl(f"exec -it {guide.pod('mysql')} -- {LOG_IN}", stdin=SELECT)
        guide.say("zhangsan" not in shown, "lost: the emptyDir went with its pod, and the new pod has a new one")
        return guide.claims
    node = first.spec.node_name
    guide.world(f"[root@{node} ~]# systemctl poweroff", lambda: sim.fail_node(node))
    sim.run(until=lambda s: any(pod.status.phase == "Running" for pod in _others(guide, first)), limit="15m")
    new = sim.get(f"pod/{guide.pod('mysql')}")
    shown = guide.kubectl(f"exec -it {new.metadata.name} -- {LOG_IN}", stdin=SELECT)
    guide.say(
        "zhangsan" not in shown,
        f"lost to the new pod: the row is on the disk of {node}, the pod runs on {new.spec.node_name}",
    )
    return guide.claims
