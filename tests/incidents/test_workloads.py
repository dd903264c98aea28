"""Workloads and their data: two pods of one identity, claims that stay or come again, and what a drain takes away.

Each class is one incident; its docstring says what people get wrong.
Source: kube-controller-manager, StatefulSet and ephemeral volume controllers, garbage collector; kube-apiserver,
graceful deletion of pods; kubectl, pkg/drain.
"""

from __future__ import annotations

import pytest

import volsim
from tests.incidents.manifests import (
    DRIVER,
    claim,
    containers,
    exists,
    has_file,
    is_terminating,
    manifest,
    messages,
    never,
    phase,
    pod,
    settled,
    spec,
    storage_class,
    volume,
)

WRITES = "while true; do echo here >> /data/log; sleep 10; done"
"""What a container does that writes all the time."""
SHARED = "[{name: data, persistentVolumeClaim: {claimName: c}}]"


def cluster(kubernetes: str = "1.36", *texts: str, nodes: int = 2, resizer: bool = False) -> volsim.Simulation:
    """Nodes with a CSI driver and a class of it, and what is to be there besides."""
    sim = volsim.Simulation(nodes=nodes, kubernetes=kubernetes)
    sim.install_csi_driver(DRIVER, resizer=resizer)
    return settled(sim, storage_class(allowVolumeExpansion="true"), *texts)


def claims(size: str = "1Gi", storage_class: str = "fast") -> str:
    """One template of claims, whose volume is called `data`."""
    asked = spec(
        accessModes="[ReadWriteOnce]",
        storageClassName=storage_class,
        resources=f"{{requests: {{storage: {size}}}}}",
    )
    return f"[{spec(metadata='{name: data}', spec=asked)}]"


def stateful_set(
    replicas: int = 1, *, program: str = "", volumes: str = "", grace: str = "", templates: str = "", **fields: str
) -> str:
    """The set `web`, with a claim for each pod unless its pods' own `volumes` are given."""
    app = containers(image="busybox", command=f"[sh, -c, '{program}']") if program else containers()
    pod_spec = spec(containers=app, volumes=volumes, terminationGracePeriodSeconds=grace)
    given = {
        "replicas": str(replicas),
        "serviceName": "web",
        "selector": "{matchLabels: {app: web}}",
        "template": spec(metadata="{labels: {app: web}}", spec=pod_spec),
        "volumeClaimTemplates": "" if volumes else (templates or claims()),
    }
    return manifest("apps/v1", "StatefulSet", "web", spec=spec(**{**given, **fields}))


def running_on(sim: volsim.Simulation, name: str) -> list[str]:
    """The nodes on which a process of a pod of this name really runs, whatever the API server believes."""
    found = []
    for key, container in sim.state.table("containers").items():
        sandbox = sim.state.get("sandboxes", key.partition("/")[0])
        machine = sim.state.get("machines", sandbox.node)
        alive = container.running and machine.powered and container.boot == machine.boot
        if alive and sandbox.pod.name == name:
            found.append(sandbox.node)
    return sorted(found)


def cut_off(sim: volsim.Simulation, name: str = "web-0") -> str:
    """Cut off the node of a pod, so that nobody goes there any more; its name."""
    node = str(sim.get(f"pod/{name}").spec.node_name)
    sim.partition_node(node)
    sim.cordon(node)
    return node


def claim_phases(sim: volsim.Simulation) -> dict[str, str]:
    return {each.name: each.status.phase for each in sim.list("pvc")}


class TestForceDeletedPodGoesOn:
    """INC-25: a pod that is deleted by force is not killed: only its object goes. Then there are two of it."""

    def test_two_of_one_identity_write_to_one_export(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, volume(), claim())
        sim.apply(stateful_set(program=WRITES, volumes=SHARED))
        sim.run("1m")
        node = cut_off(sim)
        old = sim.get("pod/web-0")
        sim.delete("pod/web-0", force=True)
        sim.run("1m")
        new = sim.get("pod/web-0")
        assert new.metadata.uid != old.metadata.uid
        assert (new.status.phase, new.spec.node_name != node) == ("Running", True)
        assert running_on(sim, "web-0") == ["node01", "node02"]
        before = sim.read_file("pod/web-0", "/data/log").count(b"here")
        sim.run("1m")
        assert sim.read_file("pod/web-0", "/data/log").count(b"here") == before + 12, "both write every ten seconds"
        sim.heal_node(node)
        sim.run("1m")
        assert running_on(sim, "web-0") == [new.spec.node_name]

    def test_a_disk_that_is_attached_holds_the_second_one_up_for_six_minutes_only(self, kubernetes: str) -> None:
        sim = cluster(kubernetes)
        sim.apply(stateful_set(program=WRITES))
        sim.run("1m")
        cut_off(sim)
        sim.delete("pod/web-0", force=True)
        assert never(sim, lambda sim: len(running_on(sim, "web-0")) == 2, within="359s")
        assert "is already exclusively attached to one node" in messages(sim, "FailedAttachVolume")[0]
        sim.run("10s")
        assert running_on(sim, "web-0") == ["node01", "node02"]

    def test_without_force_there_is_only_one_while_its_object_is_there(self, kubernetes: str) -> None:
        sim = cluster(kubernetes)
        sim.apply(stateful_set(program=WRITES))
        sim.run("1m")
        node = cut_off(sim)
        sim.delete("pod/web-0")
        assert never(sim, lambda sim: running_on(sim, "web-0") != [node], within="2h")
        assert is_terminating(sim, "pod/web-0")


class TestNoGracePeriodIsForce:
    """INC-26: a grace period of 0 in the spec is no fast shutdown: it makes every deletion a deletion by force."""

    @pytest.mark.parametrize(("seconds", "gone"), [("0", True), ("1", False), ("30", False)])
    def test_the_object_goes_at_once_though_the_container_is_up(
        self, kubernetes: str, seconds: str, gone: bool
    ) -> None:
        sim = cluster(kubernetes, volume(), claim(), pod(terminationGracePeriodSeconds=seconds))
        node = cut_off(sim, "p")
        sim.delete("pod/p")
        assert exists(sim, "pod/p") != gone
        sim.run("10m")
        assert exists(sim, "pod/p") != gone, "nobody confirms the end of a pod on a node that is cut off"
        assert running_on(sim, "p") == [node]

    def test_a_stateful_set_then_has_two_pods_of_one_name_without_anybody_forcing_it(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, volume(), claim(), stateful_set(volumes=SHARED, grace="0"))
        cut_off(sim)
        sim.delete("pod/web-0")
        sim.run("1m")
        assert running_on(sim, "web-0") == ["node01", "node02"]

    def test_less_than_nothing_is_one_second(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, pod(source="emptyDir: {}"))
        sim.delete("pod/p", grace_period=-5)
        assert sim.get("pod/p").metadata.deletion_grace_period_seconds == 1


def local_volume(node: str) -> str:
    """A volume of one node's own disk."""
    terms = f"[{{matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [{node}]}}]}}]"
    affinity = f"{{required: {{nodeSelectorTerms: {terms}}}}}"
    return volume(node, source="local: {path: /mnt}", storageClassName="local", nodeAffinity=affinity)


class TestPendingPodWithoutItsClaim:
    """INC-50: the order matters: who deletes the claim of a pod that is Pending waits for ever, until 1.25."""

    def stranded(self, kubernetes: str) -> volsim.Simulation:
        """web-0 has lost its node and cannot go to another one, where a free volume is."""
        sim = cluster(kubernetes, nodes=2)
        settled(
            sim,
            storage_class(
                "local", provisioner="kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer"
            ),
            *(local_volume(node.name) for node in sim.list("nodes")),
            stateful_set(templates=claims(storage_class="local")),
        )
        sim.write_file("pod/web-0", "/data/f", "precious")
        node = sim.get("pod/web-0").spec.node_name
        sim.destroy_node(node)
        sim.delete(f"node/{node}")
        sim.run(until=lambda sim: exists(sim, "pod/web-0") and not sim.get("pod/web-0").spec.node_name, limit="10m")
        sim.run("1m")
        assert phase(sim, "pod/web-0") == "Pending"
        return sim

    @pytest.mark.parametrize(
        ("kubernetes", "again"), [("1.24", False), ("1.25", False), ("1.26", True), ("1.36", True)]
    )
    def test_its_claim_is_made_again_or_not(self, kubernetes: str, again: bool) -> None:
        sim = self.stranded(kubernetes)
        old = sim.get("pvc/data-web-0").metadata.uid
        sim.delete("pvc/data-web-0")
        sim.run("1h")
        assert exists(sim, "pvc/data-web-0") == again
        if not again:
            assert phase(sim, "pod/web-0") == "Pending"
            assert 'persistentvolumeclaim "data-web-0" not found' in messages(sim, "FailedScheduling")[-1]
            sim.delete("pod/web-0")
            sim.run("1m")
        assert sim.get("pvc/data-web-0").metadata.uid != old
        assert phase(sim, "pod/web-0") == "Running"
        assert not has_file(sim, "pod/web-0", "/data/f"), "the new claim has a new, empty volume"

    def test_a_claim_that_is_deleted_while_its_pod_runs_has_to_be_gone_before_there_is_a_new_one(
        self, kubernetes: str
    ) -> None:
        sim = cluster(kubernetes, stateful_set(), pod("guest", "data-web-0"), nodes=1)
        sim.write_file("pod/web-0", "/data/f", "precious")
        sim.delete("pvc/data-web-0")
        sim.settle()
        assert (is_terminating(sim, "pvc/data-web-0"), phase(sim, "pod/web-0")) == (True, "Running")
        sim.delete("pod/web-0")
        assert never(sim, lambda sim: phase(sim, "pod/web-0") == "Pending", within="1h"), "the guest has the claim yet"
        assert messages(sim, "FailedCreate")[-1].endswith("pvc data-web-0 is being deleted")
        sim.delete("pod/guest")
        sim.settle()
        assert phase(sim, "pod/web-0") == "Running"
        assert not has_file(sim, "pod/web-0", "/data/f")


class TestClaimsOfAStatefulSetStay:
    """INC-64: its claims neither go with a set nor begin anew: who scales up again gets the old data."""

    def three(self, kubernetes: str, **fields: str) -> volsim.Simulation:
        sim = cluster(kubernetes, stateful_set(3, **fields))
        for number in range(3):
            sim.write_file(f"pod/web-{number}", "/data/f", f"of web-{number}")
        return sim

    def test_scaling_down_leaves_claims_and_scaling_up_brings_their_data_back(self, kubernetes: str) -> None:
        sim = self.three(kubernetes)
        sim.scale("sts/web", 1)
        sim.settle()
        changes = (change for step in sim.trace for change in step.changes if change.table == "pods")
        gone = [change.key for change in changes if change.after is None]
        assert gone == ["default/web-2", "default/web-1"]
        assert claim_phases(sim) == dict.fromkeys(("data-web-0", "data-web-1", "data-web-2"), "Bound")
        sim.scale("sts/web", 3)
        sim.settle()
        assert sim.read_file("pod/web-2", "/data/f") == b"of web-2"

    def test_a_set_that_is_made_again_finds_them_too(self, kubernetes: str) -> None:
        sim = self.three(kubernetes)
        sim.delete("sts/web")
        sim.settle()
        assert (sim.list("pods"), len(claim_phases(sim))) == ([], 3)
        settled(sim, stateful_set(3))
        assert sim.read_file("pod/web-0", "/data/f") == b"of web-0"

    @pytest.mark.parametrize(("kubernetes", "kept"), [("1.26", True), ("1.27", False), ("1.36", False)])
    def test_since_1_27_the_set_may_say_that_they_go_when_it_shrinks(self, kubernetes: str, kept: bool) -> None:
        sim = self.three(kubernetes, persistentVolumeClaimRetentionPolicy="{whenScaled: Delete}")
        sim.scale("sts/web", 1)
        sim.settle()
        assert len(claim_phases(sim)) == (3 if kept else 1)
        sim.scale("sts/web", 3)
        sim.settle()
        assert has_file(sim, "pod/web-2", "/data/f") == kept
        assert has_file(sim, "pod/web-0", "/data/f")

    @pytest.mark.parametrize(("propagation", "pods", "claims_left"), [("Background", 0, 0), ("Orphan", 3, 3)])
    def test_or_that_they_go_with_it_unless_its_dependents_are_orphaned(
        self, propagation: str, pods: int, claims_left: int
    ) -> None:
        sim = self.three("1.36", persistentVolumeClaimRetentionPolicy="{whenDeleted: Delete}")
        sim.delete("sts/web", propagation=propagation)
        sim.settle()
        assert (len(sim.list("pods")), len(claim_phases(sim))) == (pods, claims_left)


class TestClaimTemplatesCannotChange:
    """INC-65: a Deployment's template may be edited; the claim templates of a set may not, not even to grow."""

    def test_the_edit_is_refused(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, stateful_set())
        with pytest.raises(volsim.Invalid, match="updates to statefulset spec for fields other than"):
            sim.apply(stateful_set(templates=claims("2Gi")))

    def test_the_way_round_orphans_the_pods_and_lets_each_claim_grow(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, resizer=True)
        settled(sim, stateful_set(2))
        sim.write_file("pod/web-0", "/data/f", "precious")
        uids = [each.metadata.uid for each in sim.list("pods")]
        sim.delete("sts/web", propagation="Orphan")
        sim.settle()
        settled(sim, stateful_set(3, templates=claims("2Gi")))
        assert [each.metadata.uid for each in sim.list("pods")][:2] == uids, "they are adopted as they are"
        sizes = {each.name: str(each.status.capacity["storage"]) for each in sim.list("pvc")}
        assert sizes == {"data-web-0": "1Gi", "data-web-1": "1Gi", "data-web-2": "2Gi"}, "old claims stay as they are"
        sim.patch("pvc/data-web-0", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
        sim.settle()
        assert str(sim.get("pvc/data-web-0").status.capacity["storage"]) == "2Gi"
        assert sim.read_file("pod/web-0", "/data/f") == b"precious"


EPHEMERAL = f"ephemeral: {{volumeClaimTemplate: {claims()[1:-1].replace('metadata: {name: data}, ', '')}}}"


class TestEphemeralVolumeIsAClaim:
    """INC-66: an ephemeral volume is no emptyDir: it is a claim, whose name may clash and whose disk may stay."""

    def test_a_claim_of_that_name_that_is_not_the_pods_keeps_it_pending(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, claim("p-data", storageClassName="fast"), pod(source=EPHEMERAL))
        text = "ephemeral volume data: PVC default/p-data was not created for pod default/p (pod is not owner)"
        assert messages(sim, "FailedBinding")[0] == text
        assert never(sim, lambda sim: phase(sim, "pod/p") != "Pending")
        sim.delete("pvc/p-data")
        sim.settle()
        assert phase(sim, "pod/p") == "Running"

    def test_it_survives_a_restart_of_the_container_and_not_the_pod(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, pod(source=EPHEMERAL))
        sim.write_file("pod/p", "/data/f", "precious")
        sim.crash_container("pod/p")
        sim.run("1m")
        assert sim.read_file("pod/p", "/data/f") == b"precious"
        sim.delete("pod/p")
        sim.settle()
        assert (claim_phases(sim), sim.list("pv")) == ({}, [])
        settled(sim, pod(source=EPHEMERAL))
        assert not has_file(sim, "pod/p", "/data/f")

    def test_with_a_class_that_retains_every_pod_leaves_a_volume_behind(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, storage_class("kept", reclaimPolicy="Retain"))
        for _ in range(3):
            settled(sim, pod(source=EPHEMERAL.replace("fast", "kept")))
            sim.delete("pod/p")
            sim.settle()
        assert claim_phases(sim) == {}
        assert [each.status.phase for each in sim.list("pv")] == ["Released"] * 3


class TestDrainAndLocalStorage:
    """INC-67: a drain that refuses has cordoned already, and "local storage" is only emptyDir, not hostPath."""

    def node(self, kubernetes: str, *texts: str) -> volsim.Simulation:
        return settled(volsim.Simulation(nodes=1, kubernetes=kubernetes), *texts)

    def refused(self, sim: volsim.Simulation, flags: str = "") -> str:
        with pytest.raises(volsim.VolsimError) as refused:
            sim.kubectl(f"drain node01 {flags}")
        return str(refused.value)

    def test_it_refuses_each_kind_of_pod_in_its_words_and_the_node_stays_cordoned(self, kubernetes: str) -> None:
        daemon = manifest(
            "apps/v1",
            "DaemonSet",
            "collector",
            spec=spec(
                selector="{matchLabels: {app: collector}}",
                template=spec(
                    metadata="{labels: {app: collector}}", spec="{containers: [{name: app, image: nginx:1}]}"
                ),
            ),
        )
        bare = pod("bare", source="hostPath: {path: /srv}")
        sim = self.node(kubernetes, daemon, bare, pod("scratch", source="emptyDir: {}"))
        [collector] = [each.name for each in sim.list("pods") if each.name.startswith("collector")]
        text = self.refused(sim)
        assert "cannot delete Pods with local storage (use --delete-emptydir-data to override): default/scratch" in text
        assert f"cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/{collector}" in text
        assert "cannot delete Pods that declare no controller (use --force to override): default/bare" in text
        assert sim.get("node/node01").spec.unschedulable
        assert len(sim.list("pods")) == 3, "who refuses one pod evicts none"

    def test_only_an_empty_dir_counts_and_with_the_flag_it_is_lost(self, kubernetes: str) -> None:
        local = local_volume("node01").replace("storageClassName: local", 'storageClassName: ""')
        on_host, on_local = pod("host", source="hostPath: {path: /srv}"), pod("local")
        sim = self.node(kubernetes, local, claim(), on_host, on_local)
        sim.write_file("pod/host", "/data/f", "kept")
        assert "drained" in sim.kubectl("drain node01 --force")
        assert sim.host_files("node01")["/srv/f"] == b"kept"
        sim.uncordon("node01")
        settled(sim, pod("scratch", source="emptyDir: {}"))
        sim.write_file("pod/scratch", "/data/f", "lost")
        assert "local storage" in self.refused(sim, "--force")
        assert sim.read_file("pod/scratch", "/data/f") == b"lost"
        assert "drained" in sim.kubectl("drain node01 --force --delete-emptydir-data")
        assert b"lost" not in sim.host_files("node01").values()

    def test_the_flag_was_called_otherwise_until_1_19(self) -> None:
        sim = self.node("1.19", pod("scratch", source="emptyDir: {}"))
        assert "cannot delete Pods with local storage (use --delete-local-data to override)" in self.refused(
            sim, "--force"
        )
        assert "drained" in sim.kubectl("drain node01 --force --delete-local-data")
