"""In which order the control plane looks at what comes at one instant: the scheduler at new pods before all the rest.

Source: recordings of claims and pods that were created one right after the other.
"""

from __future__ import annotations

import pytest

import volsim
from tests.incidents.manifests import DRIVER, claim, manifest, messages, pod, settled, spec, storage_class, volume
from volsim.rules import Rules
from volsim.state import Change, First, State, View

UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
LATE = "waiting for first consumer to be created before binding"
TEMPLATE = "{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}"


def cluster(kubernetes: str = "1.36") -> volsim.Simulation:
    sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
    sim.install_csi_driver(DRIVER)
    return sim


def deployment() -> str:
    """One pod with the claim c."""
    template = spec(
        metadata="{labels: {app: web}}",
        spec="{containers: [{name: app, image: nginx}], volumes: [{name: data, persistentVolumeClaim: "
        "{claimName: c}}]}",
    )
    given = spec(selector="{matchLabels: {app: web}}", template=template)
    return manifest("apps/v1", "Deployment", "web", spec=given)


class TestPodRightAfterItsClaim:
    """Binding takes several requests; the first attempt to place a new pod comes before they are done."""

    @pytest.mark.parametrize(("kubernetes", "seconds"), [("1.20", 1), ("1.32", 1), ("1.33", 0), ("1.36", 0)])
    def test_it_is_refused_once_and_placed_after_the_back_off_if_that_is_waited_for(
        self, kubernetes: str, seconds: int
    ) -> None:
        sim = cluster(kubernetes)
        for text in (volume(), claim(), pod()):
            sim.apply(text)
        assert sim.run(until=lambda sim: sim.get("pod/p").spec.node_name is not None) == seconds
        [said] = messages(sim, "FailedScheduling")
        assert UNBOUND in said

    def test_a_pod_that_comes_later_is_placed_at_once(self) -> None:
        sim = settled(cluster(), volume(), claim())
        settled(sim, pod())
        assert messages(sim, "FailedScheduling") == []

    def test_a_deployments_pod_comes_when_the_claim_is_bound(self) -> None:
        sim = cluster()
        for text in (volume(), claim(), deployment()):
            sim.apply(text)
        sim.settle()
        assert messages(sim, "FailedScheduling") == []

    def test_a_claim_that_waits_says_so_before_its_consumer_comes(self) -> None:
        sim = settled(cluster(), storage_class(volumeBindingMode="WaitForFirstConsumer"))
        sim.apply(claim(storageClassName="fast"))
        sim.apply(pod())
        sim.settle()
        assert messages(sim, "WaitForFirstConsumer") == [LATE]
        assert sim.get("pod/p").status.phase == "Running"

    def test_a_claim_that_comes_after_its_pod_has_a_consumer(self) -> None:
        sim = settled(cluster(), storage_class(volumeBindingMode="WaitForFirstConsumer"), pod())
        sim.apply(claim(storageClassName="fast"))
        sim.settle()
        assert messages(sim, "WaitForFirstConsumer") == []

    def test_a_stateful_set_makes_the_claim_first(self) -> None:
        sim = settled(cluster(), storage_class(volumeBindingMode="WaitForFirstConsumer"))
        template = f"[{TEMPLATE}, storageClassName: fast}}}}]"
        sim.apply(
            manifest(
                "apps/v1", "StatefulSet", "web",
                spec=spec(
                    serviceName="web", selector="{matchLabels: {app: web}}", volumeClaimTemplates=template,
                    template="{metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: nginx}]}}",
                ),
            )
        )  # fmt: skip
        sim.settle()
        assert messages(sim, "WaitForFirstConsumer") == [LATE]


class TestFirst:
    """Work that is to be first is taken before the other work; it is not another state."""

    def watched(self, first: bool) -> State:
        def watch(view: View, change: Change) -> list[str | First]:
            return [First(change.key)] if first and change.key == "c" else [change.key]

        draft = State.empty(Rules()).draft({"machines": (("it", watch),)})
        for key in "abc":
            draft.put("machines", key, (key,))
        draft.take_changes()
        return draft.seal()

    def test_it_is_taken_before_the_others(self) -> None:
        assert self.watched(first=True).ready() == [("it", "c"), ("it", "a"), ("it", "b")]
        assert self.watched(first=False).ready() == [("it", "a"), ("it", "b"), ("it", "c")]

    def test_the_order_is_no_part_of_the_value(self) -> None:
        assert self.watched(first=True) == self.watched(first=False)

    def test_it_stands_once_in_the_line(self) -> None:
        draft = self.watched(first=True).draft()
        draft.enqueue("it", "c")
        draft.enqueue("it", "b", first=True)
        assert draft.ready() == [("it", "c"), ("it", "b"), ("it", "a")]
        draft.take("it", "c")
        draft.take("it", "a")
        assert draft.ready() == [("it", "b")]
        assert draft.next_due_us() == draft.now_us
