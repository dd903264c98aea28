"""Deletion of a namespace.

Source: pkg/controller/namespace/deletion/namespaced_resources_deleter.go, status_condition_utils.go.
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.workloads import condition, deployment


def in_team(version: str | None = None, **pod: Any) -> volsim.Simulation:
    """A namespace `team` with a deployment, its pod and a claim."""
    sim = volsim.Simulation(nodes=1, kubernetes=version)
    sim.apply("{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
    sim.apply(deployment(replicas=1, pod=pod), namespace="team")
    sim.apply(
        """
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata: {name: data}
        spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
        """,
        namespace="team",
    )
    sim.settle()
    return sim


def exists(sim: volsim.Simulation, ref: str, namespace: str = "team") -> bool:
    try:
        sim.get(ref, namespace)
    except volsim.NotFound:
        return False
    return True


def stuck(version: str) -> volsim.Simulation:
    """Its pod is on a node that has lost its power."""
    sim = in_team(version)
    sim.fail_node("node01")
    sim.delete("ns/team")
    return sim


class TestDeletion:
    def test_everything_goes_and_then_the_namespace(self) -> None:
        sim = in_team()
        sim.delete("ns/team")
        assert sim.get("ns/team").status.phase == "Terminating"
        sim.settle()
        assert not exists(sim, "ns/team")
        assert all(
            each.metadata.namespace != "team" for kind in ("pods", "rs", "deploy", "pvc") for each in sim.list(kind)
        )

    def test_nothing_happens_for_five_seconds(self) -> None:
        sim = in_team()
        sim.delete("ns/team")
        sim.run("4s")
        assert sim.list("pods", "team")[0].metadata.deletion_timestamp is None
        sim.run("1s")
        assert sim.list("pods", "team") == []

    def test_an_empty_namespace_goes_after_five_seconds(self) -> None:
        sim = volsim.Simulation(nodes=0)
        sim.apply("{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
        sim.delete("ns/team")
        sim.settle()
        assert sim.now == 5.0
        assert not exists(sim, "ns/team")

    def test_nothing_can_be_made_in_it_any_more(self) -> None:
        sim = in_team()
        sim.delete("ns/team")
        with pytest.raises(volsim.Forbidden, match="because it is being terminated"):
            sim.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}}, namespace="team")

    def test_other_namespaces_are_left_alone(self) -> None:
        sim = in_team()
        sim.apply(deployment(replicas=1))
        sim.settle()
        sim.delete("ns/team")
        sim.settle()
        assert len(sim.list("pods")) == 1


class TestOrder:
    """Since 1.33 pods go first (KEP-5080): nothing that they need is taken from under them."""

    def test_other_objects_are_not_touched_while_pods_are_left(self) -> None:
        sim = stuck("1.36")
        sim.run("20s")
        assert sim.list("pods", "team")[0].metadata.deletion_timestamp is not None
        assert sim.get("pvc/data", "team").metadata.deletion_timestamp is None
        assert exists(sim, "deploy/web")

    def test_before_all_is_deleted_at_once(self) -> None:
        sim = stuck("1.32")
        sim.run("20s")
        assert sim.list("pods", "team")[0].metadata.deletion_timestamp is not None
        assert not exists(sim, "deploy/web")
        assert not exists(sim, "pvc/data")  # no pod uses it

    def test_the_rest_goes_when_the_pods_are_gone(self) -> None:
        sim = stuck("1.36")
        sim.run("20s")
        sim.delete(f"pod/{sim.list('pods', 'team')[0].name}", "team", force=True)
        sim.settle()
        assert not exists(sim, "ns/team")


class TestWhatHoldsIt:
    def test_a_finalizer_is_named_in_the_status(self) -> None:
        sim = in_team()
        metadata = {"name": "held", "finalizers": ["example.com/keep"]}
        sim.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, namespace="team")
        sim.delete("ns/team")
        sim.settle()
        namespace = sim.get("ns/team")
        remaining = condition(namespace, "NamespaceContentRemaining")
        finalizers = condition(namespace, "NamespaceFinalizersRemaining")
        assert remaining.message == "Some resources are remaining: configmaps. has 1 resource instances"
        assert finalizers.message == (
            "Some content in the namespace has finalizers remaining: example.com/keep in 1 resource instances"
        )
        sim.patch("cm/held", {"metadata": {"finalizers": None}}, "team")
        waited = sim.settle()
        assert 0 < waited <= 8
        assert not exists(sim, "ns/team")

    def test_pods_that_do_not_end_are_named_after_their_grace_period(self) -> None:
        sim = stuck("1.36")
        sim.settle()
        failure = condition(sim.get("ns/team"), "NamespaceDeletionContentFailure")
        assert (failure.status, failure.reason) == ("True", "ContentDeletionFailed")
        assert failure.message == (
            "Failed to delete all resource types, 1 remaining: unexpected items still remain in namespace: team "
            "for gvr: /v1, Resource=pods"
        )
        sim.recover_node("node01")
        sim.settle()
        assert not exists(sim, "ns/team")

    def test_a_stuck_namespace_costs_nothing_while_it_waits(self) -> None:
        sim = stuck("1.36")
        sim.settle()
        steps = len(sim.trace)
        sim.run("1d")
        assert len([step for step in sim.trace[steps:] if "namespace" in str(step)]) <= 1

    def test_a_finalizer_of_the_namespace_itself_is_left_to_whoever_set_it(self) -> None:
        sim = volsim.Simulation(nodes=0)
        spec = {"finalizers": ["example.com/keep"]}
        sim.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}, "spec": spec})
        sim.delete("ns/team")
        sim.settle()
        assert sim.get("ns/team").spec.finalizers == ("example.com/keep",)

    def test_a_pod_that_has_ended_on_a_lost_node_goes_with_the_next_look(self) -> None:
        sim = stuck("1.36")
        sim.run("6s")
        name = sim.list("pods", "team")[0].name
        sim.patch(f"pod/{name}", {"status": {"phase": "Failed"}}, "team", subresource="status")
        sim.settle()
        assert not exists(sim, "ns/team")
