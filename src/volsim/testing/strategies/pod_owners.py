"""Strategies for what makes pods, and for the other objects that stand around them.

The pods of a workload carry the label ``app`` with the workload's name, which its selector asks for.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from volsim.objects import (
    ConfigMap,
    DaemonSet,
    DaemonSetSpec,
    Deployment,
    DeploymentSpec,
    DeploymentStrategy,
    Job,
    JobSpec,
    LabelSelector,
    Namespace,
    ObjectMeta,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    Pod,
    PodDisruptionBudget,
    PodDisruptionBudgetSpec,
    PodTemplateSpec,
    Secret,
    StatefulSet,
    StatefulSetSpec,
    VolumeResourceRequirements,
)
from volsim.testing.strategies import api_objects
from volsim.testing.strategies.api_objects import metas, one_of

__all__ = [
    "WORKLOADS",
    "config_maps",
    "daemon_sets",
    "deployments",
    "disruption_budgets",
    "jobs",
    "namespaces",
    "secrets",
    "stateful_sets",
    "workloads",
]

WORKLOADS = ("app1", "app2")
_REPLICAS = (1, 2, 3, 0)


def _template(pod: Pod, name: str, policy: str | None = None) -> PodTemplateSpec:
    """A template that makes such pods for the workload `name`."""
    return PodTemplateSpec(metadata=ObjectMeta(labels={"app": name}), spec=pod.spec.replace(restart_policy=policy))


def _selector(name: str) -> LabelSelector:
    return LabelSelector(match_labels={"app": name})


def _meta(name: str) -> ObjectMeta:
    return ObjectMeta(name=name, namespace="default")


def _deployment(name: str, pod: Pod, replicas: int, strategy: str | None) -> Deployment:
    spec = DeploymentSpec(
        replicas=replicas,
        selector=_selector(name),
        template=_template(pod, name),
        strategy=None if strategy is None else DeploymentStrategy(type=strategy),
    )
    return Deployment(metadata=_meta(name), spec=spec)


def deployments(
    *,
    names: SearchStrategy[str] | None = None,
    claim_names: SearchStrategy[str] | None = None,
    max_volumes: int = 1,
) -> SearchStrategy[Deployment]:
    """Deployments of up to three pods, which share their claims; some replace all pods at once.

    Shrinks to a Deployment app1 of one pod without volumes.
    """
    return st.builds(
        _deployment,
        one_of(names, WORKLOADS),
        api_objects.pods(claim_names=claim_names, max_volumes=max_volumes),
        st.sampled_from(_REPLICAS),
        st.sampled_from([None, "Recreate"]),
    )


def _stateful_set(name: str, pod: Pod, replicas: int, claim: PersistentVolumeClaim | None) -> StatefulSet:
    spec = StatefulSetSpec(
        replicas=replicas,
        service_name=name,
        selector=_selector(name),
        template=_template(pod, name),
        volume_claim_templates=() if claim is None else (claim,),
    )
    return StatefulSet(metadata=_meta(name), spec=spec)


def _claim_template(storage_class: str, size: Any) -> PersistentVolumeClaim:
    spec = PersistentVolumeClaimSpec(
        access_modes=("ReadWriteOnce",),
        storage_class_name=storage_class,
        resources=VolumeResourceRequirements(requests={"storage": size}),
    )
    return PersistentVolumeClaim(metadata=ObjectMeta(name="own"), spec=spec)


def stateful_sets(
    *,
    names: SearchStrategy[str] | None = None,
    claim_names: SearchStrategy[str] | None = None,
    classes: SearchStrategy[str] | None = None,
) -> SearchStrategy[StatefulSet]:
    """StatefulSets of up to three pods; with a claim for each pod, one for all, or none.

    Shrinks to a StatefulSet app1 of one pod without volumes.
    """
    template = st.builds(_claim_template, one_of(classes, ("", *api_objects.CLASSES)), api_objects.sizes())
    return st.builds(
        _stateful_set,
        one_of(names, WORKLOADS),
        api_objects.pods(claim_names=claim_names, max_volumes=1),
        st.sampled_from(_REPLICAS),
        st.none() | template,
    )


def _daemon_set(name: str, pod: Pod) -> DaemonSet:
    spec = DaemonSetSpec(selector=_selector(name), template=_template(pod, name))
    return DaemonSet(metadata=_meta(name), spec=spec)


def daemon_sets(
    *, names: SearchStrategy[str] | None = None, claim_names: SearchStrategy[str] | None = None
) -> SearchStrategy[DaemonSet]:
    """DaemonSets: the same pod on every node, so that a ReadWriteOnce claim of theirs is fought for.

    Shrinks to a DaemonSet app1 without volumes.
    """
    template = api_objects.pods(claim_names=claim_names, max_volumes=1)
    return st.builds(_daemon_set, one_of(names, WORKLOADS), template)


def _job(name: str, pod: Pod, completions: int, policy: str) -> Job:
    template = PodTemplateSpec(spec=pod.spec.replace(restart_policy=policy))
    return Job(metadata=_meta(name), spec=JobSpec(completions=completions, template=template))


def jobs(
    *, names: SearchStrategy[str] | None = None, claim_names: SearchStrategy[str] | None = None
) -> SearchStrategy[Job]:
    """Jobs whose pods serve for ever unless somebody ends them.

    Shrinks to a Job app1 of one pod without volumes.
    """
    template = api_objects.pods(claim_names=claim_names, max_volumes=1)
    policies = st.sampled_from(["Never", "OnFailure"])
    return st.builds(_job, one_of(names, WORKLOADS), template, st.sampled_from([1, 2]), policies)


def workloads(
    *, names: SearchStrategy[str] | None = None, claim_names: SearchStrategy[str] | None = None
) -> SearchStrategy[Deployment | StatefulSet | DaemonSet | Job]:
    """Whatever makes pods: Deployments, StatefulSets, DaemonSets, Jobs.

    Shrinks to a Deployment app1 of one pod without volumes.
    """
    return st.one_of(
        deployments(names=names, claim_names=claim_names),
        stateful_sets(names=names, claim_names=claim_names),
        daemon_sets(names=names, claim_names=claim_names),
        jobs(names=names, claim_names=claim_names),
    )


# -- what stands around ------------------------------------------------------------------------------------------------
def namespaces(*, names: SearchStrategy[str] | None = None) -> SearchStrategy[Namespace]:
    """Namespaces. Shrinks to team1."""
    return st.builds(Namespace, metadata=metas(one_of(names, ("team1", "team2"))))


def config_maps(*, names: SearchStrategy[str] | None = None) -> SearchStrategy[ConfigMap]:
    """ConfigMaps of up to two small files. Shrinks to an empty one, settings."""
    metadata = metas(one_of(names, ("settings", "texts")), namespace=st.just("default"))
    data = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["", "1", "one\n"]), max_size=2)
    return st.builds(ConfigMap, metadata=metadata, data=data)


def secrets(*, names: SearchStrategy[str] | None = None) -> SearchStrategy[Secret]:
    """Secrets of up to two small files, given as text. Shrinks to an empty one, password."""
    metadata = metas(one_of(names, ("password", "token")), namespace=st.just("default"))
    data = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "one"]), max_size=2)
    return st.builds(Secret, metadata=metadata, string_data=data)


def _budget(name: str, least: int | str) -> PodDisruptionBudget:
    spec = PodDisruptionBudgetSpec(selector=_selector(name), min_available=least)
    return PodDisruptionBudget(metadata=_meta(name), spec=spec)


def disruption_budgets(*, names: SearchStrategy[str] | None = None) -> SearchStrategy[PodDisruptionBudget]:
    """PodDisruptionBudgets for the workload of the same name. Shrinks to one that asks for one pod."""
    return st.builds(_budget, one_of(names, WORKLOADS), st.sampled_from([1, 0, 2, "50%"]))
