"""Exercise: write the choice of the binder, and pass the cases of the real one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from volsim.control.contract import NOTHING, Choose, Outcome
from volsim.control.persistent_volume import binder
from volsim.engine.cluster import default_engine
from volsim.engine.perform import Engine
from volsim.exercises.exercise import Case, Exercise
from volsim.exercises.given import Manifest, claim, volume
from volsim.objects import PersistentVolume, PersistentVolumeClaim
from volsim.objects.binding import BIND_COMPLETED
from volsim.state import View

__all__ = ["EXERCISE", "engine_with"]

Choice = Callable[[PersistentVolumeClaim, Sequence[PersistentVolume]], str | None]


def engine_with(choose: Choice) -> Engine:
    """All true controllers, but the binder asks `choose` which volume a claim that names none is to get."""

    def sync(view: View, key: str) -> Outcome | Choose:
        found = view.persistent_volume_claims.get(key)
        if found is None or found.spec.volume_name or BIND_COMPLETED in found.metadata.annotations:
            return binder.sync(view, key)
        name = choose(found, list(view.persistent_volumes.values()))
        return NOTHING if name is None else binder.bind(view, view.persistent_volumes[name], found)

    return default_engine().replacing("pv-binder", sync=sync)


def _bound(clusters: Callable[..., Any], engine: Engine | None, manifests: Sequence[Manifest]) -> str | None:
    """What the claim `mine` gets; the other manifests are there before it."""
    sim = clusters(*manifests[:-1], nodes=0, engine=engine)
    sim.run("1m")
    sim.apply(manifests[-1])
    sim.run("1m")
    bound: Any = sim.get("pvc/mine").spec.volume_name
    return None if bound is None else str(bound)


def _as_the_truth(*manifests: Manifest) -> Callable[[Choice, Callable[..., Any]], None]:
    def check(choose: Choice, clusters: Callable[..., Any]) -> None:
        mine, truth = _bound(clusters, engine_with(choose), manifests), _bound(clusters, None, manifests)
        assert mine == truth, f"Kubernetes binds the claim to {truth or 'nothing'}, yours to {mine or 'nothing'}"

    return check


def _with(manifest: Manifest, **spec: Any) -> Manifest:
    return {**manifest, "spec": {**manifest["spec"], **spec}}


def _labelled(manifest: Manifest, **labels: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "labels": labels}}


_MINE = claim("mine", "2Gi")
_MANY = ("ReadWriteOnce", "ReadWriteMany")
_RESERVED = {"kind": "PersistentVolumeClaim", "namespace": "default", "name": "mine"}
_CASES = {
    "large-enough": ("a volume that is too small is left alone", (volume("v", "1Gi"), _MINE)),
    "smallest": ("the smallest one that fits", (volume("a", "5Gi"), volume("b", "2Gi"), volume("c", "3Gi"), _MINE)),
    "class": (
        "only volumes of the claim's class",
        (volume("a", "2Gi", storage_class="fast"), volume("b", "5Gi"), _MINE),
    ),
    "modes": ("only volumes with all modes that are asked for", (volume("a", "2Gi", modes=("ReadOnlyMany",)), _MINE)),
    "more-modes": ("a volume may have more modes than asked for", (volume("a", "2Gi", modes=_MANY), _MINE)),
    "fewest-modes": (
        "a larger volume with no more modes than asked for goes before a smaller one with more",
        (volume("a", "2Gi", modes=_MANY), volume("b", "5Gi"), _MINE),
    ),
    "taken": ("a volume that another claim has is not free", (volume("a", "2Gi"), claim("other", "2Gi"), _MINE)),
    "reserved-for-me": (
        "a volume that is reserved for the claim goes before a better one",
        (volume("a", "2Gi"), _with(volume("b", "5Gi"), claimRef=_RESERVED), _MINE),
    ),
    "reserved-for-another": (
        "a volume that is reserved for another claim is left alone",
        (_with(volume("a", "2Gi"), claimRef={**_RESERVED, "name": "other"}), volume("b", "5Gi"), _MINE),
    ),
    "selector": (
        "a selector asks for labels",
        (
            volume("a", "2Gi"),
            _labelled(volume("b", "5Gi"), disk="ssd"),
            _with(_MINE, selector={"matchLabels": {"disk": "ssd"}}),
        ),
    ),
    "volume-mode": (
        "a block device is no file system",
        (_with(volume("a", "2Gi"), volumeMode="Block"), volume("b", "5Gi"), _MINE),
    ),
}

EXERCISE = Exercise(
    name="your-own-binder",
    title="Write your own binder",
    minutes=60,
    goal=(
        "What the binder looks at, and in which order: reservation, class, modes, size, selector, mode of the "
        "volume, and among those that fit the fewest access modes before the smallest size."
    ),
    story=(
        "A colleague wrote a script that binds claims to volumes, 'in twenty lines, it is only a loop'. It "
        "ran for a year. Then two claims had the same volume, a database got a volume of another class, and a "
        "claim with a selector got what it had asked not to get."
    ),
    task=(
        "Write choose(claim, volumes): the name of the volume that a claim gets which names none, or None. It "
        "stands where the real binder's choice was, and has to do as that one does in all cases."
    ),
    hints=(
        (
            "Objects have the API's fields in snake_case: claim.spec.resources.requests['storage'], "
            "volume.spec.capacity['storage'], volume.status.phase, volume.spec.claim_ref."
        ),
        (
            "A free volume has the phase Available and no claim_ref. A volume whose claim_ref names the claim "
            "(name and namespace) is reserved for it, and comes before all others."
        ),
        ("Sort what fits by (len(access_modes), size): first the number of modes, then the size."),
    ),
    cases=tuple(Case(name=name, title=title, check=_as_the_truth(*case)) for name, (title, case) in _CASES.items()),
    defines="choose",
)
