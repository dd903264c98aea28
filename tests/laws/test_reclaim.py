"""Whatever is done: what is to be retained loses no byte, and what is to be deleted leaves no disk behind."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

import volsim
from volsim.errors import VolsimError
from volsim.storage import tree
from volsim.testing import ClusterMachine

DRIVER = "disks.example.com"
CLASSES = {"keep": "Retain", "drop": "Delete"}
NAMES = ("a", "b", "c")


def storage_class(name: str) -> dict[str, object]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": DRIVER,
        "reclaimPolicy": CLASSES[name],
    }


def claim(name: str, storage_class: str) -> dict[str, object]:
    size = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class, "resources": size}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def pod(name: str) -> dict[str, object]:
    main = {"name": "main", "image": "nginx", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    spec = {"containers": [main], "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": name}}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


class Disks(ClusterMachine):
    """Claims whose disks a driver makes, of a class that keeps them and of one that does not, and pods that write."""

    def new_simulation(self) -> volsim.Simulation:
        self.class_of: dict[str, str] = {}  # by disk
        self.written: dict[str, bytes] = {}  # what a pod has written last, by disk
        sim = volsim.Simulation(nodes=2)
        sim.install_csi_driver(DRIVER)
        for name in CLASSES:
            sim.apply(storage_class(name))
        return sim

    @rule(name=st.sampled_from(NAMES), storage_class=st.sampled_from(sorted(CLASSES)))
    def use_a_disk(self, name: str, storage_class: str) -> None:
        """Claim a disk unless there is one of that name, and let a pod write to it."""
        self.attempt("create", claim(name, storage_class))
        self.attempt("create", pod(name))
        self.sim.run("1m")
        self.write(name)

    @rule(name=st.sampled_from(NAMES))
    def write(self, name: str) -> None:
        data = f"written at {self.sim.now}".encode()
        try:
            self.sim.write_file(f"pod/{name}", "/v/note", data)
        except VolsimError:
            return
        source = self.sim.get(f"pv/{self.sim.get(f'pvc/{name}').spec.volume_name}").spec.csi
        self.written[source.volume_handle] = data

    @precondition(lambda self: self.sim.list("persistentvolumeclaims"))
    @rule(data=st.data(), order=st.permutations(["pod", "pvc", "pv"]), kept=st.integers(0, 2))
    def remove(self, data: st.DataObject, order: list[str], kept: int) -> None:
        """Delete what there is of a pod, its claim and its volume, in any order, and perhaps not all of it."""
        found = data.draw(st.sampled_from(self.sim.list("persistentvolumeclaims")), label="claim")
        names = {"pod": found.name, "pvc": found.name, "pv": found.spec.volume_name}
        for kind in order[: 3 - kept]:
            self.attempt("delete", f"{kind}/{names[kind]}")

    @invariant()
    def disks_are_known(self) -> None:
        for volume in self.sim.list("persistentvolumes"):
            if volume.spec.csi is not None and volume.spec.storage_class_name in CLASSES:
                self.class_of.setdefault(volume.spec.csi.volume_handle, volume.spec.storage_class_name)

    @invariant()
    def what_is_retained_loses_no_byte(self) -> None:
        for disk, data in self.written.items():
            if self.class_of.get(disk) == "keep":
                assert tree.read(self.sim.state.get("backends", disk).root, "/note") == data

    def teardown(self) -> None:
        """Left alone, with its nodes back, the cluster frees what nobody is to keep."""
        for name in self._machines(answering=False):
            self.sim.recover_node(name)
            self.sim.heal_node(name)
        self.sim.run("1h")
        self.disks_are_known()
        leaked = [disk for disk in self.sim.orphans() if self.class_of.get(disk) == "drop"]
        assert not leaked, f"nobody has {leaked} any more, but the disks are there"


def test_what_is_retained_loses_no_byte_and_what_is_deleted_leaves_no_disk() -> None:
    run_state_machine_as_test(Disks, settings=settings(max_examples=40, stateful_step_count=30))
