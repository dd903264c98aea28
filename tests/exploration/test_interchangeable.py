"""Volumes, claims and pods that are alike are swapped for each other, unless somebody goes by their names."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import volsim
from tests.exploration.clusters import claim, cluster, pod, volume
from volsim import properties
from volsim.exploration import ALL_REDUCTIONS, Reduction
from volsim.exploration.interchangeable import interchangeable

APART = ALL_REDUCTIONS - {Reduction.SYMMETRY}


def of_each(volumes: int, claims: int, pods: int = 0, nodes: int = 0) -> volsim.Simulation:
    return cluster(
        *(volume(f"v-{number}") for number in range(volumes)),
        *(claim(f"c-{number}") for number in range(claims)),
        *(pod(f"p-{number}", f"c-{number}") for number in range(pods)),
        nodes=nodes,
    )


def test_those_that_are_alike_are() -> None:
    assert interchangeable(of_each(2, 2).state) == {"v-0", "v-1", "c-0", "c-1"}
    assert interchangeable(of_each(1, 1, 1, 1).state) == {"node01"}


def test_one_that_is_larger_or_labelled_is_not() -> None:
    large, labelled = volume("large"), claim("labelled")
    large["spec"]["capacity"]["storage"] = "5Gi"
    labelled["metadata"]["labels"] = {"for": "somebody"}
    sim = cluster(volume("v-0"), volume("v-1"), large, claim("c-0"), labelled)
    assert interchangeable(sim.state) == {"v-0", "v-1"}


def test_pods_that_use_what_is_alike_are_alike() -> None:
    assert {"p-0", "p-1"} <= interchangeable(of_each(2, 2, 2, 1).state)


def test_pods_and_claims_of_a_stateful_set_have_numbers() -> None:
    container = {"name": "c", "image": "nginx", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [container]}}
    wanted = {"metadata": {"name": "data"}, "spec": claim("data")["spec"]}
    stateful_set = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "replicas": 2,
            "serviceName": "db",
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": "db"}},
            "template": template,
            "volumeClaimTemplates": [wanted],
        },
    }
    sim = cluster(stateful_set, claim("data-db-7"), claim("data-db-8"), nodes=1)
    sim.settle()
    assert interchangeable(sim.state) == {"node01"}


# -- what is left out, and what is not ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "apart", "together"), [(2, (40, 65, 2), (17, 32, 1)), (3, (316, 727, 6), (34, 105, 1))]
)
def test_what_n_volumes_and_n_claims_come_to(
    number: int, apart: tuple[int, int, int], together: tuple[int, int, int]
) -> None:
    """Whom each claim gets is n! ways, all of them one."""
    for reductions, counts in ((APART, apart), (ALL_REDUCTIONS, together)):
        found = volsim.explore(of_each(number, number), reductions=reductions).explored
        assert (found.states, found.transitions, len(found.terminal)) == counts


def claim_gets(name: str, bound_to: str) -> properties.Property:
    return properties.sometimes(
        f"{name} gets {bound_to}", lambda sim: sim.get(f"pvc/{name}").spec.volume_name == bound_to
    )


def test_who_asks_by_name_gets_an_answer_for_each() -> None:
    asked = [claim_gets(f"c-{one}", f"v-{other}") for one in range(2) for other in range(2)]
    assert volsim.explore(of_each(2, 2), properties=asked).ok


@pytest.mark.parametrize("first", [0, 1])
def test_who_asks_by_order_gets_an_answer_for_each(first: int) -> None:
    def holds(sim: volsim.Simulation) -> bool:
        claims, volumes = sim.list("pvc"), sim.list("pv")
        return bool(claims[0].spec.volume_name == volumes[first].name)

    assert volsim.explore(of_each(2, 2), properties=[properties.sometimes("the first one gets it", holds)]).ok


PROPERTIES: list[Callable[[], properties.Property]] = [
    properties.one_to_one,
    lambda: properties.eventually("all are bound", lambda sim: all(each.spec.volume_name for each in sim.list("pvc"))),
    lambda: properties.always("one waits", lambda sim: not all(each.spec.volume_name for each in sim.list("pvc"))),
    lambda: properties.eventually(
        "all run", lambda sim: all(each.status.phase == "Running" for each in sim.list("pods"))
    ),
]


@pytest.mark.parametrize("make", PROPERTIES)
@pytest.mark.parametrize("sizes", [(2, 2, 0, 0), (1, 2, 0, 0), (2, 1, 1, 1), (2, 2, 2, 2), (1, 2, 2, 2)])
def test_verdicts_are_the_same(make: Callable[[], properties.Property], sizes: tuple[int, int, int, int]) -> None:
    start = of_each(*sizes)
    apart = volsim.explore(start, properties=[make()], reductions=APART)
    together = volsim.explore(start, properties=[make()])
    assert together.complete
    assert together.verdict is apart.verdict
    assert together.states <= apart.states
