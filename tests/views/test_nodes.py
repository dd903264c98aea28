"""`kubectl cordon`, `uncordon`, `taint`, `drain`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.views.conftest import PAIR, WEB, Terminal, terminal_of
from volsim import Simulation

MANAGED = """
apiVersion: v1
kind: Pod
metadata:
  name: %s
  labels: {app: db}
  ownerReferences: [{apiVersion: apps/v1, kind: %s, name: owner, uid: u, controller: true}]
spec: {nodeName: node01, containers: [{name: c, image: nginx}]}
"""
SET = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: owner}
spec:
  selector: {matchLabels: {x: x}}
  template: {metadata: {labels: {x: x}}, spec: {containers: [{name: c, image: nginx}]}}
"""
BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: %s}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
"""


class TestCordon:
    """spec.unschedulable."""

    def test_cordon_and_back(self, kubectl: Terminal) -> None:
        assert kubectl("cordon node01") == "node/node01 cordoned\n"
        assert kubectl("cordon node/node01") == "node/node01 already cordoned\n"
        assert "Ready,SchedulingDisabled" in kubectl("get nodes")
        assert kubectl("uncordon node01 node02") == "node/node01 uncordoned\nnode/node02 already uncordoned\n"

    def test_by_selector(self, kubectl: Terminal) -> None:
        assert kubectl("cordon -l kubernetes.io/hostname=node02") == "node/node02 cordoned\n"

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("cordon", "error: USAGE: cordon NODE [flags]\nSee 'kubectl cordon -h' for help and examples"),
            ("cordon nope", 'Error from server (NotFound): nodes "nope" not found'),
            ("cordon pod/x", 'error: error: expected resource of type node, got "pod"'),
            (
                "cordon node01 -l a=b",
                (
                    "error: error: cannot specify both a node name and a --selector option\n"
                    "See 'kubectl cordon -h' for help and examples"
                ),
            ),
        ],
    )
    def test_complaint(self, kubectl: Terminal, line: str, complaint: str) -> None:
        assert kubectl(line) == f"{complaint}\n"


class TestTaint:
    """KEY=VALUE:EFFECT, KEY:EFFECT-, KEY-."""

    def test_life_of_a_taint(self, kubectl: Terminal, sim: Simulation) -> None:
        assert kubectl("taint nodes node01 disk=bad:NoSchedule") == "node/node01 tainted\n"
        assert kubectl("taint nodes node01 disk=worse:NoSchedule") == (
            "error: node node01 already has disk taint(s) with same effect(s) and --overwrite is false\n"
        )
        assert kubectl("taint nodes node01 disk=worse:NoSchedule --overwrite") == "node/node01 modified\n"
        assert kubectl("taint node node01 disk:NoExecute x:NoSchedule") == "node/node01 tainted\n"
        assert kubectl("taint node/node01 x- y:NoSchedule") == "node/node01 modified\n"
        assert kubectl("taint node node01 disk:NoExecute-") == "node/node01 untainted\n"
        taints = sim.get("node/node01").spec.taints
        assert [(each.key, each.value, each.effect) for each in taints] == [
            ("y", None, "NoSchedule"),
            ("disk", "worse", "NoSchedule"),
        ]
        assert kubectl("taint node node01 disk- y-") == "node/node01 untainted\n"

    def test_old_taint_keeps_its_time(self, kubectl: Terminal, sim: Simulation) -> None:
        sim.fail_node("node01")
        sim.run("2m")
        before = [each for each in sim.get("node/node01").spec.taints if each.time_added is not None]
        assert before
        kubectl("taint node node01 b:NoSchedule")
        assert before[0] in sim.get("node/node01").spec.taints

    def test_all_nodes(self, kubectl: Terminal) -> None:
        assert kubectl("taint nodes --all a:NoSchedule") == "node/node01 tainted\nnode/node02 tainted\n"

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("taint", "error: one or more resources must be specified as <resource> <name>"),
            ("taint nodes node01", "error: at least one taint update is required"),
            ("taint nodes a=b:NoSchedule", (
                "error: at least one resource name must be specified since 'all' parameter is not set"
            )),
            ("taint nodes node01 a=b:NoSchedule x", "error: all resources must be specified before taint changes: x"),
            ("taint pods x a=b:NoSchedule", "error: invalid resource type pods, only node types are supported"),
            ("taint nodes node01 a=b:Never", "error: invalid taint effect: Never, unsupported taint effect"),
            ("taint nodes node01 a=b", "error: invalid taint spec: a=b"),
            ("taint nodes node01 =b:NoSchedule", "error: invalid taint spec: =b:NoSchedule"),
            ("taint nodes node01 a:NoSchedule a-", (
                "error: can not both modify and remove the following taint(s) in the same command: a="
            )),
            ("taint nodes node01 a-", 'error: taint "a" not found'),
            ("taint nodes node01 a:NoSchedule-", 'error: taint "a:NoSchedule" not found'),
            ("taint nodes nope a:NoSchedule", 'Error from server (NotFound): nodes "nope" not found'),
            ("taint nodes --all -l a=b a:NoSchedule", (
                "error: setting 'all' parameter with a non empty selector is prohibited"
            )),
        ],
    )  # fmt: skip
    def test_complaint(self, kubectl: Terminal, line: str, complaint: str) -> None:
        assert kubectl(line).startswith(complaint)


class TestDrain:
    """Filters, eviction, waiting (kubectl, pkg/drain)."""

    @pytest.fixture
    def on_node01(self, kubelets: Simulation) -> Callable[[str], Terminal]:
        def start(*manifests: str) -> Terminal:
            for manifest in manifests:
                kubelets.apply(manifest)
            kubelets.run("5s")
            return terminal_of(kubelets)

        return start

    def test_managed_pods_are_evicted(self, on_node01: Callable[..., Terminal], kubelets: Simulation) -> None:
        kubectl = on_node01(MANAGED % ("db-0", "StatefulSet"))
        assert kubectl("drain node01") == (
            "node/node01 cordoned\nevicting pod default/db-0\npod/db-0 evicted\nnode/node01 drained\n"
        )
        assert kubelets.list("pods") == []

    def test_deletion_instead_of_eviction(self, on_node01: Callable[..., Terminal]) -> None:
        kubectl = on_node01(MANAGED % ("db-0", "StatefulSet"))
        assert kubectl("drain node01 --disable-eviction") == (
            "node/node01 cordoned\npod/db-0 deleted\nnode/node01 drained\n"
        )

    def test_unmanaged_pods_need_force(self, on_node01: Callable[..., Terminal]) -> None:
        kubectl = on_node01(WEB)
        shown = kubectl("drain node01")
        refusal = "cannot delete Pods that declare no controller (use --force to override): default/web"
        assert shown == (
            f"node/node01 cordoned\n"
            f'error: unable to drain node "node01" due to error: {refusal}, continuing command...\n'
            f"There are pending nodes to be drained:\n node01\nerror: {refusal}\n"
        )
        assert "Warning: deleting Pods that declare no controller: default/web\n" in kubectl("drain node01 --force")

    def test_local_storage_needs_a_word(self, on_node01: Callable[..., Terminal]) -> None:
        kubectl = on_node01(PAIR)
        refusal = "cannot delete Pods with local storage (use --delete-emptydir-data to override): default/pair"
        assert refusal in kubectl("drain node01 --force")
        assert "node/node01 drained" in kubectl("drain node01 --force --delete-emptydir-data")

    def test_daemon_pods_need_a_word_and_stay(self, on_node01: Callable[..., Terminal], kubelets: Simulation) -> None:
        kubectl = on_node01(SET, MANAGED % ("collector", "DaemonSet"))
        refusal = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/collector"
        assert refusal in kubectl("drain node01")
        shown = kubectl("drain node01 --ignore-daemonsets")
        assert "Warning: ignoring DaemonSet-managed Pods: default/collector\nnode/node01 drained\n" in shown

    def test_daemon_pod_without_its_set(self, on_node01: Callable[..., Terminal]) -> None:
        kubectl = on_node01(MANAGED % ("collector", "DaemonSet"))
        assert 'cannot delete daemonsets.apps "owner" not found: default/collector' in kubectl("drain node01")
        shown = kubectl("drain node01 --force")
        assert "pod/collector evicted\nnode/node01 drained\n" in shown
        assert "Warning" not in shown, "only what the last filter says is told"

    def test_mirror_pods_are_skipped(self, on_node01: Callable[..., Terminal], kubelets: Simulation) -> None:
        kubectl = on_node01(WEB.replace("labels:", "annotations: {kubernetes.io/config.mirror: x}, labels:"))
        assert kubectl("drain node01") == "node/node01 cordoned\nnode/node01 drained\n"
        assert kubelets.get("pod/web")

    def test_pods_that_were_deleted_long_ago_can_be_skipped(
        self, on_node01: Callable[..., Terminal], kubelets: Simulation
    ) -> None:
        kubectl = on_node01(MANAGED % ("db-0", "StatefulSet"))
        kubelets.fail_node("node01")
        kubelets.delete("pod/db-0")
        kubelets.run("60s")
        assert "evicting" not in kubectl("drain node01 --skip-wait-for-delete-timeout=10")

    def test_pod_selector(self, on_node01: Callable[..., Terminal], kubelets: Simulation) -> None:
        kubectl = on_node01(MANAGED % ("db-0", "StatefulSet"), WEB)
        kubectl("drain node01 --pod-selector=app=db")
        assert [pod.name for pod in kubelets.list("pods")] == ["web"]

    def test_dry_run(self, on_node01: Callable[..., Terminal], kubelets: Simulation) -> None:
        kubectl = on_node01(MANAGED % ("db-0", "StatefulSet"))
        assert kubectl("drain node01 --dry-run=client") == (
            "node/node01 cordoned (dry run)\nevicting pod default/db-0 (dry run)\nnode/node01 drained (dry run)\n"
        )
        assert kubelets.get("pod/db-0").metadata.deletion_timestamp is None

    def test_dead_node_times_out(self, on_node01: Callable[..., Terminal], kubelets: Simulation) -> None:
        kubectl = on_node01(MANAGED % ("db-0", "StatefulSet"))
        kubelets.fail_node("node01")
        shown = kubectl("drain node01 --timeout=20s")
        assert (
            'error when waiting for pod "db-0" in namespace "default" to terminate: context deadline exceeded' in shown
        )
        assert 'There are pending pods in node "node01" when an error occurred: ' in shown
        assert shown.count("\npod/db-0\n") == 1
        assert kubelets.now == 25

    def test_budget_refuses_and_is_asked_again(self, on_node01: Callable[..., Terminal], kubelets: Simulation) -> None:
        kubectl = on_node01(BUDGET % "web", WEB)
        _allow(kubelets, "web", 0)
        shown = kubectl("drain node01 --force --timeout=12s")
        refusal = (
            'error when evicting pods/"web" -n "default" (will retry after 5s): '
            "Cannot evict pod as it would violate the pod's disruption budget."
        )
        assert shown.count(refusal) == 3
        assert 'error: error when evicting pods/"web" -n "default": global timeout reached: 12s' in shown

    def test_budget_may_allow_it(self, on_node01: Callable[..., Terminal], kubelets: Simulation) -> None:
        kubectl = on_node01(BUDGET % "web", WEB)
        _allow(kubelets, "web", 1)
        assert "node/node01 drained" in kubectl("drain node01 --force")

    def test_two_budgets_are_too_many_and_are_not_asked_again(
        self, on_node01: Callable[..., Terminal], kubelets: Simulation
    ) -> None:
        kubectl = on_node01(BUDGET % "one", BUDGET % "two", WEB, MANAGED % ("db-0", "StatefulSet"))
        shown = kubectl("drain node01 --force")
        assert shown.count('error when evicting pods/"web" -n "default": This pod has more than one Pod') == 3
        assert "will retry" not in shown
        assert "pod/db-0 evicted" in shown, "others go all the same"
        assert [pod.name for pod in kubelets.list("pods")] == ["web"]

    def test_old_clients_name_no_namespace(self) -> None:
        sim = Simulation(nodes=1, kubernetes="1.17")
        sim.apply(WEB)
        sim.run("5s")
        assert 'evicting pod "web"\npod/web evicted\n' in terminal_of(sim)("drain node01 --force")

    def test_one_waits_no_longer_for_pods_that_were_deleted_long_ago(
        self, on_node01: Callable[..., Terminal], kubelets: Simulation
    ) -> None:
        kubectl = on_node01(MANAGED % ("db-0", "StatefulSet"))
        kubelets.partition_node("node01")
        shown = kubectl("drain node01 --skip-wait-for-delete-timeout=10")
        assert 'pod "db-0" has DeletionTimestamp older than 10 seconds, skipping\nnode/node01 drained\n' in shown

    def test_in_a_namespace_that_ends_pods_are_waited_for(self, on_node01: Callable[..., Terminal]) -> None:
        sim = Simulation(nodes=1)
        sim.apply("{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
        sim.apply(WEB, namespace="team")
        sim.run("5s")
        sim.delete("ns/team")
        shown = terminal_of(sim)("drain node01 --force")
        assert (
            'error when evicting pod "web" from terminating namespace "team" (will retry after 5s): pods "web" is '
            "forbidden: unable to create new content in namespace team because it is being terminated\n"
        ) in shown
        assert "node/node01 drained" in shown

    def test_node_comes_after_node(self, on_node01: Callable[..., Terminal]) -> None:
        shown = on_node01(WEB)("drain node01 node02")
        assert "There are pending nodes to be drained:\n node01\n" in shown
        assert "node/node02 drained" in shown

    def test_old_clients_stop_at_the_first(self) -> None:
        sim = Simulation(nodes=2, kubernetes="1.15")
        sim.apply(PAIR)
        sim.run("5s")
        assert terminal_of(sim)("drain node01 node02") == (
            "node/node01 cordoned\nnode/node02 cordoned\n"
            'error: unable to drain node "node01", aborting command...\n\n'
            "There are pending nodes to be drained:\n node01\n node02\n"
            "error: cannot delete Pods with local storage (use --delete-local-data to override): default/pair\n"
        )
        shown = terminal_of(sim)("drain node01 --delete-local-data --force")
        assert "WARNING: deleting Pods not managed by ReplicationController, ReplicaSet, Job" in shown


def _allow(sim: Simulation, budget: str, count: int) -> None:
    """Set how many pods a budget lets go; whoever keeps its status has had its say."""
    status = {"disruptionsAllowed": count, "observedGeneration": 1}
    sim.patch(f"pdb/{budget}", {"status": status}, subresource="status")
