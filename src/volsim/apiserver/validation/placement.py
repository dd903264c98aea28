"""Validation of where a pod may run, and of which nodes can reach a volume.

Modelled: node selectors of pods and of PersistentVolumes, pod affinity and anti-affinity, tolerations, topology spread,
and what of them an update may change (tolerations are added, gated pods narrowed).
Source: kube-apiserver, pkg/apis/core/validation/validation.go (ValidateNodeSelector, validateAffinity,
ValidateTolerations, validateTopologySpreadConstraints, validateNodeAffinityMutation).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from volsim.apiserver.validation.fields import Errors, dns_label, dns_name, label_key, label_value, same
from volsim.apiserver.validation.metadata import check_selector, selector_has_wrong_value
from volsim.objects import (
    Affinity,
    LabelSelector,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodAffinityTerm,
    PodSpec,
    Taint,
    Toleration,
    TopologySpreadConstraint,
    WeightedPodAffinityTerm,
)

__all__ = [
    "affinity_has_wrong_value",
    "check_added_tolerations",
    "check_affinity",
    "check_node_affinity_change",
    "check_node_selector",
    "check_spread",
    "check_taints",
    "check_tolerations",
    "node_selector_has_wrong_value",
]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_INT64 = 2**63


# -- node selectors ----------------------------------------------------------------------------------------------------
def check_node_selector(errors: Errors, selector: NodeSelector, field: str, *, any_value: bool = False) -> None:
    """Which nodes are meant. `any_value`: values need not be label values, because those of the old object are not."""
    if not selector.node_selector_terms:
        errors.required(f"{field}.nodeSelectorTerms", "must have at least one node selector term")
    any_value = any_value or not errors.rules.node_affinity_values_checked
    for number, term in enumerate(selector.node_selector_terms):
        _check_term(errors, term, f"{field}.nodeSelectorTerms[{number}]", any_value)


def node_selector_has_wrong_value(selector: NodeSelector | None) -> bool:
    """Whether a node selector names a value that no label can have, as was possible before 1.33."""
    if selector is None:
        return False
    requirements = (each for term in selector.node_selector_terms for each in term.match_expressions)
    return any(label_value(value) for each in requirements for value in each.values)


def _check_term(errors: Errors, term: NodeSelectorTerm, field: str, any_value: bool) -> None:
    for number, each in enumerate(term.match_expressions):
        _check_requirement(errors, each, f"{field}.matchExpressions[{number}]", any_value)
    for number, each in enumerate(term.match_fields):
        _check_field_requirement(errors, each, f"{field}.matchFields[{number}]")


def _check_requirement(errors: Errors, each: NodeSelectorRequirement, field: str, any_value: bool) -> None:
    if each.operator in ("In", "NotIn"):
        if not each.values:
            errors.required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif each.operator in ("Exists", "DoesNotExist"):
        if each.values:
            errors.forbidden(f"{field}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif each.operator in ("Gt", "Lt"):
        if len(each.values) != 1:
            errors.required(f"{field}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        errors.invalid(f"{field}.operator", each.operator or "", "not a valid selector operator")
    errors.check(f"{field}.key", each.key or "", label_key)
    if not any_value:
        for number, value in enumerate(each.values):
            errors.check(f"{field}.values[{number}]", value, label_value)


def _check_field_requirement(errors: Errors, each: NodeSelectorRequirement, field: str) -> None:
    if each.operator not in ("In", "NotIn"):
        errors.invalid(f"{field}.operator", each.operator or "", "not a valid selector operator")
    elif len(each.values) != 1:
        text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.required(f"{field}.values", text)
    if each.key != "metadata.name":
        errors.invalid(f"{field}.key", each.key or "", "not a valid field selector key")
        return
    for number, value in enumerate(each.values):
        errors.check(f"{field}.values[{number}]", value, dns_name)


# -- affinity ----------------------------------------------------------------------------------------------------------
def check_affinity(errors: Errors, affinity: Affinity, field: str, old: Affinity | None = None) -> None:
    """Where a pod must or would like to run; what is wrong in the old one as well is let pass."""
    nodes = affinity.node_affinity
    if nodes is not None:
        _check_node_affinity(errors, nodes, f"{field}.nodeAffinity", old.node_affinity if old is not None else None)
    any_value = affinity_has_wrong_value(old)
    for pods, place in ((affinity.pod_affinity, "podAffinity"), (affinity.pod_anti_affinity, "podAntiAffinity")):
        if pods is None:
            continue
        for number, term in enumerate(pods.required_during_scheduling_ignored_during_execution):
            _check_pod_term(errors, term, f"{field}.{place}.{_REQUIRED}[{number}]", any_value)
        for number, wish in enumerate(pods.preferred_during_scheduling_ignored_during_execution):
            _check_wish(errors, wish, f"{field}.{place}.{_PREFERRED}[{number}]", any_value)


def _check_node_affinity(errors: Errors, nodes: NodeAffinity, field: str, old: NodeAffinity | None) -> None:
    required = nodes.required_during_scheduling_ignored_during_execution
    if required is not None:
        before = old.required_during_scheduling_ignored_during_execution if old is not None else None
        wrong_before = node_selector_has_wrong_value(before)
        check_node_selector(errors, required, f"{field}.{_REQUIRED}", any_value=wrong_before)
    for number, wish in enumerate(nodes.preferred_during_scheduling_ignored_during_execution):
        place = f"{field}.{_PREFERRED}[{number}]"
        _check_weight(errors, wish.weight, place)
        # A wish that no node can meet does no harm: its values may be anything.
        _check_term(errors, wish.preference or NodeSelectorTerm(), f"{place}.preference", any_value=True)


def _check_weight(errors: Errors, weight: int | None, field: str) -> None:
    if not 0 < (weight or 0) <= 100:
        errors.invalid(f"{field}.weight", weight or 0, "must be in the range 1-100")


def _check_wish(errors: Errors, wish: WeightedPodAffinityTerm, field: str, any_value: bool) -> None:
    _check_weight(errors, wish.weight, field)
    _check_pod_term(errors, wish.pod_affinity_term or PodAffinityTerm(), f"{field}.podAffinityTerm", any_value)


def _check_pod_term(errors: Errors, term: PodAffinityTerm, field: str, any_value: bool) -> None:
    name = "labelSelector" if errors.rules.affinity_label_selector_path else "matchExpressions"
    check_selector(errors, term.label_selector, f"{field}.{name}", any_value=any_value)
    check_selector(errors, term.namespace_selector, f"{field}.namespaceSelector", any_value=any_value)
    for namespace in term.namespaces:
        errors.check(f"{field}.namespace", namespace, dns_label)
    if errors.rules.affinity_match_label_keys:
        _check_label_keys(errors, term.match_label_keys, term.mismatch_label_keys, term.label_selector, field)
    if not term.topology_key:
        errors.required(f"{field}.topologyKey", "can not be empty")
    errors.check(f"{field}.topologyKey", term.topology_key or "", label_key)


def _check_label_keys(
    errors: Errors, wanted: Sequence[str], unwanted: Sequence[str], selector: LabelSelector | None, field: str
) -> None:
    """Keys whose values are taken from the pod itself: they stand in no selector and not in both lists."""
    for keys, name in ((wanted, "matchLabelKeys"), (unwanted, "mismatchLabelKeys")):
        if keys and selector is None:
            errors.forbidden(f"{field}.{name}", "must not be specified when labelSelector is not set")
        elif keys:
            for number, key in enumerate(keys):
                errors.check(f"{field}.{name}[{number}]", key, label_key)
    if selector is not None:
        # The server itself has added one expression for each wanted key; a second one is the user's.
        selected = set(selector.match_labels)
        for expression in selector.match_expressions:
            key = expression.key or ""
            if key in selected and key in wanted:
                text = "exists in both matchLabelKeys and labelSelector"
                errors.invalid(f"{field}[{wanted.index(key)}]", key, text)
            selected.add(key)
    for number, key in enumerate(wanted):
        if key in unwanted:
            text = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.invalid(f"{field}.matchLabelKeys[{number}]", key, text)


def affinity_has_wrong_value(affinity: Affinity | None) -> bool:
    """Whether a pod (anti-)affinity selects by a value that no label can have, as was possible before 1.26."""
    if affinity is None:
        return False
    for pods in (affinity.pod_affinity, affinity.pod_anti_affinity):
        if pods is None:
            continue
        wishes = pods.preferred_during_scheduling_ignored_during_execution
        terms = [
            *pods.required_during_scheduling_ignored_during_execution,
            *(wish.pod_affinity_term for wish in wishes if wish.pod_affinity_term is not None),
        ]
        for term in terms:
            if selector_has_wrong_value(term.label_selector) or selector_has_wrong_value(term.namespace_selector):
                return True
    return False


# -- taints and tolerations --------------------------------------------------------------------------------------------
def check_tolerations(errors: Errors, tolerations: Sequence[Toleration], field: str, *, numeric: bool = False) -> None:
    """Taints that a pod can live with. `numeric`: `Gt` and `Lt` are allowed, because the old pod has them."""
    numeric = numeric or errors.rules.taint_toleration_comparison
    for number, each in enumerate(tolerations):
        place = f"{field}[{number}]"
        if each.key:
            errors.check(f"{place}.key", each.key, label_key)
        elif each.operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.invalid(f"{place}.operator", each.operator or "", text)
        if each.toleration_seconds is not None and each.effect != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.invalid(f"{place}.effect", each.effect or "", text)
        _check_tolerated_value(errors, each, place, numeric)
        if each.effect:
            errors.one_of(f"{place}.effect", each.effect, _EFFECTS)


def _check_tolerated_value(errors: Errors, each: Toleration, field: str, numeric: bool) -> None:
    value = each.value or ""
    match each.operator:
        case None | "" | "Equal":
            problems = label_value(value)
            if problems:
                errors.tell(f"{field}.operator", value, (";".join(problems),))
        case "Exists":
            if value:
                given = each if errors.rules.toleration_shown_whole else value
                errors.invalid(f"{field}.operator", given, "value must be empty when `operator` is 'Exists'")
        case "Gt" | "Lt" if numeric:
            _check_number(errors, value, f"{field}.value")
        case "Gt" | "Lt" if errors.rules.numeric_operators_listed:
            errors.not_supported(f"{field}.operator", each.operator, ("Equal", "Exists", "Lt", "Gt"))
        case _:
            errors.not_supported(f"{field}.operator", each.operator, ("Equal", "Exists"))


_DECIMAL = re.compile(r"0|-?[1-9][0-9]*")
_GO_INTEGER = re.compile(r"[+-]?[0-9]+")


def _check_number(errors: Errors, value: str, field: str) -> None:
    """A decimal integer of 64 bits, written without leading zeros and without a plus."""
    if not _DECIMAL.fullmatch(value):
        text = "must be a valid decimal integer in canonical form" if value else "must be non-empty"
        errors.invalid(field, value, text)
    if not _GO_INTEGER.fullmatch(value):
        errors.invalid(field, value, f'strconv.ParseInt: parsing "{value}": invalid syntax')
    elif not -_INT64 <= int(value) < _INT64:
        errors.invalid(field, value, f'strconv.ParseInt: parsing "{value}": value out of range')


def check_added_tolerations(errors: Errors, new: PodSpec, old: PodSpec, field: str) -> None:
    """Tolerations of an update: the old ones stay, but for their `tolerationSeconds`; others may come."""
    untimed = [each.replace(toleration_seconds=None) for each in new.tolerations]
    for each in old.tolerations:
        if not any(same(each.replace(toleration_seconds=None), other) for other in untimed):
            errors.forbidden(field, "existing toleration can not be modified except its tolerationSeconds")
            return
    check_tolerations(errors, new.tolerations, field, numeric=_compares(old))


def _compares(spec: PodSpec) -> bool:
    return any(each.operator in ("Gt", "Lt") for each in spec.tolerations)


def check_taints(errors: Errors, taints: Sequence[Taint], field: str) -> None:
    """Taints of a node: one for each pair of key and effect."""
    seen: set[tuple[str | None, str | None]] = set()
    for number, each in enumerate(taints):
        place = f"{field}[{number}]"
        errors.check(f"{place}.key", each.key or "", label_key)
        problems = label_value(each.value or "")
        if problems:
            errors.tell(f"{place}.value", each.value or "", (";".join(problems),))
        errors.one_of(f"{place}.effect", each.effect, _EFFECTS)
        if (each.key, each.effect) in seen:
            errors.duplicate(place, each, "taints must be unique by key and effect pair")
        seen.add((each.key, each.effect))


# -- topology spread ---------------------------------------------------------------------------------------------------
def check_spread(errors: Errors, constraints: Sequence[TopologySpreadConstraint], field: str) -> None:
    """How evenly pods are to spread."""
    for number, each in enumerate(constraints):
        place = f"{field}[{number}]"
        errors.positive(f"{place}.maxSkew", each.max_skew)
        if not each.topology_key:
            errors.required(f"{place}.topologyKey", "can not be empty")
        if each.when_unsatisfiable not in ("DoNotSchedule", "ScheduleAnyway"):
            allowed = ("DoNotSchedule", "ScheduleAnyway")
            errors.not_supported(f"{place}.whenUnsatisfiable", each.when_unsatisfiable or "", allowed)
        pair = (each.topology_key, each.when_unsatisfiable)
        if any(pair == (other.topology_key, other.when_unsatisfiable) for other in constraints[number + 1 :]):
            errors.duplicate(f"{place}.{{topologyKey, whenUnsatisfiable}}", f"{{{pair[0]}, {pair[1]}}}")
        _check_spread_options(errors, each, place)


def _check_spread_options(errors: Errors, each: TopologySpreadConstraint, field: str) -> None:
    if each.min_domains is not None:
        errors.positive(f"{field}.minDomains", each.min_domains)
        if each.when_unsatisfiable != "DoNotSchedule":
            text = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {each.when_unsatisfiable or ''}"
            errors.invalid(f"{field}.minDomains", each.min_domains, text)
    for policy, name in (
        (each.node_affinity_policy, "nodeAffinityPolicy"),
        (each.node_taints_policy, "nodeTaintsPolicy"),
    ):
        if policy is not None and policy not in ("Honor", "Ignore"):
            errors.not_supported(f"{field}.{name}", policy, ("Honor", "Ignore"))
    if errors.rules.spread_keys_merge:
        _check_label_keys(errors, each.match_label_keys, (), each.label_selector, field)
    elif errors.rules.spread_match_label_keys:
        _check_unmerged_keys(errors, each, f"{field}.matchLabelKeys")
    if errors.rules.spread_selector_checked:
        check_selector(errors, each.label_selector, f"{field}.labelSelector")


def _check_unmerged_keys(errors: Errors, each: TopologySpreadConstraint, field: str) -> None:
    """The keys as they were before the server wrote them into the selector."""
    selector = each.label_selector
    if each.match_label_keys and selector is None:
        errors.forbidden(field, "must not be specified when labelSelector is not set")
    selector = selector or LabelSelector()
    selected = {*selector.match_labels, *(expression.key for expression in selector.match_expressions)}
    for number, key in enumerate(each.match_label_keys):
        errors.check(f"{field}[{number}]", key, label_key)
        if key in selected:
            errors.invalid(f"{field}[{number}]", key, "exists in both matchLabelKeys and labelSelector")


# -- gated pods --------------------------------------------------------------------------------------------------------
def check_node_affinity_change(errors: Errors, new: Affinity | None, old: Affinity | None, field: str) -> None:
    """A pod that waits at a gate may be narrowed to fewer nodes: requirements are added, none goes, no term comes."""
    required = _required_terms(old)
    if not required:
        return
    terms, place = _required_terms(new), f"{field}.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
    if len(terms) != len(required):
        errors.invalid(place, terms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")
        return
    for number, (now, before) in enumerate(zip(terms, required, strict=True)):
        if not _only_adds(now, before):
            errors.invalid(f"{place}[{number}]", now, "only additions are allowed (no mutations or deletions)")


def _required_terms(affinity: Affinity | None) -> tuple[NodeSelectorTerm, ...]:
    nodes = affinity.node_affinity if affinity is not None else None
    required = nodes.required_during_scheduling_ignored_during_execution if nodes is not None else None
    return required.node_selector_terms if required is not None else ()


def _only_adds(now: NodeSelectorTerm, before: NodeSelectorTerm) -> bool:
    """Whether the term keeps all it had; an empty one, which fits no node, must stay empty."""
    if not before.match_expressions and not before.match_fields:
        return not now.match_expressions and not now.match_fields
    return same(now.match_expressions[: len(before.match_expressions)], before.match_expressions) and same(
        now.match_fields[: len(before.match_fields)], before.match_fields
    )
