"""A model of its own of volumes and claims that bind, and pods that are placed and started, to count situations with.

It knows nothing of volsim: sets of who is to look at what, and who has what. `benchmarks/models/binding.pml` says the
same in Promela, with a comment on each process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["binding"]

Set = frozenset[int]
NOBODY: Set = frozenset()


class Cluster(NamedTuple):
    """Volumes of which each fits each claim, pods of which each uses the claim of its number, and equal nodes."""

    new_volumes: Set
    """Those that pv-phases is to look at; then pv-binder, scheduler and kubelet (before and after the start)."""
    new_claims: Set
    new_pods: Set
    volume_of: tuple[int | None, ...]
    """By claim."""
    node_of: tuple[int | None, ...]
    """By pod."""
    to_start: Set = NOBODY
    to_see: Set = NOBODY
    free: Set = NOBODY
    refused: Set = NOBODY
    young: Set = NOBODY
    """Pods that were placed after the resync."""
    resync_due: bool = False
    later: bool = False


def binding(volumes: int, claims: int, pods: int, nodes: int) -> tuple[int, int, int]:
    """Situations, moves and ends. Claims without a volume have no pod, for that would be tried again and again."""
    assert pods <= claims
    assert claims <= volumes or not pods
    start = Cluster(
        new_volumes=frozenset(range(volumes)),
        new_claims=frozenset(range(claims)),
        new_pods=frozenset(range(pods)),
        volume_of=(None,) * claims,
        node_of=(None,) * pods,
    )
    seen, waiting, moves, ends = {start}, [start], 0, 0
    while waiting:
        found = list(_after(waiting.pop(), nodes))
        moves += len(found)
        ends += not found
        new = set(found) - seen
        seen |= new
        waiting += new
    return len(seen), moves, ends


def _after(now: Cluster, nodes: int) -> Iterator[Cluster]:
    """What may come next, a move for each."""
    yield from _volumes(now)
    yield from _claims(now)
    yield from _pods(now, nodes)
    for pod in now.to_start:
        yield now._replace(to_start=now.to_start - {pod}, to_see=now.to_see | {pod})
    for pod in now.to_see:
        yield now._replace(to_see=now.to_see - {pod})
    if now.resync_due and not (now.new_volumes | now.new_claims | now.new_pods | now.to_start | now.to_see):
        waiting = frozenset(claim for claim, volume in enumerate(now.volume_of) if volume is None)
        yield now._replace(resync_due=False, later=True, new_claims=waiting)


def _volumes(now: Cluster) -> Iterator[Cluster]:
    """A volume is free: claims that wait will hear of it at the resync."""
    for volume in now.new_volumes:
        yield now._replace(new_volumes=now.new_volumes - {volume}, free=now.free | {volume}, resync_due=True)


def _claims(now: Cluster) -> Iterator[Cluster]:
    """A claim takes any free volume; its pod is tried again if it was refused."""
    for claim in now.new_claims:
        looked = now._replace(new_claims=now.new_claims - {claim})
        if not now.free:
            yield looked
        for volume in now.free:
            yield looked._replace(
                free=now.free - {volume},
                volume_of=_with(now.volume_of, claim, volume),
                new_pods=now.new_pods | (now.refused & {claim}),
            )


def _pods(now: Cluster, nodes: int) -> Iterator[Cluster]:
    """A pod whose claim is bound is placed on any of the nodes that have the fewest pods."""
    for pod in now.new_pods:
        looked = now._replace(new_pods=now.new_pods - {pod})
        if now.volume_of[pod] is None:
            yield looked._replace(refused=now.refused | {pod})
            continue
        fewest = min(now.node_of.count(node) for node in range(nodes))
        for node in range(nodes):
            if now.node_of.count(node) == fewest:
                yield looked._replace(
                    refused=now.refused - {pod},
                    node_of=_with(now.node_of, pod, node),
                    young=now.young | ({pod} if now.later else NOBODY),
                    to_start=now.to_start | {pod},
                )


def _with(row: tuple[int | None, ...], at: int, value: int) -> tuple[int | None, ...]:
    return (*row[:at], value, *row[at + 1 :])
