"""Storage without an owner is told of by name; what somebody can still get at is not."""

from __future__ import annotations

import pytest

import volsim

CLASS = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: disks.example.com
reclaimPolicy: %s
"""
CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: c}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: fast
  resources: {requests: {storage: 1Gi}}
"""


def with_disk(policy: str, kubernetes: str = "1.36") -> tuple[volsim.Simulation, str, str]:
    """A claim with a disk that was made for it: the simulation, the volume's name, the disk's."""
    sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
    sim.install_csi_driver("disks.example.com")
    sim.apply(CLASS % policy)
    sim.apply(CLAIM)
    sim.settle()
    name = sim.get("pvc/c").spec.volume_name
    assert name is not None
    source = sim.get(f"pv/{name}").spec.csi
    return sim, name, source.volume_handle


def test_a_released_volume_still_owns_its_disk_and_a_deleted_one_leaves_it() -> None:
    sim, name, disk = with_disk("Retain")
    sim.delete("pvc/c")
    sim.settle()
    assert sim.get(f"pv/{name}").status.phase == "Released"
    assert sim.orphans() == ()
    sim.delete(f"pv/{name}")
    sim.settle()
    assert sim.orphans() == (disk,)


def test_what_is_deleted_with_its_claim_leaves_nothing() -> None:
    sim, _, _ = with_disk("Delete")
    sim.delete("pvc/c")
    sim.settle()
    assert sim.list("persistentvolumes") == []
    assert sim.orphans() == ()


@pytest.mark.parametrize(("kubernetes", "leaks"), [("1.30", True), ("1.31", False)])
def test_a_volume_that_is_deleted_before_its_claim_leaks_where_the_policy_is_not_honoured(
    kubernetes: str, leaks: bool
) -> None:
    sim, name, disk = with_disk("Delete", kubernetes)
    sim.delete(f"pv/{name}")
    sim.delete("pvc/c")
    sim.settle()
    assert sim.orphans() == ((disk,) if leaks else ())


def test_a_server_with_files_is_owned_by_the_pod_that_mounts_it() -> None:
    sim = volsim.Simulation(nodes=1)
    sim.apply("""
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers: [{name: main, image: nginx, volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, nfs: {server: 10.0.0.5, path: /e}}]
""")
    sim.settle()
    sim.write_file("pod/p", "/v/note", "x")
    assert sim.orphans() == ()
    sim.delete("pod/p")
    sim.settle()
    assert sim.orphans() == ("10.0.0.5",)
