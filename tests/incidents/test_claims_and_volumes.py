"""The life of claims and volumes: what people expect of Released, Lost, Terminating, Delete, and what happens instead.

Each class is one incident; its docstring says what people get wrong. The bytes are looked at past the claims: through a
pod that mounts the export itself, or at the storage.
Source: kube-controller-manager, persistent volume controller, PVC and PV protection; kube-apiserver, admission of
claims; kubernetes-csi/external-provisioner and external-resizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import volsim
from tests.incidents.manifests import (
    DRIVER,
    FORCE,
    claim,
    default_class,
    disks,
    exists,
    has_file,
    is_terminating,
    manifest,
    messages,
    never,
    phase,
    pod,
    reader,
    settled,
    spec,
    storage_class,
    volume,
)
from volsim.exploration import search
from volsim.state import State

NO_VOLUME = "no persistent volumes available for this claim and no storage class is set"
LOST = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
MISBOUND = "Two claims are bound to the same volume, this one is bound incorrectly"
NOT_DYNAMIC = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


def cluster(kubernetes: str = "1.36", nodes: int = 0, **rules: float | bool) -> volsim.Simulation:
    return volsim.Simulation(nodes=nodes, rules=volsim.Rules.for_version(kubernetes, **rules))


def bound(kubernetes: str, **fields: str) -> volsim.Simulation:
    """Volume v with claim c, and pod p that has written into it."""
    sim = settled(cluster(kubernetes, nodes=1), volume(**fields), claim(), pod())
    sim.write_file("pod/p", "/data/f", "precious")
    return sim


def provisioned(kubernetes: str, *, resizer: bool = False, nodes: int = 0, **fields: str) -> volsim.Simulation:
    """Claim c, for which a CSI driver has made a volume with a disk behind it."""
    sim = cluster(kubernetes, nodes=nodes)
    sim.install_csi_driver(DRIVER, resizer=resizer)
    return settled(sim, storage_class(**fields), claim(storageClassName="fast"))


def volume_of(sim: volsim.Simulation, name: str = "c", namespace: str = "default") -> str:
    """The name of the volume to which a claim is bound; empty if it is not."""
    return str(sim.get(f"pvc/{name}", namespace).spec.volume_name or "")


def bytes_on_export(sim: volsim.Simulation) -> bytes:
    """What the file server has, whoever may see it through claims."""
    return settled(sim, reader()).read_file("pod/reader", "/data/f")


def deleted(sim: volsim.Simulation, *refs: str) -> volsim.Simulation:
    """The simulation after these have been deleted, all at once, and nothing more happens by itself."""
    for ref in refs:
        sim.delete(ref)
    return settled(sim)


class TestReleasedVolumeIsNotTakenAgain:
    """INC-01: "Retain" does not mean keep and use again; it means keep for an administrator."""

    def test_a_new_claim_of_the_same_name_stays_pending_for_ever(self, kubernetes: str) -> None:
        sim = deleted(bound(kubernetes), "pod/p")
        old_uid = sim.get("pvc/c").metadata.uid
        settled(deleted(sim, "pvc/c"), claim())
        ref = sim.get("pv/v").spec.claim_ref
        assert (ref.namespace, ref.name, ref.uid) == ("default", "c", old_uid)
        assert sim.get("pvc/c").metadata.uid != old_uid
        assert (phase(sim, "pv/v"), phase(sim, "pvc/c")) == ("Released", "Pending")
        assert messages(sim, "FailedBinding") == [NO_VOLUME]
        assert never(sim, lambda sim: (phase(sim, "pv/v"), phase(sim, "pvc/c")) != ("Released", "Pending"))
        assert bytes_on_export(sim) == b"precious"

    def test_with_a_provisioner_the_new_claim_gets_another_volume(self, kubernetes: str) -> None:
        sim = provisioned(kubernetes, reclaimPolicy="Retain")
        old = volume_of(sim)
        settled(deleted(sim, "pvc/c"), claim(storageClassName="fast"))
        assert phase(sim, "pvc/c") == "Bound"
        assert volume_of(sim) != old
        assert phase(sim, f"pv/{old}") == "Released"
        assert len(disks(sim)) == 2

    def test_where_binding_waits_the_new_claim_waits_for_its_first_consumer(self, kubernetes: str) -> None:
        sim = settled(
            cluster(kubernetes),
            storage_class("late", provisioner="kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer"),
            volume(storageClassName="late"),
            claim(storageClassName="late", volumeName="v"),
        )
        assert phase(sim, "pvc/c") == "Bound"
        settled(deleted(sim, "pvc/c"), claim(storageClassName="late"))
        assert (phase(sim, "pv/v"), phase(sim, "pvc/c")) == ("Released", "Pending")
        assert messages(sim, "WaitForFirstConsumer") == ["waiting for first consumer to be created before binding"]


class TestTwoWaysToUnrelease:
    """INC-02: taking the whole claimRef away, the popular recipe, lets a stranger's claim have the old data."""

    def released(self, kubernetes: str) -> volsim.Simulation:
        """v is Released; claims c, which had it, and `stranger` wait."""
        sim = settled(cluster(kubernetes), volume(), claim())
        return settled(deleted(sim, "pvc/c"), claim(), claim("stranger"))

    @pytest.mark.parametrize("named", [False, True])
    def test_either_claim_may_get_it_unless_the_reference_still_names_one(self, kubernetes: str, named: bool) -> None:
        sim = self.released(kubernetes)
        patch = {"uid": None, "resourceVersion": None} if named else None
        sim.patch("pv/v", {"spec": {"claimRef": patch}})
        found = search(
            sim.state,
            sim.engine,
            sometimes={
                "free": lambda state: state.persistent_volumes["v"].status.phase == "Available",
                "c has it": lambda state: state.persistent_volume_claims["default/c"].status.phase == "Bound",
                "a stranger has it": lambda state: (
                    state.persistent_volume_claims["default/stranger"].status.phase == "Bound"
                ),
            },
        )
        assert found.complete
        has = {answer.name: answer.path is not None for answer in found.answers}
        assert has == {"free": True, "c has it": True, "a stranger has it": not named}


class TestDeletedClaimInUse:
    """INC-03: the deletion has not failed, and no data is gone: the claim waits for its pods. Nothing undoes it."""

    def test_it_is_terminating_and_bound_and_its_pod_goes_on_until_the_pod_is_gone(self, kubernetes: str) -> None:
        sim = bound(kubernetes)
        deleted(sim, "pvc/c")
        assert is_terminating(sim, "pvc/c")
        assert phase(sim, "pvc/c") == "Bound"
        assert re.search(r"^c +Terminating +v ", sim.kubectl("get pvc"), re.MULTILINE)
        assert never(sim, lambda sim: phase(sim, "pvc/c") != "Bound" or phase(sim, "pod/p") != "Running")
        sim.write_file("pod/p", "/data/g", "more")
        assert sim.read_file("pod/p", "/data/f") == b"precious"
        deleted(sim, "pod/p")
        assert not exists(sim, "pvc/c")
        assert phase(sim, "pv/v") == "Released"
        assert bytes_on_export(sim) == b"precious"

    def test_a_new_pod_is_not_scheduled(self, kubernetes: str) -> None:
        sim = bound(kubernetes)
        settled(deleted(sim, "pvc/c"), pod("q"))
        assert phase(sim, "pod/q") == "Pending"
        assert sim.get("pod/q").spec.node_name is None
        assert 'persistentvolumeclaim "c" is being deleted' in messages(sim, "FailedScheduling")[-1]
        deleted(sim, "pod/p")
        assert not exists(sim, "pvc/c"), "a pod that was not scheduled holds nothing"
        assert phase(sim, "pod/q") == "Pending"

    def test_the_last_of_several_pods_counts(self, kubernetes: str) -> None:
        sim = settled(bound(kubernetes), pod("q"))
        sim.delete("pvc/c")
        deleted(sim, "pod/p")
        assert is_terminating(sim, "pvc/c")
        sim.delete("pod/q")
        assert not exists(settled(sim), "pvc/c")


class TestFinishedPodHoldsItsClaim:
    """INC-04: a pod that is finished, or was evicted, still holds its claim, as long as its object is there."""

    @pytest.mark.parametrize(("code", "ended"), [(0, "Succeeded"), (1, "Failed")])
    def test_the_claim_stays_until_the_object_of_the_pod_is_deleted(
        self, kubernetes: str, code: int, ended: str
    ) -> None:
        sim = settled(cluster(kubernetes, nodes=1), volume(), claim(), pod(restartPolicy="Never"))
        sim.exit_container("pod/p", code)
        settled(sim)
        assert phase(sim, "pod/p") == ended
        sim.delete("pvc/c")
        assert never(sim, lambda sim: "kubernetes.io/pvc-protection" not in sim.get("pvc/c").metadata.finalizers)
        deleted(sim, "pod/p")
        assert not exists(sim, "pvc/c")

    def test_a_pod_that_was_never_scheduled_does_not_count(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes, nodes=1), volume(), claim(), pod(nodeSelector="{disk: fast}"))
        assert phase(sim, "pod/p") == "Pending"
        sim.delete("pvc/c")
        assert not exists(settled(sim), "pvc/c")

    def test_a_generic_ephemeral_claim_is_not_held_by_its_pod_once_that_is_shut_down(self, kubernetes: str) -> None:
        sim = cluster(kubernetes, nodes=1)
        sim.install_csi_driver(DRIVER, attach_required=False)
        template = spec(accessModes="[ReadWriteOnce]", storageClassName="fast", resources="{requests: {storage: 1Gi}}")
        source = f"ephemeral: {{volumeClaimTemplate: {{spec: {template}}}}}"
        settled(sim, storage_class(), pod(source=source))
        assert phase(sim, "pvc/p-data") == "Bound"
        deleted(sim, "pod/p")
        assert not exists(sim, "pvc/p-data")


class TestDeletedVolumeInUse:
    """INC-05: a volume that is deleted while it is bound goes on working; only then its claim's end is its own."""

    def test_nothing_happens_to_the_data_path_while_it_is_bound(self, kubernetes: str) -> None:
        sim = bound(kubernetes)
        deleted(sim, "pv/v")
        assert is_terminating(sim, "pv/v")
        assert (phase(sim, "pv/v"), phase(sim, "pvc/c"), phase(sim, "pod/p")) == ("Bound", "Bound", "Running")
        assert never(sim, lambda sim: phase(sim, "pv/v") != "Bound")
        sim.write_file("pod/p", "/data/f", "changed")
        assert sim.read_file("pod/p", "/data/f") == b"changed"
        settled(sim, pod("q"))
        assert sim.read_file("pod/q", "/data/f") == b"changed"

    def test_it_goes_when_its_claim_goes_and_with_retain_the_bytes_are_left_behind(self, kubernetes: str) -> None:
        sim = bound(kubernetes)
        sim.delete("pv/v")
        sim.delete("pvc/c")
        deleted(sim, "pod/p")
        assert not exists(sim, "pvc/c")
        assert not exists(sim, "pv/v")
        assert bytes_on_export(sim) == b"precious"


class TestVolumeDeletedBeforeItsClaim:
    """INC-06: "the reclaim policy always applies": until 1.31 it did not if the volume was deleted first."""

    @pytest.mark.parametrize(
        ("kubernetes", "leaked"), [("1.24", 1), ("1.30", 1), ("1.31", 0), ("1.33", 0), ("1.36", 0)]
    )
    def test_the_disk_is_leaked_unless_the_reclaim_policy_is_honoured(self, kubernetes: str, leaked: int) -> None:
        sim = provisioned(kubernetes)
        name = volume_of(sim)
        finalizers = sim.get(f"pv/{name}").metadata.finalizers
        assert ("external-provisioner.volume.kubernetes.io/finalizer" in finalizers) == (not leaked)
        sim.delete(f"pv/{name}")
        settled(sim)
        assert phase(sim, f"pv/{name}") == "Bound"
        deleted(sim, "pvc/c")
        assert not exists(sim, "pvc/c")
        assert not exists(sim, f"pv/{name}")
        assert len(disks(sim)) == leaked

    @pytest.mark.parametrize("honoured", [False, True])
    def test_likewise_for_disks_that_the_controller_manager_makes_itself(self, honoured: bool) -> None:
        sim = cluster("1.30", honor_pv_reclaim_policy=honoured)
        settled(sim, storage_class(provisioner="kubernetes.io/rbd"), claim(storageClassName="fast"))
        name = volume_of(sim)
        assert ("kubernetes.io/pv-controller" in sim.get(f"pv/{name}").metadata.finalizers) == honoured
        sim.delete(f"pv/{name}")
        deleted(sim, "pvc/c")
        assert not exists(sim, f"pv/{name}")
        assert len(disks(sim)) == (0 if honoured else 1)

    def test_a_volume_that_was_never_bound_is_not_reclaimed(self, kubernetes: str) -> None:
        source = "hostPath: {path: /tmp/data}"
        sim = settled(
            cluster(kubernetes, nodes=1), volume(source=source, persistentVolumeReclaimPolicy="Delete"), reader(source)
        )
        sim.write_file("pod/reader", "/data/f", "precious")
        sim.delete("pv/v")
        assert not exists(settled(sim), "pv/v")
        assert sim.host_files("node01")["/tmp/data/f"] == b"precious"


def lost(kubernetes: str) -> volsim.Simulation:
    """As `bound`, but somebody has taken the volume's finalizers away and deleted it."""
    sim = bound(kubernetes)
    sim.delete("pv/v")
    sim.patch("pv/v", FORCE)
    return settled(sim)


class TestLostClaim:
    """INC-07: "Data on the volume is lost!" says the event; only the object of the volume is."""

    def test_the_claim_says_lost_and_has_no_capacity(self, kubernetes: str) -> None:
        sim = lost(kubernetes)
        assert not exists(sim, "pv/v")
        found = sim.get("pvc/c")
        assert found.status.phase == "Lost"
        assert not found.status.capacity
        assert not found.status.access_modes
        [event] = [event for event in sim.events if event.reason == "ClaimLost"]
        assert (event.type, event.message) == ("Warning", LOST)
        assert re.search(r"^c +Lost +v +0 ", sim.kubectl("get pvc"), re.MULTILINE)

    def test_the_running_pod_goes_on_and_a_new_one_is_not_scheduled(self, kubernetes: str) -> None:
        sim = settled(lost(kubernetes), pod("q"))
        assert never(sim, lambda sim: phase(sim, "pod/p") != "Running" or phase(sim, "pod/q") != "Pending")
        sim.write_file("pod/p", "/data/g", "more")
        assert sim.read_file("pod/p", "/data/f") == b"precious"
        assert (
            'persistentvolumeclaim "c" bound to non-existent persistentvolume "v"'
            in messages(sim, "FailedScheduling")[-1]
        )
        assert bytes_on_export(sim) == b"precious"


class TestLostClaimRecovers:
    """INC-08: a claimRef that is added "to be safe" is what keeps a lost claim from its volume."""

    @pytest.mark.parametrize(
        ("reference", "becomes"),
        [
            ("", "Bound"),
            ("{namespace: default, name: c, uid: UID}", "Bound"),
            ("{namespace: default, name: c}", "Lost"),
            ("{namespace: default, name: c, uid: 11111111-2222-3333-4444-555555555555}", "Lost"),
        ],
    )
    def test_only_a_volume_without_reference_or_with_the_right_uid_helps(
        self, kubernetes: str, reference: str, becomes: str
    ) -> None:
        sim = lost(kubernetes)
        uid = sim.get("pvc/c").metadata.uid
        settled(sim, volume(claimRef=reference.replace("UID", uid)), pod("q"))
        assert phase(sim, "pvc/c") == becomes
        if becomes == "Bound":
            assert phase(sim, "pv/v") == "Bound"
            assert sim.get("pv/v").spec.claim_ref.uid == uid
            assert sim.read_file("pod/q", "/data/f") == b"precious"
        else:
            assert phase(sim, "pv/v") == ("Released" if "uid" in reference else "Available")
            assert messages(sim, "ClaimMisbound") == [], "a claim that is lost already is told nothing more"
            assert never(sim, lambda sim: phase(sim, "pvc/c") != "Lost" or phase(sim, "pod/q") != "Pending")

    def test_a_claim_that_was_bound_until_then_is_told_that_it_is_misbound(self, kubernetes: str) -> None:
        sim = bound(kubernetes)
        sim.delete("pv/v")
        sim.patch("pv/v", FORCE)  # gone, and back before the controller has looked
        settled(sim, volume(claimRef="{namespace: default, name: c}"))
        assert phase(sim, "pvc/c") == "Lost"
        [event] = [event for event in sim.events if event.reason == "ClaimMisbound"]
        assert (event.type, event.message) == ("Warning", MISBOUND)
        assert sim.read_file("pod/p", "/data/f") == b"precious"


class TestDefaultPolicies:
    """INC-09: there are two defaults: volumes made by hand are retained, those made for a claim are deleted with it."""

    def test_deleting_the_claim_deletes_the_data(self, kubernetes: str) -> None:
        sim = provisioned(kubernetes)
        name = volume_of(sim)
        assert sim.get("sc/fast").reclaim_policy == "Delete"
        assert sim.get(f"pv/{name}").spec.persistent_volume_reclaim_policy == "Delete"
        assert len(disks(sim)) == 1
        deleted(sim, "pvc/c")
        assert (phase(sim, "pvc/c"), phase(sim, f"pv/{name}"), disks(sim)) == ("gone", "gone", [])

    def test_a_volume_made_by_hand_is_retained(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), volume())
        assert sim.get("pv/v").spec.persistent_volume_reclaim_policy == "Retain"

    def test_another_policy_of_the_class_changes_no_volume_that_is_there(self, kubernetes: str) -> None:
        sim = provisioned(kubernetes)
        with pytest.raises(volsim.Invalid, match="reclaimPolicy"):
            sim.patch("sc/fast", {"reclaimPolicy": "Retain"})
        settled(deleted(sim, "sc/fast"), storage_class(reclaimPolicy="Retain"))
        assert sim.get(f"pv/{volume_of(sim)}").spec.persistent_volume_reclaim_policy == "Delete"
        sim.delete("pvc/c")
        assert disks(settled(sim)) == []


class TestPolicyIsReadWhenItActs:
    """INC-10: the policy is not fixed at the moment of release: every look at the volume reads it anew."""

    def test_retain_in_time_keeps_the_data(self, kubernetes: str) -> None:
        sim = provisioned(kubernetes)
        name = volume_of(sim)
        sim.patch(f"pv/{name}", {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
        deleted(sim, "pvc/c")
        assert (phase(sim, f"pv/{name}"), len(disks(sim))) == ("Released", 1)

    def test_retain_while_the_storage_cannot_be_deleted_yet_keeps_the_data(self, kubernetes: str) -> None:
        sim = provisioned(kubernetes)
        name, [disk] = volume_of(sim), disks(sim)
        sim.fail_backend(disk)
        sim.delete("pvc/c")
        sim.run("1m")
        assert messages(sim, "VolumeFailedDelete")
        sim.patch(f"pv/{name}", {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
        sim.recover_backend(disk)
        sim.run("1h")
        assert (phase(sim, f"pv/{name}"), disks(sim)) == ("Released", [disk])

    def test_delete_on_a_released_volume_deletes_the_data_at_the_next_sync(self, kubernetes: str) -> None:
        sim = provisioned(kubernetes, reclaimPolicy="Retain")
        name = volume_of(sim)
        sim.delete("pvc/c")
        sim.run("1d")
        assert (phase(sim, f"pv/{name}"), len(disks(sim))) == ("Released", 1)
        sim.patch(f"pv/{name}", {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})
        sim.run("15s")
        assert (phase(sim, f"pv/{name}"), disks(sim)) == ("gone", [])


class TestReservation:
    """INC-11: "I set volumeName, so it is mine": only a claimRef on the volume keeps other claims off."""

    def a_race(self, kubernetes: str, mine: str, **fields: str) -> volsim.Simulation:
        """v and two claims that want it, of which the stranger was first; nobody has looked yet."""
        sim = cluster(kubernetes)
        sim.apply(volume(**fields) + claim("c0") + mine)
        return sim

    def winners(self, sim: volsim.Simulation) -> set[str]:
        """Who can get v, over everything that can happen."""

        def has(name: str) -> Callable[[State], bool]:
            return lambda state: state.persistent_volume_claims[f"default/{name}"].status.phase == "Bound"

        found = search(sim.state, sim.engine, sometimes={name: has(name) for name in ("c0", "c1")})
        assert found.complete
        return {answer.name for answer in found.answers if answer.path is not None}

    def test_nobody_else_gets_a_volume_whose_claim_ref_names_the_claim(self, kubernetes: str) -> None:
        assert self.winners(self.a_race(kubernetes, claim("c1"), claimRef="{namespace: default, name: c1}")) == {"c1"}

    def test_a_volume_name_on_the_claim_reserves_nothing(self, kubernetes: str) -> None:
        assert self.winners(self.a_race(kubernetes, claim("c1", volumeName="v"))) == {"c0", "c1"}

    def test_who_comes_too_late_is_told_so(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), volume(), claim("c0"), claim("c1", volumeName="v"))
        assert (phase(sim, "pvc/c0"), phase(sim, "pvc/c1")) == ("Bound", "Pending")
        assert messages(sim, "FailedBinding") == ['volume "v" already bound to a different claim.']

    def test_a_reserved_volume_is_available_until_its_claim_comes_and_then_of_any_class_and_label(
        self, kubernetes: str
    ) -> None:
        sim = settled(
            cluster(kubernetes),
            volume(claimRef="{namespace: default, name: c1}", storageClassName="other"),
            claim("c0", storageClassName="other"),
        )
        assert (phase(sim, "pv/v"), phase(sim, "pvc/c0")) == ("Available", "Pending")
        settled(sim, claim("c1", storageClassName="mine", selector="{matchLabels: {disk: fast}}"))
        assert (phase(sim, "pv/v"), phase(sim, "pvc/c1"), phase(sim, "pvc/c0")) == ("Bound", "Bound", "Pending")

    @pytest.mark.parametrize(
        "fields",
        [{"size": "2Gi"}, {"volumeMode": "Block"}, {"accessModes": "[ReadWriteMany]"}],
        ids=["size", "volume mode", "access modes"],
    )
    def test_size_volume_mode_and_access_modes_are_asked_all_the_same(
        self, kubernetes: str, fields: dict[str, str]
    ) -> None:
        sim = settled(cluster(kubernetes), volume(claimRef="{namespace: default, name: c1}"), claim("c1", **fields))
        assert (phase(sim, "pv/v"), phase(sim, "pvc/c1")) == ("Available", "Pending")


class TestBindingFromBothSides:
    """INC-12: where claim and volume name each other, nothing is checked: a claim may get less than it asks for."""

    def wrong_claim(self) -> str:
        """A claim to v that nothing of v fits."""
        return claim(size="10Gi", storageClassName="b", accessModes="[ReadWriteMany]", volumeName="v")

    def test_they_are_bound_and_the_claim_has_what_the_volume_has(self, kubernetes: str) -> None:
        reserved = volume(storageClassName="a", claimRef="{namespace: default, name: c}")
        sim = settled(cluster(kubernetes), reserved, self.wrong_claim())
        found = sim.get("pvc/c")
        assert found.status.phase == "Bound"
        assert str(found.status.capacity["storage"]) == "1Gi"
        assert found.status.capacity["storage"] < found.spec.resources.requests["storage"]
        assert tuple(found.status.access_modes) == ("ReadWriteOnce",)
        assert messages(sim, "VolumeMismatch") == []

    def test_without_the_volumes_reference_they_do_not_fit(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), volume(storageClassName="a"), self.wrong_claim())
        assert phase(sim, "pvc/c") == "Pending"
        assert messages(sim, "VolumeMismatch") == ['Cannot bind to requested volume "v": requested PV is too small']


class TestSizeIsALowerBound:
    """INC-13: capacity is no quota: it says which volume fits, and limits no write."""

    @pytest.mark.parametrize("source", ["nfs: {server: nas, path: /v}", "hostPath: {path: /mnt/v}"])
    def test_a_claim_gets_a_larger_volume_and_may_write_more_than_either_says(
        self, kubernetes: str, source: str
    ) -> None:
        other = volume("small", capacity="{storage: 5}", accessModes="[ReadWriteMany]")
        large = volume("v", source, capacity="{storage: 100}")
        sim = settled(cluster(kubernetes, nodes=1), other, large, claim(size="1"), pod())
        assert volume_of(sim) == "v"
        assert sim.get("pvc/c").status.capacity == sim.get("pv/v").spec.capacity
        sim.write_file("pod/p", "/data/f", b"x" * 200)
        assert len(sim.read_file("pod/p", "/data/f")) == 200


class TestSmallestDoesNotAlwaysWin:
    """INC-14: the documents say "smallest"; the binder first prefers the volumes with the fewest access modes."""

    @pytest.mark.parametrize(("mode", "wins"), [("Immediate", "va"), ("WaitForFirstConsumer", "vb")])
    def test_the_binder_goes_by_modes_first_and_the_scheduler_only_by_size(
        self, kubernetes: str, mode: str, wins: str
    ) -> None:
        sim = settled(
            cluster(kubernetes, nodes=1),
            storage_class("x", provisioner="kubernetes.io/no-provisioner", volumeBindingMode=mode),
            volume("va", storageClassName="x", capacity="{storage: 100Gi}"),
            volume("vb", storageClassName="x", accessModes="[ReadWriteOnce, ReadWriteMany]"),
            claim(storageClassName="x"),
            pod(),
        )
        assert volume_of(sim) == wins
        assert phase(sim, "pod/p") == "Running"


class TestNoClassAndEmptyClass:
    """INC-15: to say nothing of a class is not the same as to say that there is none; templates confuse the two."""

    def with_default_class(self, kubernetes: str, *claims: str) -> volsim.Simulation:
        sim = cluster(kubernetes)
        sim.install_csi_driver(DRIVER)
        return settled(sim, default_class(), *claims)

    def test_the_two_claims_end_in_different_volumes(self, kubernetes: str) -> None:
        claims = claim("none", storageClassName=""), claim("empty", storageClassName='""')
        sim = self.with_default_class(kubernetes, volume(), *claims)
        assert sim.get("pvc/none").spec.storage_class_name == "fast"
        assert sim.get("pvc/empty").spec.storage_class_name == ""
        assert volume_of(sim, "none").startswith("pvc-")
        assert volume_of(sim, "empty") == "v"

    def test_the_empty_class_is_never_provisioned(self, kubernetes: str) -> None:
        sim = self.with_default_class(kubernetes, claim(storageClassName='""'))
        assert never(sim, lambda sim: phase(sim, "pvc/c") != "Pending")
        assert messages(sim, "FailedBinding") == [NO_VOLUME]


class TestTwoDefaultClasses:
    """INC-16: a second default class was refused until 1.25; since then the newest wins. Many pages say otherwise."""

    @pytest.mark.parametrize("kubernetes", ["1.24", "1.25"])
    def test_a_claim_without_a_class_was_refused(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), default_class("sc1"), default_class("sc2"))
        with pytest.raises(volsim.Forbidden, match="2 default StorageClasses were found"):
            sim.apply(claim(storageClassName=""))
        assert not exists(sim, "pvc/c")

    @pytest.mark.parametrize("kubernetes", ["1.26", "1.36"])
    @pytest.mark.parametrize("first", ["sc1", "sc2"])
    def test_the_newest_wins(self, kubernetes: str, first: str) -> None:
        second = {"sc1": "sc2", "sc2": "sc1"}[first]
        sim = settled(cluster(kubernetes), default_class(first))
        sim.run("1s")
        settled(sim, default_class(second), claim(storageClassName=""))
        assert sim.get("pvc/c").spec.storage_class_name == second

    @pytest.mark.parametrize("kubernetes", ["1.26", "1.36"])
    def test_of_two_equally_new_ones_the_first_by_name_wins(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), default_class("sc2") + default_class("sc1"))
        settled(sim, claim(storageClassName=""))
        assert sim.get("pvc/c").spec.storage_class_name == "sc1"


class TestDefaultClassAfterwards:
    """INC-17: the class was decided when the claim was created, until 1.25; now the default class may come later."""

    @pytest.mark.parametrize(
        ("kubernetes", "given"), [("1.24", False), ("1.25", False), ("1.26", True), ("1.28", True), ("1.36", True)]
    )
    def test_a_claim_that_said_nothing_gets_the_class_and_one_that_said_none_does_not(
        self, kubernetes: str, given: bool
    ) -> None:
        sim = cluster(kubernetes)
        sim.install_csi_driver(DRIVER)
        settled(sim, claim("none", storageClassName=""), claim("empty", storageClassName='""'))
        assert sim.get("pvc/none").spec.storage_class_name is None
        sim.run("1h")
        sim.apply(default_class())
        sim.run("15s")
        assert sim.get("pvc/none").spec.storage_class_name == ("fast" if given else None)
        sim.run("1d")
        assert phase(sim, "pvc/none") == ("Bound" if given else "Pending")
        assert (sim.get("pvc/empty").spec.storage_class_name, phase(sim, "pvc/empty")) == ("", "Pending")

    def test_a_volume_without_a_class_is_taken_first(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), claim(storageClassName=""))
        settled(sim, volume(), default_class())
        assert volume_of(sim) == "v"
        assert sim.get("pvc/c").spec.storage_class_name is None


class TestExpansion:
    """INC-18: a claim grows, under conditions, and never shrinks; "edit the YAML back" does not work."""

    def ask(self, sim: volsim.Simulation, size: str, name: str = "c") -> None:
        sim.patch(f"pvc/{name}", {"spec": {"resources": {"requests": {"storage": size}}}})

    def expandable(self, kubernetes: str, **fields: str) -> volsim.Simulation:
        sim = cluster(kubernetes, nodes=1)
        sim.install_csi_driver(DRIVER, resizer=True)
        return settled(
            sim,
            storage_class(allowVolumeExpansion="true", **fields),
            claim(size="10Gi", storageClassName="fast"),
        )

    def sizes(self, sim: volsim.Simulation) -> tuple[str, str]:
        """What the volume says, and what the claim says that it has."""
        has = sim.get("pvc/c").status.capacity["storage"]
        return str(sim.get(f"pv/{volume_of(sim)}").spec.capacity["storage"]), str(has)

    def test_it_cannot_ask_for_less_than_it_has(self, kubernetes: str) -> None:
        sim = self.expandable(kubernetes)
        with pytest.raises(volsim.Invalid, match="field can not be less than"):
            self.ask(sim, "5Gi")
        assert str(sim.get("pvc/c").spec.resources.requests["storage"]) == "10Gi"

    def test_it_grows_volume_first(self, kubernetes: str) -> None:
        sim = settled(self.expandable(kubernetes), pod())
        sim.write_file("pod/p", "/data/f", "precious")
        self.ask(sim, "20Gi")
        settled(sim)
        assert self.sizes(sim) == ("20Gi", "20Gi")
        assert sim.read_file("pod/p", "/data/f") == b"precious"

    def test_the_file_system_waits_until_the_volume_is_mounted(self, kubernetes: str) -> None:
        sim = self.expandable(kubernetes, parameters='{nodeExpansion: "true"}')
        self.ask(sim, "20Gi")
        settled(sim)
        assert "FileSystemResizePending" in [each.type for each in sim.get("pvc/c").status.conditions]
        assert messages(sim, "FileSystemResizeRequired") == ["Require file system resize of volume on node"]
        assert self.sizes(sim) == ("20Gi", "10Gi")
        assert never(sim, lambda sim: self.sizes(sim) != ("20Gi", "10Gi"))
        settled(sim, pod())
        assert self.sizes(sim) == ("20Gi", "20Gi")
        assert list(sim.get("pvc/c").status.conditions) == []
        text = f'MountVolume.NodeExpandVolume succeeded for volume "{volume_of(sim)}" node01'
        assert messages(sim, "FileSystemResizeSuccessful") == [text, text], "of the pod and of the claim"

    def test_a_mounted_volume_is_expanded_at_once_and_again(self, kubernetes: str) -> None:
        sim = settled(self.expandable(kubernetes, parameters='{nodeExpansion: "true"}'), pod())
        sim.write_file("pod/p", "/data/f", "precious")
        for size in ("20Gi", "30Gi"):
            self.ask(sim, size)
            settled(sim)
            assert self.sizes(sim) == (size, size)
        assert dict(sim.get(f"pv/{volume_of(sim)}").metadata.annotations).keys() == {"pv.kubernetes.io/provisioned-by"}
        assert sim.read_file("pod/p", "/data/f") == b"precious"

    @pytest.mark.parametrize(
        ("kubernetes", "recovers"), [("1.24", False), ("1.31", False), ("1.32", True), ("1.34", True), ("1.36", True)]
    )
    def test_after_a_failure_a_smaller_request_recovers_by_version(self, kubernetes: str, recovers: bool) -> None:
        sim = self.expandable(kubernetes, parameters='{maxSize: "16Gi"}')
        self.ask(sim, "20Gi")
        settled(sim)
        assert self.sizes(sim) == ("10Gi", "10Gi")
        if recovers:
            self.ask(sim, "15Gi")
            settled(sim)
            assert self.sizes(sim) == ("15Gi", "15Gi")
            with pytest.raises(volsim.Invalid, match=r"field can not be less than status\.capacity"):
                self.ask(sim, "14Gi")
        else:
            with pytest.raises(volsim.Invalid, match="field can not be less than previous value"):
                self.ask(sim, "15Gi")

    def test_a_claim_whose_class_does_not_exist_cannot_grow(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes), volume(), claim())
        with pytest.raises(volsim.Forbidden, match=NOT_DYNAMIC):
            self.ask(sim, "2Gi")

    @pytest.mark.parametrize("allowed", [False, True])
    def test_what_counts_is_that_the_class_exists_and_allows_it_not_that_the_volume_was_provisioned(
        self, kubernetes: str, allowed: bool
    ) -> None:
        sim = settled(
            cluster(kubernetes),
            storage_class("x", allowVolumeExpansion=str(allowed).lower()),
            volume(storageClassName="x"),
            claim(storageClassName="x"),
        )
        if allowed:
            self.ask(sim, "2Gi")
        else:
            with pytest.raises(volsim.Forbidden, match=NOT_DYNAMIC):
                self.ask(sim, "2Gi")

    def test_a_claim_that_is_not_bound_cannot_grow(self, kubernetes: str) -> None:
        # Admission has words of its own for this, but validation comes first
        sim = settled(cluster(kubernetes), storage_class("x", allowVolumeExpansion="true"), claim(storageClassName="x"))
        with pytest.raises(volsim.Invalid, match=r"immutable after creation except resources\.requests .*bound claims"):
            self.ask(sim, "2Gi")

    def test_a_volume_whose_capacity_somebody_edited_is_expanded_all_the_same(self, kubernetes: str) -> None:
        # The documents say that no resize happens; external-resizer asks the driver unless only the node is waited for
        sim = self.expandable(kubernetes)
        sim.patch(f"pv/{volume_of(sim)}", {"spec": {"capacity": {"storage": "20Gi"}}})
        settled(sim)
        [disk] = disks(sim)
        assert sim.state.get("backends", disk).capacity == 10 * 1024**3
        self.ask(sim, "20Gi")
        settled(sim)
        assert sim.state.get("backends", disk).capacity == 20 * 1024**3
        assert self.sizes(sim) == ("20Gi", "20Gi")


class TestDeletePolicyOnVolumesMadeByHand:
    """INC-19: a volume that is Failed has lost nothing: nobody could delete its storage."""

    def deleted_claim(self, kubernetes: str, source: str, driver: str = "") -> volsim.Simulation:
        sim = cluster(kubernetes, nodes=1)
        if driver:
            sim.install_csi_driver(driver, attach_required=False)
        settled(sim, volume(source=source, persistentVolumeReclaimPolicy="Delete"), claim(), pod())
        sim.write_file("pod/p", "/data/f", "precious")
        return deleted(sim, "pvc/c", "pod/p")

    def test_a_host_path_outside_of_tmp_is_not_deleted(self, kubernetes: str) -> None:
        sim = self.deleted_claim(kubernetes, "hostPath: {path: /data/x}")
        text = "host_path deleter only supports /tmp/.+ but received provided /data/x"
        found = sim.get("pv/v")
        assert (found.status.phase, found.status.message) == ("Failed", text)
        [event] = [event for event in sim.events if event.reason == "VolumeFailedDelete"]
        assert (event.type, event.message) == ("Warning", text)
        assert never(sim, lambda sim: phase(sim, "pv/v") != "Failed")
        assert sim.host_files("node01")["/data/x/f"] == b"precious"

    def test_a_host_path_in_tmp_is_deleted(self, kubernetes: str) -> None:
        sim = self.deleted_claim(kubernetes, "hostPath: {path: /tmp/x}")
        assert not exists(sim, "pv/v")
        assert not [path for path in sim.host_files("node01") if path.startswith("/tmp/x")]

    def test_it_is_deleted_on_the_machine_of_the_controller_manager_only(self, kubernetes: str) -> None:
        control_plane = manifest("v1", "Node", "boss", labels='{node-role.kubernetes.io/control-plane: ""}')
        sim = volsim.Simulation(nodes=[control_plane, "worker"], kubernetes=kubernetes)
        source = "hostPath: {path: /tmp/x}"
        settled(sim, volume(source=source, persistentVolumeReclaimPolicy="Delete"), claim(), pod(nodeName="worker"))
        settled(sim, reader(source, "boss"))
        sim.write_file("pod/p", "/data/f", "precious")
        sim.write_file("pod/reader", "/data/f", "the control plane's own")
        deleted(sim, "pod/p", "pod/reader", "pvc/c")
        assert not exists(sim, "pv/v")
        assert sim.host_files("worker")["/tmp/x/f"] == b"precious"
        assert "/tmp/x/f" not in sim.host_files("boss")

    def test_an_export_cannot_be_deleted(self, kubernetes: str) -> None:
        sim = self.deleted_claim(kubernetes, "nfs: {server: nas, path: /v}")
        assert phase(sim, "pv/v") == "Failed"
        [text] = messages(sim, "VolumeFailedDelete")
        assert text.lower() == 'error getting deleter volume plugin for volume "v": no deletable volume plugin matched'
        assert bytes_on_export(sim) == b"precious"

    def test_a_csi_volume_whose_driver_is_absent_stays_released(self, kubernetes: str) -> None:
        source = f"csi: {{driver: {DRIVER}, volumeHandle: disk}}"
        sim = settled(cluster(kubernetes), volume(source=source, persistentVolumeReclaimPolicy="Delete"), claim())
        deleted(sim, "pvc/c")
        assert never(sim, lambda sim: phase(sim, "pv/v") != "Released")
        assert messages(sim, "VolumeFailedDelete") == []


class TestNamespaceDeletion:
    """INC-20: volumes are no part of a namespace, but their claims are: with the policy Delete the data goes too."""

    def team(self, kubernetes: str, **fields: str) -> volsim.Simulation:
        """Namespace team with claim c, for which a volume was made, and pod p that uses it."""
        sim = cluster(kubernetes, nodes=2)
        sim.install_csi_driver(DRIVER)
        settled(sim, manifest("v1", "Namespace", "team"), storage_class(**fields))
        settled(sim, claim(namespace="team", storageClassName="fast"), pod(namespace="team"))
        assert phase(sim, "pod/p", "team") == "Running"
        return sim

    def test_everything_goes_and_with_delete_the_data_too(self, kubernetes: str) -> None:
        sim = self.team(kubernetes)
        name = volume_of(sim, "c", "team")
        deleted(sim, "ns/team")
        assert [exists(sim, ref, "team") for ref in ("ns/team", "pod/p", "pvc/c", f"pv/{name}")] == [False] * 4
        assert disks(sim) == []

    def test_with_retain_the_volume_is_released_and_refers_to_a_namespace_that_is_gone(self, kubernetes: str) -> None:
        sim = self.team(kubernetes, reclaimPolicy="Retain")
        name = volume_of(sim, "c", "team")
        deleted(sim, "ns/team")
        assert not exists(sim, "ns/team")
        assert (phase(sim, f"pv/{name}"), sim.get(f"pv/{name}").spec.claim_ref.namespace) == ("Released", "team")
        assert len(disks(sim)) == 1

    def test_a_pod_on_a_dead_node_keeps_the_namespace_and_the_claim_for_ever(self, kubernetes: str) -> None:
        sim = self.team(kubernetes)
        name = volume_of(sim, "c", "team")
        sim.fail_node(sim.get("pod/p", "team").spec.node_name)
        sim.run("10m")
        sim.delete("ns/team")
        assert never(sim, lambda sim: not exists(sim, "pod/p", "team") or phase(sim, f"pv/{name}") != "Bound")
        assert phase(sim, "ns/team") == "Terminating"
        sim.delete("pod/p", "team", force=True)
        settled(sim)
        assert not exists(sim, "ns/team")

    def test_a_finalizer_that_nobody_takes_away_keeps_the_namespace(self, kubernetes: str) -> None:
        sim = self.team(kubernetes)
        sim.patch("pvc/c", {"metadata": {"finalizers": ["example.com/backup"]}}, "team")
        sim.delete("ns/team")
        assert never(sim, lambda sim: not exists(sim, "pvc/c", "team"))
        assert phase(sim, "ns/team") == "Terminating"
        assert not exists(sim, "pod/p", "team")

    @pytest.mark.parametrize(
        ("kubernetes", "ordered"), [("1.24", False), ("1.32", False), ("1.33", True), ("1.36", True)]
    )
    def test_pods_go_before_claims_since_1_33(self, kubernetes: str, ordered: bool) -> None:
        sim = self.team(kubernetes)
        sim.fail_node(sim.get("pod/p", "team").spec.node_name)  # nobody is there to end the pod
        sim.delete("ns/team")
        sim.run("30s")
        assert is_terminating(sim, "pod/p", "team")
        assert is_terminating(sim, "pvc/c", "team") != ordered


class TestRecycle:
    """INC-20b: Recycle is an `rm -rf` in a pod, not an erasure that asks: the data is gone and the volume free."""

    @pytest.mark.parametrize("source", ["nfs: {server: nas, path: /v}", "hostPath: {path: /mnt/v}"])
    def test_the_directory_is_emptied_and_the_volume_available(self, kubernetes: str, source: str) -> None:
        sim = settled(
            cluster(kubernetes, nodes=1), volume(source=source, persistentVolumeReclaimPolicy="Recycle"), claim(), pod()
        )
        sim.write_file("pod/p", "/data/f", "precious")
        sim.write_file("pod/p", "/data/.hidden", "precious too")
        deleted(sim, "pod/p", "pvc/c")
        assert phase(sim, "pv/v") == "Available"
        assert sim.get("pv/v").spec.claim_ref is None
        assert messages(sim, "VolumeRecycled") == ["Volume recycled"]
        assert messages(sim, "RecyclerPod")
        assert not exists(sim, "pod/recycler-for-v")
        settled(sim, reader(source))
        for name in ("f", ".hidden"):
            assert not has_file(sim, "pod/reader", f"/data/{name}")

    def test_a_reservation_made_by_hand_keeps_its_name(self, kubernetes: str) -> None:
        reserved = volume(persistentVolumeReclaimPolicy="Recycle", claimRef="{namespace: default, name: c}")
        sim = deleted(settled(cluster(kubernetes, nodes=1), reserved, claim()), "pvc/c")
        ref = sim.get("pv/v").spec.claim_ref
        assert phase(sim, "pv/v") == "Available"
        assert (ref.name, ref.uid) == ("c", None)

    def test_it_waits_for_a_pod_that_still_uses_it(self, kubernetes: str) -> None:
        sim = settled(cluster(kubernetes, nodes=1), volume(persistentVolumeReclaimPolicy="Recycle"), claim(), pod())
        sim.write_file("pod/p", "/data/f", "precious")
        sim.delete("pvc/c")
        sim.patch("pvc/c", FORCE)
        settled(sim)
        assert messages(sim, "VolumeFailedRecycle") == ["Volume is used by pods: default/p"]
        assert phase(sim, "pv/v") == "Released"
        assert sim.read_file("pod/p", "/data/f") == b"precious"
        deleted(sim, "pod/p")
        assert phase(sim, "pv/v") == "Available"

    def test_other_volumes_cannot_be_recycled(self, kubernetes: str) -> None:
        source = f"csi: {{driver: {DRIVER}, volumeHandle: disk}}"
        sim = settled(cluster(kubernetes), volume(source=source, persistentVolumeReclaimPolicy="Recycle"), claim())
        deleted(sim, "pvc/c")
        assert phase(sim, "pv/v") == "Failed"
        assert messages(sim, "VolumeFailedRecycle") == ["No recycler plugin found for the volume!"]

    @pytest.mark.parametrize(
        ("source", "size", "seconds"),
        [
            ("nfs: {server: nas, path: /v}", "1Gi", 300),
            ("nfs: {server: nas, path: /v}", "20Gi", 600),
            ("hostPath: {path: /mnt/v}", "1Gi", 60),
            ("hostPath: {path: /mnt/v}", "20Gi", 600),
        ],
    )
    def test_how_long_the_pod_may_take_depends_on_the_size(
        self, kubernetes: str, source: str, size: str, seconds: int
    ) -> None:
        recycled = volume(source=source, capacity=f"{{storage: {size}}}", persistentVolumeReclaimPolicy="Recycle")
        sim = deleted(settled(cluster(kubernetes), recycled, claim()), "pvc/c")
        assert sim.get("pod/recycler-for-v").spec.active_deadline_seconds == seconds


class TestOrderOfDeletion:
    """INC-20c: of a claim and a volume that are deleted at once, either may go first; files have no order here."""

    @pytest.mark.parametrize(
        ("kubernetes", "can_leak"), [("1.24", True), ("1.30", True), ("1.31", False), ("1.36", False)]
    )
    def test_whatever_goes_first_the_disk_is_freed_where_the_policy_is_honoured(
        self, kubernetes: str, can_leak: bool
    ) -> None:
        sim = provisioned(kubernetes)
        name, [disk] = volume_of(sim), disks(sim)
        sim.delete("pvc/c")
        sim.delete(f"pv/{name}")
        found = search(sim.state, sim.engine)
        assert found.complete
        ends = [found.state(found.path(number)) for number in found.terminal]
        assert not any(
            end.persistent_volumes.get(name) or end.persistent_volume_claims.get("default/c") for end in ends
        )
        assert any(end.get("backends", disk) for end in ends) == can_leak

    def test_a_claim_whose_volume_was_forced_away_is_lost_until_it_goes_itself(self, kubernetes: str) -> None:
        sim = bound(kubernetes)
        sim.delete("pvc/c")
        sim.delete("pv/v")
        sim.patch("pv/v", FORCE)
        settled(sim)
        assert phase(sim, "pvc/c") == "Lost"
        deleted(sim, "pod/p")
        assert not exists(sim, "pvc/c")
        assert bytes_on_export(sim) == b"precious"
