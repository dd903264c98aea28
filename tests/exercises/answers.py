"""Typical wrong answers to each exercise, besides its start, and the verdict that each deserves.

Only what differs from the start is written down: the test, with the imports of the solution before it.
"""

from __future__ import annotations

from volsim.exercises import Verdict, exercise

IMPORTS = """
import volsim
from hypothesis import assume, given
from hypothesis import strategies as st
from volsim.exercises.given import claim, daemon_set, deployment, pod, stateful_set, storage_class, volume
"""

STARTS: dict[str, Verdict] = {
    "container-layer": Verdict.BELIEF,
    "empty-dir": Verdict.VACUOUS,
    "memory-and-reboot": Verdict.BELIEF,
    "host-path": Verdict.BELIEF,
    "read-write-once": Verdict.VACUOUS,
    "smallest-fit": Verdict.TOO_WEAK,
    "released": Verdict.BELIEF,
    "reclaim-policies": Verdict.TOO_WEAK,
    "protection": Verdict.BELIEF,
    "first-consumer": Verdict.BELIEF,
    "dead-node-deployment": Verdict.BELIEF,
    "dead-node-stateful-set": Verdict.BELIEF,
    "split-brain": Verdict.BELIEF,
    "your-own-binder": Verdict.TOO_WEAK,
    "any-single-failure": Verdict.TOO_WEAK,
}
"""What the file that a student gets is: never right, and never an error."""

WRONG: dict[str, tuple[tuple[Verdict, str], tuple[Verdict, str]]] = {
    "container-layer": (
        (
            Verdict.TOO_WEAK,  # only a crash is tried
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(pod("wiki"))
    sim.settle()
    sim.write_file("pod/wiki", "/tmp/page", "x")
    sim.crash_container("pod/wiki")
    sim.run("1m")
    assert sim.exec("pod/wiki", "cat /tmp/page").exit_code != 0
""",
        ),
        (
            Verdict.ALWAYS_FAILS,  # the name of the file is not the one that was written
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(pod("wiki"))
    sim.settle()
    sim.write_file("pod/wiki", "/tmp/page", "x")
    assert sim.read_file("pod/wiki", "/tmp/pages") == b"x"
""",
        ),
    ),
    "empty-dir": (
        (
            Verdict.TOO_WEAK,  # nobody looks at what is left
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(pod("wiki", {"/pages": {"emptyDir": {}}}))
    sim.settle()
    sim.write_file("pod/wiki", "/pages/page", "x")
    sim.crash_container("pod/wiki")
    sim.run("1m")
    assert sim.read_file("pod/wiki", "/pages/page") == b"x"
    sim.delete("pod/wiki")
    sim.settle()
    assert not sim.list("pods")
""",
        ),
        (
            Verdict.BELIEF,
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(pod("wiki", {"/pages": {"emptyDir": {}}}))
    sim.settle()
    sim.write_file("pod/wiki", "/pages/page", "x")
    sim.delete("pod/wiki")
    sim.settle()
    assert any(path.endswith("/page") for path in sim.host_files("node01"))
""",
        ),
    ),
    "memory-and-reboot": (
        (
            Verdict.TOO_WEAK,  # only the disk
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(pod("shop", {"/disk": {"emptyDir": {}}}))
    sim.settle()
    sim.write_file("pod/shop", "/disk/keys", "x")
    sim.fail_node("node01")
    sim.recover_node("node01")
    sim.run("1m")
    assert sim.read_file("pod/shop", "/disk/keys") == b"x"
""",
        ),
        (
            Verdict.VACUOUS,  # a crash is no reboot
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(pod("shop", {"/memory": {"emptyDir": {"medium": "Memory"}}}))
    sim.settle()
    sim.write_file("pod/shop", "/memory/keys", "x")
    sim.crash_container("pod/shop")
    sim.run("1m")
    assert sim.read_file("pod/shop", "/memory/keys") == b"x"
""",
        ),
    ),
    "host-path": (
        (
            Verdict.TOO_WEAK,  # one node alone
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(pod("web", {"/uploads": {"hostPath": {"path": "/data"}}}, node="node01"))
    sim.settle()
    sim.write_file("pod/web", "/uploads/photo", "x")
    sim.delete("pod/web")
    sim.settle()
    assert sim.host_files("node01")["/data/photo"] == b"x"
""",
        ),
        (
            Verdict.BELIEF,
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(pod("web", {"/uploads": {"hostPath": {"path": "/data"}}}, node="node01"))
    sim.settle()
    sim.write_file("pod/web", "/uploads/photo", "x")
    sim.delete("pod/web")
    sim.settle()
    assert "/data/photo" not in sim.host_files("node01")
""",
        ),
    ),
    "read-write-once": (
        (
            Verdict.BELIEF,  # once means one pod
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(volume("d"), claim("c"), pod("a", {"/d": "c"}, node="node01"))
    sim.run("1m")
    sim.apply(pod("b", {"/d": "c"}, node="node01"))
    sim.run("5m")
    assert sim.get("pod/b").status.phase == "Pending"
""",
        ),
        (
            Verdict.TOO_WEAK,  # NFS, of which nothing is attached
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(volume("d"), claim("c"), pod("a", {"/d": "c"}, node="node01"), nodes=2)
    sim.run("1m")
    sim.apply(pod("b", {"/d": "c"}, node="node02"))
    sim.run("5m")
    assert sim.get("pod/b").status.phase == "Running"
""",
        ),
    ),
    "smallest-fit": (
        (
            Verdict.TOO_WEAK,  # large enough, and no more
            """
@given(sizes=st.lists(st.integers(1, 5), max_size=4), asked=st.integers(1, 5))
def test_it(volsim_cluster, sizes, asked):
    sim = volsim_cluster(*(volume(f"v{at}", f"{size}Gi") for at, size in enumerate(sizes)), claim("c", f"{asked}Gi"))
    sim.settle()
    bound = sim.get("pvc/c").spec.volume_name
    assert bound is None or sizes[int(bound[1:])] >= asked
""",
        ),
        (
            Verdict.VACUOUS,  # its assumption leaves nothing over
            """
@given(size=st.integers(1, 5))
def test_it(volsim_cluster, size):
    assume(size > 5)
    sim = volsim_cluster(volume("v", f"{size}Gi"), claim("c", f"{size}Gi"))
    sim.settle()
    assert sim.get("pvc/c").spec.volume_name == "v"
""",
        ),
    ),
    "released": (
        (
            Verdict.TOO_WEAK,  # one name only
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(volume("disk"), claim("data"))
    sim.settle()
    sim.delete("pvc/data")
    sim.settle()
    sim.apply(claim("other"))
    sim.settle()
    assert sim.get("pvc/other").status.phase == "Pending"
""",
        ),
        (
            Verdict.BELIEF,
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(volume("disk"), claim("data"))
    sim.settle()
    sim.delete("pvc/data")
    sim.settle()
    sim.apply(claim("data"))
    sim.settle()
    assert sim.get("pvc/data").status.phase == "Bound"
""",
        ),
    ),
    "reclaim-policies": (
        (
            Verdict.TOO_WEAK,  # objects, no bytes
            """
@given(policy=st.sampled_from(["Retain", "Delete", "Recycle"]))
def test_it(volsim_cluster, policy):
    source = {"hostPath": {"path": "/tmp/disk"}}
    sim = volsim_cluster(volume("disk", source=source, policy=policy), claim("data"), pod("p", {"/data": "data"}))
    sim.run("1m")
    sim.write_file("pod/p", "/data/letter", "x")
    sim.delete("pod/p")
    sim.delete("pvc/data")
    sim.run("10m")
    left = [each.status.phase for each in sim.list("pv")]
    assert left == {"Retain": ["Released"], "Delete": [], "Recycle": ["Available"]}[policy]
""",
        ),
        (
            Verdict.BELIEF,  # whoever deletes a claim means its data
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(volume("disk", policy="Retain"), claim("data"))
    sim.settle()
    sim.delete("pvc/data")
    sim.run("10m")
    assert not sim.list("pv")
""",
        ),
    ),
    "protection": (
        (
            Verdict.TOO_WEAK,  # only a pod that runs
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(volume("disk"), claim("data"), pod("db", {"/data": "data"}))
    sim.run("1m")
    sim.delete("pvc/data")
    sim.run("1m")
    assert sim.list("pvc")
""",
        ),
        (
            Verdict.BELIEF,
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(volume("disk"), claim("data"))
    sim.settle()
    sim.delete("pv/disk")
    sim.run("1m")
    assert not sim.list("pv")
""",
        ),
    ),
    "first-consumer": (
        (
            Verdict.TOO_WEAK,  # one mode only
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(storage_class("local", waits=True), volume("v", storage_class="local"))
    sim.apply(claim("c", storage_class="local"))
    sim.run("1m")
    assert sim.get("pvc/c").status.phase == "Pending"
""",
        ),
        (
            Verdict.VACUOUS,  # there is no class of that name
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(volume("v", storage_class="local"), claim("c", storage_class="local"))
    sim.run("1m")
    assert sim.get("pvc/c").status.phase == "Bound"
""",
        ),
    ),
    "dead-node-deployment": (
        (
            Verdict.TOO_WEAK,  # at last there is one
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(deployment("shop"), nodes=2)
    sim.settle()
    [old] = sim.list("pods")
    sim.fail_node(old.spec.node_name)
    sim.run("10m")
    assert len(sim.list("pods")) == 2
""",
        ),
        (
            Verdict.FLAKY,  # it hopes for a node
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(deployment("shop"), nodes=3)
    sim.settle()
    assert sim.list("pods")[0].spec.node_name == "node01"
""",
        ),
    ),
    "dead-node-stateful-set": (
        (
            Verdict.TOO_WEAK,  # Terminating or not
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(stateful_set("db"), nodes=2)
    sim.settle()
    old = sim.get("pod/db-0")
    sim.fail_node(old.spec.node_name)
    sim.run("1h")
    assert sim.get("pod/db-0").metadata.uid == old.metadata.uid
""",
        ),
        (
            Verdict.BELIEF,  # it is never given up
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(stateful_set("db"), nodes=2)
    sim.settle()
    sim.fail_node(sim.get("pod/db-0").spec.node_name)
    sim.run("1h")
    assert sim.get("pod/db-0").metadata.deletion_timestamp is None
""",
        ),
    ),
    "split-brain": (
        (
            Verdict.TOO_WEAK,  # only that the other one is started
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(deployment("app"), nodes=2)
    sim.run("1m")
    sim.partition_node(sim.list("pods")[0].spec.node_name)
    sim.run("10m")
    assert len(sim.list("pods")) == 2
""",
        ),
        (
            Verdict.BROKEN,  # a node that is cut off cannot be asked, and there is no such name
            """
def test_it(volsim_cluster):
    sim = volsim_cluster(deployment("app"), nodes=2)
    sim.run("1m")
    sim.partition_node(old.spec.node_name)
""",
        ),
    ),
    "your-own-binder": (
        (
            Verdict.TOO_WEAK,  # the smallest, and nothing else
            """
def choose(claim, volumes):
    asked = claim.spec.resources.requests["storage"]
    free = [each for each in volumes if each.status.phase == "Available" and each.spec.capacity["storage"] >= asked]
    return min(free, key=lambda each: each.spec.capacity["storage"]).name if free else None
""",
        ),
        (
            Verdict.TOO_WEAK,  # nothing is the right answer now and then
            """
def choose(claim, volumes):
    return None
""",
        ),
    ),
    "any-single-failure": (
        (
            Verdict.TOO_WEAK,  # a StatefulSet waits for its node
            """
DESIGN = [volume("shop"), claim("shop"), stateful_set("shop", {"/data": "shop"})]
""",
        ),
        (
            Verdict.ALWAYS_FAILS,  # nothing in it runs
            """
DESIGN = [claim("shop"), deployment("shop", {"/data": "shop"})]
""",
        ),
    ),
}


def wrong_answers() -> list[tuple[str, Verdict, str]]:
    """All wrong answers: the exercise, the verdict, the text."""
    starts = [(name, verdict, exercise(name).start) for name, verdict in STARTS.items()]
    others = [(name, verdict, f"{IMPORTS}{text}") for name, answers in WRONG.items() for verdict, text in answers]
    return [*starts, *others]
