"""Small changes of metadata that several controllers make.

Source: apimachinery, pkg/apis/meta/v1/helpers.go; component-helpers of the controllers that use them.
"""

from __future__ import annotations

from typing import TypeVar

from volsim.objects import FrozenDict, Object

__all__ = ["annotated", "with_finalizer", "without_annotation", "without_finalizer"]

T = TypeVar("T", bound=Object)


def annotated(obj: T, name: str, value: str = "yes") -> T:
    """The object with an annotation; the very same one if it has it, whatever its value.

    >>> from volsim.objects import PersistentVolume
    >>> dict(annotated(PersistentVolume(), "a", "1").metadata.annotations)
    {'a': '1'}
    """
    annotations = obj.metadata.annotations
    if name in annotations:
        return obj
    return obj.replace(metadata=obj.metadata.replace(annotations=FrozenDict({**annotations, name: value})))


def without_annotation(obj: T, name: str) -> T:
    """The object without an annotation; the very same one if it does not have it."""
    annotations = obj.metadata.annotations
    if name not in annotations:
        return obj
    kept = FrozenDict({key: value for key, value in annotations.items() if key != name})
    return obj.replace(metadata=obj.metadata.replace(annotations=kept))


def with_finalizer(obj: T, name: str) -> T:
    """The object with a finalizer; the very same one if it has it."""
    finalizers = obj.metadata.finalizers
    return obj if name in finalizers else obj.replace(metadata=obj.metadata.replace(finalizers=(*finalizers, name)))


def without_finalizer(obj: T, name: str) -> T:
    """The object without a finalizer; the very same one if it does not have it."""
    finalizers = obj.metadata.finalizers
    if name not in finalizers:
        return obj
    return obj.replace(metadata=obj.metadata.replace(finalizers=tuple(each for each in finalizers if each != name)))
