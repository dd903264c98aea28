"""The eviction subresource: when a pod may go, what a budget notes of it, and what a refusal says.

Source: kube-apiserver, pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.test_disruption import budget
from tests.control.workloads import condition, deployment
from volsim.apiserver.eviction import evict

VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."


def cluster(version: str = "1.36", replicas: int = 2, **spec: Any) -> volsim.Simulation:
    """A deployment of pods at work, and a budget for them if its spec is given."""
    sim = volsim.Simulation(nodes=2, kubernetes=version)
    sim.apply(deployment(replicas=replicas, pod={"nodeName": None}))
    if spec:
        old = volsim.Rules.for_version(version).version < (1, 21)
        sim.apply({**budget(**spec), **({"apiVersion": "policy/v1beta1"} if old else {})})
    sim.settle()
    return sim


def pods(sim: volsim.Simulation) -> list[str]:
    return [f"pod/{pod.name}" for pod in sim.list("pods") if pod.metadata.deletion_timestamp is None]


def refused(sim: volsim.Simulation, ref: str) -> volsim.TooManyRequests:
    """The refusal of an eviction, which changes nothing."""
    before = sim.state
    with pytest.raises(volsim.TooManyRequests) as error:
        sim.evict(ref)
    assert sim.state.fingerprint == before.fingerprint
    assert str(error.value) == VIOLATED
    assert (error.value.code, error.value.reason) == (429, "TooManyRequests")
    return error.value


def make_unready(sim: volsim.Simulation, ref: str) -> None:
    """Let the pod's kubelet say that it is not ready (nobody else says so in these tests)."""
    conditions = [{"type": "Ready", "status": "False"}]
    sim.patch(ref, {"status": {"conditions": conditions}}, subresource="status")


class TestAllowed:
    def test_without_a_budget_it_is_a_deletion(self) -> None:
        sim = cluster()
        [first, _] = pods(sim)
        sim.evict(first)
        assert sim.get(first).metadata.deletion_grace_period_seconds == 30

    def test_the_grace_period_may_be_another_one(self) -> None:
        sim = cluster()
        [first, _] = pods(sim)
        sim.evict(first, grace_period=5)
        assert sim.get(first).metadata.deletion_grace_period_seconds == 5

    @pytest.mark.parametrize(("version", "told"), [("1.20", False), ("1.25", False), ("1.26", True), ("1.36", True)])
    def test_since_1_26_the_pod_says_why_it_goes(self, version: str, told: bool) -> None:
        sim = cluster(version)
        [first, _] = pods(sim)
        sim.evict(first)
        found = [each for each in sim.get(first).status.conditions if each.type == "DisruptionTarget"]
        assert [(each.status, each.reason, each.message) for each in found] == (
            [("True", "EvictionByEvictionAPI", "Eviction API: evicting")] if told else []
        )

    def test_the_budget_is_lowered_at_once_and_notes_the_pod(self) -> None:
        sim = cluster(replicas=3, minAvailable=1)
        sim.run("10s")
        first, second, _ = pods(sim)
        assert sim.get("pdb/web").status.disruptions_allowed == 2
        sim.evict(first)
        status = sim.get("pdb/web").status
        assert (status.disruptions_allowed, dict(status.disrupted_pods)) == (1, {first[4:]: 10_000_000})
        assert condition(sim.get("pdb/web"), "DisruptionAllowed").status == "True"
        sim.evict(second)
        assert sim.get("pdb/web").status.disruptions_allowed == 0
        spent = condition(sim.get("pdb/web"), "DisruptionAllowed")
        assert (spent.status, spent.reason, spent.last_transition_time) == ("False", "InsufficientPods", 10_000_000)

    def test_a_dry_run_changes_nothing(self) -> None:
        sim = cluster(minAvailable=1)
        [first, _] = pods(sim)
        draft = sim.state.draft()
        assert not evict(draft, f"default/{first[4:]}", dry_run=True)
        assert not draft.changes


class TestRefused:
    def test_there_is_no_such_pod(self) -> None:
        with pytest.raises(volsim.NotFound, match='pods "x" not found'):
            cluster().evict("pod/x")

    def test_it_is_another_pod(self) -> None:
        sim = cluster()
        with pytest.raises(
            volsim.Conflict, match=r"the UID in the precondition \(x\) does not match the UID in record"
        ):
            evict(sim.state.draft(), f"default/{pods(sim)[0][4:]}", uid="x")

    def test_the_budget_is_spent(self) -> None:
        sim = cluster(minAvailable=2)
        assert refused(sim, pods(sim)[0]).cause == "The disruption budget web needs 2 healthy pods and has 2 currently"

    def test_one_after_the_other_goes_as_far_as_the_budget_goes(self) -> None:
        sim = cluster(replicas=3, minAvailable=2)
        first, second, _ = pods(sim)
        sim.evict(first)
        refused(sim, second)

    def test_a_changed_budget_is_waited_for(self) -> None:
        sim = cluster(minAvailable=2)
        sim.patch("pdb/web", {"spec": {"minAvailable": 0}})
        cause = "The disruption budget web is still being processed by the server."
        assert refused(sim, pods(sim)[0]).cause == cause
        sim.settle()
        sim.evict(pods(sim)[0])

    def test_two_budgets_are_an_error(self) -> None:
        sim = cluster(minAvailable=0)
        sim.apply(budget("second", minAvailable=0))
        sim.settle()
        with pytest.raises(volsim.InternalError, match="more than one PodDisruptionBudget"):
            sim.evict(pods(sim)[0])

    def test_a_namespace_that_ends_takes_no_evictions(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply("{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
        sim.apply(deployment(replicas=1), namespace="team")
        sim.settle()
        [pod] = sim.list("pods")
        sim.delete("ns/team")
        with pytest.raises(volsim.Forbidden, match="unable to create new content in namespace team"):
            sim.evict(f"pod/{pod.name}", "team")

    @pytest.mark.parametrize(
        ("version", "cause"),
        [
            ("1.34", "The disruption budget web needs 1 healthy pods and has 2 currently"),
            ("1.36", "The disruption budget web does not allow evicting pods currently because it failed sync: oh"),
        ],
    )
    def test_since_1_35_a_budget_that_cannot_be_computed_is_told_of(self, version: str, cause: str) -> None:
        sim = cluster(version, minAvailable=1)
        conditions = [{"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "oh"}]
        status = {"disruptionsAllowed": 0, "conditions": conditions}
        sim.patch("pdb/web", {"status": status}, subresource="status")
        assert refused(sim, pods(sim)[0]).cause == cause


class TestWhoNeedsNoLeave:
    @pytest.mark.parametrize("version", ["1.18", "1.36"])
    def test_a_pod_that_has_ended(self, version: str) -> None:
        sim = cluster(version, minAvailable=2)
        [first, _] = pods(sim)
        sim.patch(first, {"status": {"phase": "Failed"}}, subresource="status")
        sim.evict(first)

    @pytest.mark.parametrize(("version", "allowed"), [("1.18", False), ("1.19", True), ("1.36", True)])
    def test_since_1_19_a_pod_that_is_pending_or_deleted(self, version: str, allowed: bool) -> None:
        sim = cluster(version, minAvailable=2)
        first, second = pods(sim)
        sim.partition_node(sim.get(second).spec.node_name)
        sim.delete(second)
        sim.patch(first, {"status": {"phase": "Pending"}}, subresource="status")
        for ref in (first, second):
            if allowed:
                sim.evict(ref)
            else:
                refused(sim, ref)


class TestUnreadyPods:
    def unready(self, version: str, replicas: int = 3, **spec: Any) -> tuple[volsim.Simulation, str]:
        """One pod is not ready; the budget allows nothing."""
        sim = cluster(version, replicas, minAvailable=2, **spec)
        first = pods(sim)[0]
        sim.partition_node(sim.get(first).spec.node_name)
        make_unready(sim, first)
        sim.run(until=lambda sim: sim.get("pdb/web").status.current_healthy == replicas - 1)
        assert sim.get("pdb/web").status.disruptions_allowed == 0
        return sim, first

    @pytest.mark.parametrize(("version", "allowed"), [("1.19", False), ("1.20", True), ("1.36", True)])
    def test_since_1_20_they_may_go_while_enough_others_are_healthy(self, version: str, allowed: bool) -> None:
        sim, unready = self.unready(version)
        if not allowed:
            refused(sim, unready)
            return
        sim.evict(unready)
        assert dict(sim.get("pdb/web").status.disrupted_pods) == {}, "nothing is counted"

    @pytest.mark.parametrize(
        ("version", "policy", "allowed"),
        [
            ("1.26", "AlwaysAllow", False),
            ("1.27", "AlwaysAllow", True),
            ("1.36", "AlwaysAllow", True),
            ("1.36", "IfHealthyBudget", False),
        ],
    )
    def test_since_1_27_a_budget_may_let_them_go_in_any_case(self, version: str, policy: str, allowed: bool) -> None:
        sim, unready = self.unready(version, replicas=2, unhealthyPodEvictionPolicy=policy)
        kept = sim.get("pdb/web").spec.unhealthy_pod_eviction_policy
        assert kept == (None if version == "1.26" else policy), "what a version does not know is dropped"
        if allowed:
            sim.evict(unready)
        else:
            refused(sim, unready)


class TestOldSelectors:
    @pytest.mark.parametrize(("version", "allowed"), [("1.20", True), ("1.21", False), ("1.36", False)])
    def test_before_policy_v1_an_empty_selector_was_about_nobody(self, version: str, allowed: bool) -> None:
        sim = cluster(version, selector={}, minAvailable=2)
        [first, _] = pods(sim)
        if allowed:
            sim.evict(first)
        else:
            refused(sim, first)
