"""Hypothesis strategies for objects, for whole clusters, and for what can be done to them.

What they make is valid: the API server of the newest version accepts it. It is meant to collide: there are few names,
sizes near to each other, mixed classes and modes, claims that ask for what some volumes have. It shrinks to what reads
best: the first name, the smallest size, no options. What the `invalid_*` strategies make is refused.

Each strategy takes strategies for the names that it uses, so that what is made fits to what else there is.

>>> from hypothesis import given, strategies as st
>>> @given(claims(names=st.just("data"), classes=st.just("fast")))
... def check_that_the_claim_is_as_asked_for(claim):
...     assert (claim.name, claim.spec.storage_class_name) == ("data", "fast")
>>> check_that_the_claim_is_as_asked_for()
"""

from __future__ import annotations

from volsim.testing.strategies.api_objects import (
    CLAIMS,
    CLASSES,
    NODES,
    PODS,
    VOLUMES,
    access_modes,
    claims,
    nodes,
    persistent_volumes,
    pods,
    quantities,
    sizes,
    storage_classes,
)
from volsim.testing.strategies.calls import PAUSES, action_sequences, actions, fault_schedules, faults
from volsim.testing.strategies.invalid import (
    Refused,
    invalid_claims,
    invalid_persistent_volumes,
    invalid_pods,
    invalid_quantities,
    invalid_storage_classes,
    invalid_workloads,
)
from volsim.testing.strategies.pod_owners import (
    config_maps,
    daemon_sets,
    deployments,
    disruption_budgets,
    jobs,
    namespaces,
    secrets,
    stateful_sets,
    workloads,
)
from volsim.testing.strategies.whole import clusters, designs, objects

__all__ = [
    "CLAIMS",
    "CLASSES",
    "NODES",
    "PAUSES",
    "PODS",
    "VOLUMES",
    "Refused",
    "access_modes",
    "action_sequences",
    "actions",
    "claims",
    "clusters",
    "config_maps",
    "daemon_sets",
    "deployments",
    "designs",
    "disruption_budgets",
    "fault_schedules",
    "faults",
    "invalid_claims",
    "invalid_persistent_volumes",
    "invalid_pods",
    "invalid_quantities",
    "invalid_storage_classes",
    "invalid_workloads",
    "jobs",
    "namespaces",
    "nodes",
    "objects",
    "persistent_volumes",
    "pods",
    "quantities",
    "secrets",
    "sizes",
    "stateful_sets",
    "storage_classes",
    "workloads",
]
