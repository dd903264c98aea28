"""Claims of generic ephemeral volumes.

Source: pkg/controller/volume/ephemeral/controller.go; KEP-1698.
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.workloads import engine_of, messages, template
from volsim.errors import Invalid


def claim_spec(**spec: Any) -> dict[str, Any]:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}


def pod(*volumes: str, name: str = "web") -> dict[str, Any]:
    given = [
        {
            "name": volume,
            "ephemeral": {"volumeClaimTemplate": {"metadata": {"labels": {"of": volume}}, "spec": claim_spec()}},
        }
        for volume in volumes
    ]
    spec = {**template()["spec"], "volumes": given}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_each_volume_gets_a_claim_that_the_pod_owns() -> None:
    sim = volsim.Simulation(nodes=1)
    (made,) = sim.apply(pod("scratch", "cache"))
    sim.run("1s")
    claims = sim.list("pvc")
    assert [claim.name for claim in claims] == ["web-cache", "web-scratch"]
    for claim in claims:
        (ref,) = claim.metadata.owner_references
        assert (ref.kind, ref.uid, ref.controller, ref.block_owner_deletion) == ("Pod", made.metadata.uid, True, True)
    assert dict(claims[0].metadata.labels) == {"of": "cache"}
    assert claims[0].spec.resources.requests["storage"] == volsim.Quantity("1Gi")


def test_the_claim_goes_with_its_pod() -> None:
    sim = volsim.Simulation(nodes=1)
    sim.apply(pod("scratch"))
    sim.run("1s")
    sim.delete("pod/web", force=True)
    sim.settle()
    assert sim.list("pvc") == []


def test_a_claim_that_is_deleted_is_made_again() -> None:
    sim = volsim.Simulation(nodes=1)
    sim.apply(pod("scratch"))
    sim.run("1s")
    before = sim.get("pvc/web-scratch").metadata.uid
    delete_in_spite_of_protection(sim, "pvc/web-scratch")
    sim.run("1s")
    assert sim.get("pvc/web-scratch").metadata.uid != before


def delete_in_spite_of_protection(sim: volsim.Simulation, ref: str) -> None:
    sim.delete(ref)
    sim.patch(ref, {"metadata": {"finalizers": None}})


def test_a_claim_of_somebody_else_stands_in_the_way_until_it_is_gone() -> None:
    sim = volsim.Simulation(nodes=1)
    metadata = {"name": "web-scratch"}
    sim.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim_spec()})
    sim.apply(pod("scratch"))
    sim.run("1s")
    text = "ephemeral volume scratch: PVC default/web-scratch was not created for pod default/web (pod is not owner)"
    assert text in messages(sim, "FailedBinding")
    assert sim.get("pvc/web-scratch").metadata.owner_references == ()
    delete_in_spite_of_protection(sim, "pvc/web-scratch")
    sim.run("1s")
    assert sim.get("pvc/web-scratch").metadata.owner_references[0].name == "web"


def test_a_refused_claim_is_told() -> None:
    sim = volsim.Simulation(nodes=1, engine=engine_of("ephemeral-volume"))
    sim.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}})
    sim.apply(pod("scratch"), namespace="going")
    sim.delete("namespace/going")
    sim.run("1s")
    (told,) = set(messages(sim, "FailedBinding"))
    assert told.startswith("ephemeral volume scratch: create PVC web-scratch: ")
    assert told.endswith("because it is being terminated")
    assert sim.list("pvc", namespace="going") == []


def test_before_1_21_there_are_none() -> None:
    sim = volsim.Simulation(nodes=1, kubernetes="1.20")
    with pytest.raises(Invalid, match="must specify a volume type"):
        sim.apply(pod("scratch"))
