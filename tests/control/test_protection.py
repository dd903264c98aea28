"""Protection of VolumeAttributesClasses; that of claims and volumes is judged by upstream's tables."""

from __future__ import annotations

import pytest

import volsim

CLASS = """
apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: {name: gold}
driverName: disks.example.com
parameters: {iops: "3000"}
"""
CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: c}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  volumeAttributesClassName: gold
  resources: {requests: {storage: 1Gi}}
"""
VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: v}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteMany]
  volumeAttributesClassName: gold
  csi: {driver: disks.example.com, volumeHandle: h}
"""


@pytest.mark.parametrize(("manifest", "ref"), [(CLAIM, "pvc/c"), (VOLUME, "pv/v")], ids=["claim", "volume"])
def test_a_deleted_attributes_class_waits_for_what_names_it(manifest: str, ref: str) -> None:
    sim = volsim.Simulation(nodes=0)
    sim.apply(CLASS)
    sim.apply(manifest)
    sim.settle()
    sim.delete("volumeattributesclass/gold")
    sim.settle()
    assert sim.get("volumeattributesclass/gold").metadata.finalizers == ("kubernetes.io/vac-protection",)
    sim.delete(ref)
    sim.settle()
    assert sim.list("volumeattributesclasses") == []


def test_an_attributes_class_that_nothing_names_goes_at_once() -> None:
    sim = volsim.Simulation(nodes=0)
    sim.apply(CLASS)
    sim.delete("volumeattributesclass/gold")
    sim.settle()
    assert sim.list("volumeattributesclasses") == []
