"""What every object has, and how objects name, own and select each other.

The records mirror the API field by field; `carried` holds what the API has and volsim does not model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from volsim.objects._record import FrozenDict, Record, frozen_json, frozen_map, frozen_tuple, record

__all__ = [
    "Condition",
    "LabelSelector",
    "LabelSelectorRequirement",
    "LocalObjectReference",
    "NodeSelector",
    "NodeSelectorRequirement",
    "NodeSelectorTerm",
    "Object",
    "ObjectMeta",
    "ObjectReference",
    "OwnerReference",
    "SecretReference",
    "TopologySelectorLabelRequirement",
    "TopologySelectorTerm",
    "TypedLocalObjectReference",
    "TypedObjectReference",
]


class Object(Record):
    """What all top-level objects have: a kind, an API version and metadata.

    >>> from volsim.objects import PersistentVolumeClaim, ObjectMeta
    >>> claim = PersistentVolumeClaim(metadata=ObjectMeta(name="data", namespace="default"))
    >>> claim.kind, claim.key, claim.api_version
    ('PersistentVolumeClaim', 'default/data', 'v1')
    """

    __slots__ = ()

    KIND: ClassVar[str] = ""
    PLURAL: ClassVar[str] = ""
    SINGULAR: ClassVar[str] = ""
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ()
    NAMESPACED: ClassVar[bool] = True
    GROUP: ClassVar[str] = ""

    api_version: str
    metadata: ObjectMeta
    carried: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The kind, as in a manifest."""
        return self.KIND

    @property
    def name(self) -> str:
        """`metadata.name`, or an empty text while there is none (`generateName`)."""
        return self.metadata.name or ""

    @property
    def namespace(self) -> str | None:
        """`metadata.namespace`; None for what has no namespace."""
        return self.metadata.namespace

    @property
    def key(self) -> str:
        """`namespace/name`, or `name` where there is no namespace."""
        namespace, name = self.metadata.namespace, self.metadata.name or ""
        return f"{namespace}/{name}" if namespace and self.NAMESPACED else name


@record
class Condition(Record):
    """One condition of any object's status: the fields of all the API's condition types in one."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    message: str | None = None
    last_transition_time: int | None = None
    last_probe_time: int | None = None
    last_heartbeat_time: int | None = None
    last_update_time: int | None = None
    observed_generation: int | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class OwnerReference(Record):
    """Who owns an object: the garbage collector and the controllers follow it."""

    name: str | None = None
    api_version: str | None = None
    block_owner_deletion: bool | None = None
    controller: bool | None = None
    kind: str | None = None
    uid: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ObjectMeta(Record):
    """Name, labels, owners and life of one object; times are microseconds since the simulation's start."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    annotations: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    creation_timestamp: int | None = None
    deletion_grace_period_seconds: int | None = None
    deletion_timestamp: int | None = None
    finalizers: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    generation: int | None = None
    labels: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    owner_references: tuple[OwnerReference, ...] = attrs.field(default=(), converter=frozen_tuple)
    resource_version: str | None = None
    uid: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class LocalObjectReference(Record):
    """A name in the namespace of whoever refers to it."""

    name: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class SecretReference(Record):
    """A secret by name and namespace."""

    name: str | None = None
    namespace: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class TypedLocalObjectReference(Record):
    """An object of a named kind in the same namespace (`dataSource`)."""

    name: str | None = None
    api_group: str | None = None
    kind: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class TypedObjectReference(Record):
    """An object of a named kind, possibly in another namespace (`dataSourceRef`)."""

    name: str | None = None
    namespace: str | None = None
    api_group: str | None = None
    kind: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class ObjectReference(Record):
    """A reference to any object (`claimRef`, an event's `involvedObject`)."""

    name: str | None = None
    namespace: str | None = None
    api_version: str | None = None
    field_path: str | None = None
    kind: str | None = None
    resource_version: str | None = None
    uid: str | None = None
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class LabelSelectorRequirement(Record):
    """One condition on one label: `In`, `NotIn`, `Exists`, `DoesNotExist`."""

    key: str | None = None
    operator: str | None = None
    values: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet this one requirement."""
        value = labels.get(self.key or "")
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
        return False  # validation refuses any other operator


@record
class LabelSelector(Record):
    """Which labels are meant: all of `match_labels` and all of `match_expressions`."""

    match_expressions: tuple[LabelSelectorRequirement, ...] = attrs.field(default=(), converter=frozen_tuple)
    match_labels: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=frozen_map)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels are selected; an empty selector selects everything.

        >>> LabelSelector(match_labels={"app": "db"}).matches({"app": "db", "tier": "1"})
        True
        >>> LabelSelector().matches({})
        True
        """
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            requirement.matches(labels) for requirement in self.match_expressions
        )


@record
class NodeSelectorRequirement(Record):
    """One condition on a node's label or field; also knows `Gt` and `Lt`."""

    key: str | None = None
    operator: str | None = None
    values: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels (or fields) meet this one requirement; `Gt` and `Lt` compare integers."""
        value = labels.get(self.key or "")
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case "Gt" | "Lt" if value is not None and len(self.values) == 1:
                try:
                    have, bound = int(value), int(self.values[0])
                except ValueError:
                    return False
                return have > bound if self.operator == "Gt" else have < bound
        return False


@record
class NodeSelectorTerm(Record):
    """Requirements that a node must meet all of; a term without any matches no node."""

    match_expressions: tuple[NodeSelectorRequirement, ...] = attrs.field(default=(), converter=frozen_tuple)
    match_fields: tuple[NodeSelectorRequirement, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)

    def matches(self, labels: Mapping[str, str], fields: Mapping[str, str] | None = None) -> bool:
        """Whether a node with these labels and fields (`metadata.name`) meets the whole term."""
        if not self.match_expressions and not self.match_fields:
            return False
        return all(requirement.matches(labels) for requirement in self.match_expressions) and all(
            requirement.matches(fields or {}) for requirement in self.match_fields
        )


@record
class NodeSelector(Record):
    """Terms of which a node must meet at least one."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)

    def matches(self, labels: Mapping[str, str], fields: Mapping[str, str] | None = None) -> bool:
        """Whether a node with these labels and fields meets at least one term.

        >>> zone = NodeSelectorRequirement(key="zone", operator="In", values=("a", "b"))
        >>> NodeSelector(node_selector_terms=(NodeSelectorTerm(match_expressions=(zone,)),)).matches({"zone": "a"})
        True
        """
        return any(term.matches(labels, fields) for term in self.node_selector_terms)


@record
class TopologySelectorLabelRequirement(Record):
    """The values that a topology label may have."""

    key: str | None = None
    values: tuple[str, ...] = attrs.field(default=(), converter=frozen_tuple)
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)


@record
class TopologySelectorTerm(Record):
    """Topology labels that must all fit (`allowedTopologies`)."""

    match_label_expressions: tuple[TopologySelectorLabelRequirement, ...] = attrs.field(
        default=(), converter=frozen_tuple
    )
    carried: Mapping[str, Any] = attrs.field(factory=FrozenDict, converter=frozen_json)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a node with these labels lies in the topology; a term without expressions fits every node."""
        return all(labels.get(expression.key or "") in expression.values for expression in self.match_label_expressions)
