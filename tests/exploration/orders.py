"""Of every incident of the catalogue: does an order, a choice or an instant decide its outcome, and which tests say so?

*Found*: exploring finds the bad state, with a shortest story. *Absent*: exploring shows that it cannot come about, with
another version, another setting, or at all. The others come out the same in whatever order things happen; their
replays (`tests/incidents`) follow one path.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BY_ORDER", "NOT_BY_ORDER", "ByOrder"]


class ByOrder(NamedTuple):
    """An incident that an order decides."""

    found: str
    """What comes about in some order; empty if nothing bad can."""
    absent: str
    """Where it cannot come about."""
    tests: tuple[str, ...]


BY_ORDER = {
    "02": ByOrder(
        "without its claimRef a volume goes to whoever looks first",
        "if only the uid is taken away",
        ("test_whoever_looks_first_gets_a_volume_without_a_claim_ref",),
    ),
    "03": ByOrder(
        "a pod that comes after the deletion waits for ever",
        "the claim of a pod that uses it is never taken away",
        ("test_a_pod_that_comes_after_its_claim_is_deleted_waits_for_ever",),
    ),
    "06": ByOrder(
        "the volume is deleted before the claim: the disk is left",
        "from 1.31 on",
        (
            "test_whoever_is_deleted_first_decides_whether_the_disk_is_freed",
            "test_the_shortest_way_to_a_disk_that_is_left",
        ),
    ),
    "10": ByOrder(
        "the policy is changed when the disk is gone",
        "before that it is kept",
        ("test_a_policy_is_changed_in_time_or_too_late",),
    ),
    "11": ByOrder(
        "a volumeName reserves nothing",
        "with a claimRef on the volume",
        (
            "test_a_volume_name_alone_reserves_nothing",
            "test_a_claim_ref_reserves_the_volume_in_every_order",
            "test_the_shortest_way_to_a_volume_that_was_not_reserved",
        ),
    ),
    "17": ByOrder(
        "a claim takes the volume or the default class, whichever is there at the resync",
        "until 1.25 a class comes too late in every order",
        ("test_a_volume_and_a_default_class_race_for_a_claim_without_a_class",),
    ),
    "20": ByOrder(
        "",
        "the policy alone decides what is left (that objects go one after the other is not modelled)",
        ("test_a_namespace_takes_the_data_in_every_order_or_in_none",),
    ),
    "20c": ByOrder(
        "as INC-06: the volume first",
        "from 1.31 on",
        (
            "test_whoever_is_deleted_first_decides_whether_the_disk_is_freed",
            "test_the_shortest_way_to_a_disk_that_is_left",
        ),
    ),
    "22": ByOrder(
        "the set has no pod as long as its node is dead",
        "an identity is never there twice, in any order of failure and return",
        ("test_a_set_waits_for_its_dead_node_and_never_has_an_identity_twice",),
    ),
    "23": ByOrder(
        "the replacement waits for the disk for ever",
        "once somebody has deleted the old pod by force",
        ("test_a_disk_stays_on_a_dead_node_until_somebody_acts",),
    ),
    "24": ByOrder(
        "the taint on a node that is only cut off: two write",
        "on a node without power",
        ("test_out_of_service_is_for_machines_that_are_off",),
    ),
    "25": ByOrder(
        "one identity twice: on a node that is cut off, or with a slow kubelet",
        "in waves, if nobody is cut off",
        (
            "test_a_forced_deletion_on_a_node_that_is_cut_off_makes_an_identity_twice",
            "test_a_forced_deletion_does_not_wait_for_the_process_on_a_healthy_node_either",
            "test_the_shortest_way_to_an_identity_twice",
            "test_two_write_one_export_from_both_sides_of_a_cut",
        ),
    ),
    "26": ByOrder(
        "a grace period of 0: one identity twice by a deletion without --force",
        "with any time to go",
        ("test_a_grace_period_of_none_makes_every_deletion_a_forced_one",),
    ),
    "27": ByOrder(
        "a rollout that begins while the old pod cannot go",
        "with RollingUpdate, or without a failure",
        ("test_recreate_waits_for_a_pod_on_a_dead_node",),
    ),
    "28": ByOrder(
        "the node returns before the eviction: the same pod, restarted",
        "a reboot never replaces the pod",
        ("test_when_a_node_returns_decides_whether_its_pod_stays",),
    ),
    "29": ByOrder(
        "the node returns after the eviction: its pod is ended there",
        "a reboot never replaces the pod",
        ("test_when_a_node_returns_decides_whether_its_pod_stays",),
    ),
    "36": ByOrder(
        "the new pod is placed on another node: the rollout stops",
        "on one node, and with Recreate",
        (
            "test_a_rolling_update_stops_where_the_new_pod_is_placed_elsewhere",
            "test_where_the_new_pod_goes_decides_a_rolling_update",
        ),
    ),
    "37": ByOrder(
        "an export is written from both sides of a cut",
        "if the machine is dead, not cut off",
        ("test_two_write_one_export_from_both_sides_of_a_cut",),
    ),
    "39": ByOrder(
        "a rollout stops wherever the new pod would go",
        "",
        ("test_where_the_new_pod_goes_decides_a_rolling_update",),
    ),
    "42": ByOrder(
        "without the timeout the disk never leaves the dead node",
        "with it, it does in every order",
        ("test_without_the_timeout_no_disk_leaves_a_dead_node",),
    ),
    "43": ByOrder(
        "two claims of one pod are bound to volumes of two nodes",
        "with WaitForFirstConsumer",
        ("test_two_claims_of_a_pod_may_be_bound_to_volumes_of_two_nodes",),
    ),
    "46": ByOrder(
        "",
        "whenever the selected Node is deleted, another one is found",
        ("test_a_node_that_is_deleted_after_it_was_selected_is_forgotten_in_every_order",),
    ),
    "47": ByOrder(
        "",
        "pod, claim and volume may come in any order",
        ("test_a_pod_its_claim_and_its_volume_may_come_in_any_order",),
    ),
    "50": ByOrder(
        "the claim goes when the next pod is there already: it waits for ever",
        "in newer versions",
        ("test_a_set_whose_claim_is_deleted_between_its_pods_may_wait_for_ever",),
    ),
    "51": ByOrder(
        "the pod is deleted: its emptyDir is lost",
        "however often its container crashes",
        ("test_an_empty_dir_is_lost_with_its_pod_and_one_in_memory_with_its_boot",),
    ),
    "52": ByOrder(
        "the node is off for so long that the pod is evicted; or a reboot, of an emptyDir in memory",
        "a reboot, of an emptyDir on disk",
        ("test_an_empty_dir_is_lost_with_its_pod_and_one_in_memory_with_its_boot",),
    ),
    "58": ByOrder(
        "the replacement is placed on another node, where the data is not",
        "on one node",
        ("test_a_host_path_is_found_again_where_there_is_one_node",),
    ),
    "66": ByOrder(
        "somebody makes a claim of the same name before the controller does",
        "if nobody else makes claims",
        ("test_a_claim_that_somebody_makes_first_keeps_an_ephemeral_volume_from_its_pod",),
    ),
}

NOT_BY_ORDER = {
    "01": "a Released volume waits for an administrator, whoever looks when",
    "04": "the pod's object counts, whatever has ended when",
    "05": "the protection waits for the phase",
    "07": "the object is gone: one outcome",
    "08": "what the new volume's claimRef says decides",
    "09": "the policy decides, which was copied when the volume was made",
    "12": "nothing is checked, in every order",
    "13": "size is a lower bound",
    "14": "the index decides, of volumes that are all there",
    "15": "the text of the claim decides",
    "16": "the time of creation decides, then the name",
    "18": "each request is answered for itself",
    "19": "what the deleter is asked decides",
    "20b": "one pod wipes one volume",
    "21": "times add up along one path",
    "30": "times add up along one path (what a cut makes of it is INC-25)",
    "31": "how many nodes are silent decides",
    "32": "the tolerations decide",
    "33": "the smallest of the times decides",
    "34": "the kubelet's setting decides",
    "35": "once is once per node",
    "38": "the volume's list of modes decides",
    "40": "what CSINode says decides",
    "41": "no time runs while the node is Ready",
    "44": "nobody selects a node",
    "45": "a claim that names its volume is bound at once",
    "48": "nothing is made for a selector",
    "49": "the data is on one node",
    "53": "the limit decides at the next round of evictions",
    "54": "what lies in memory stays there",
    "55": "a new container has a new layer",
    "56": "a sandbox that is gone decides",
    "57": "requests and priorities decide who is evicted",
    "59": "the path and its type decide",
    "60": "one directory for both",
    "61": "a person removes it",
    "62": "the mount hides the image",
    "63": "how it is mounted decides",
    "64": "claims stay",
    "65": "the API refuses",
    "67": "the flags decide, before any pod goes",
    "68": "files are counted",
    "69": "the mount decides",
    "70": "no controller runs",
}
