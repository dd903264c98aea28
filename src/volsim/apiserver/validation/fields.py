"""Field errors in Kubernetes' words, and the name rules that all kinds share.

Source: apimachinery, pkg/util/validation/field/errors.go and pkg/util/validation/validation.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from volsim.errors import FieldError
from volsim.quantity import Quantity

__all__ = ["Errors", "dns_label_problem", "dns_name_problem", "label_value_problem", "qualified_name_problem"]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")

LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
NAME_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def dns_label_problem(text: str) -> str | None:
    """Why `text` is no DNS-1123 label, or None.

    >>> dns_label_problem("my-name"), bool(dns_label_problem("My_name"))
    (None, True)
    """
    if len(text) > 63:
        return "must be no more than 63 characters"
    return None if _LABEL.fullmatch(text) else LABEL_TEXT


def dns_name_problem(text: str) -> str | None:
    """Why `text` is no DNS-1123 subdomain, or None."""
    if len(text) > 253:
        return "must be no more than 253 characters"
    return None if _NAME.fullmatch(text) else NAME_TEXT


def qualified_name_problem(text: str) -> str | None:
    """Why `text` is no qualified name (``prefix/name``), or None."""
    prefix, slash, name = text.rpartition("/")
    if slash:
        if not prefix:
            return "prefix part must be non-empty"
        if dns_name_problem(prefix):
            return f"prefix part {dns_name_problem(prefix)}"
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return "name part must be no more than 63 characters"
    if not _QUALIFIED.fullmatch(name):
        return (
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        )
    return None


def label_value_problem(text: str) -> str | None:
    """Why `text` is no label value, or None."""
    if len(text) > 63:
        return "must be no more than 63 characters"
    if _VALUE.fullmatch(text):
        return None
    return (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
        "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
        "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    )


def shown(value: Any) -> str:
    """A value as a field error shows it."""
    if isinstance(value, Quantity):
        return f'"{value}"'
    if isinstance(value, tuple):
        return json.dumps(list(value))
    if isinstance(value, str | bool | int | float) or value is None:
        return json.dumps(value, ensure_ascii=False)
    return f'"{value}"'


class Errors(list[FieldError]):
    """The field errors of one object, collected in the order in which the API server finds them.

    >>> errors = Errors()
    >>> errors.required("spec.capacity")
    >>> print(errors[0])
    spec.capacity: Required value
    """

    def _add(self, field: str, kind: str, text: str, detail: str = "") -> None:
        self.append(FieldError(field, f"FieldValue{kind}", f"{text}: {detail}" if detail else text))

    def required(self, field: str, detail: str = "") -> None:
        """There must be a value."""
        self._add(field, "Required", "Required value", detail)

    def invalid(self, field: str, value: Any, detail: str = "") -> None:
        """The value breaks a rule."""
        self._add(field, "Invalid", f"Invalid value: {shown(value)}", detail)

    def forbidden(self, field: str, detail: str = "") -> None:
        """There must be no value, or not this one, here."""
        self._add(field, "Forbidden", "Forbidden", detail)

    def duplicate(self, field: str, value: Any) -> None:
        """The value stands there twice."""
        self._add(field, "Duplicate", f"Duplicate value: {shown(value)}")

    def not_found(self, field: str, value: Any) -> None:
        """The value names something that is not there."""
        self._add(field, "NotFound", f"Not found: {shown(value)}")

    def not_supported(self, field: str, value: Any, supported: Iterable[str]) -> None:
        """The value is none of those that are allowed."""
        listed = ", ".join(f'"{each}"' for each in sorted(supported))
        self._add(field, "NotSupported", f"Unsupported value: {shown(value)}", f"supported values: {listed}")

    def too_long(self, field: str, most: int) -> None:
        """The value is longer than `most` bytes."""
        self._add(field, "TooLong", "Too long", f"may not be more than {most} bytes")

    def problem(self, field: str, value: Any, detail: str | None) -> None:
        """`invalid` if there is a detail."""
        if detail is not None:
            self.invalid(field, value, detail)

    def name(self, field: str, value: str | None, problem: Any = dns_name_problem) -> None:
        """A name that must be there and follow the rule `problem`."""
        if not value:
            self.required(field)
        else:
            self.problem(field, value, problem(value))

    def one_of(self, field: str, value: str | None, allowed: Iterable[str]) -> None:
        """A value that must be there and be one of those allowed."""
        choices = tuple(allowed)
        if not value:
            self.required(field)
        elif value not in choices:
            self.not_supported(field, value, choices)

    def amount(self, field: str, value: Quantity, *, zero: bool = True) -> None:
        """A quantity that must not be negative (nor zero)."""
        if value.nano < 0 or (not zero and value.nano == 0):
            rule = "must be greater than or equal to 0" if zero else "must be greater than zero"
            self.invalid(field, value, rule)
