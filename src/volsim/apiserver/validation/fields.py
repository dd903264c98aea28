"""Field errors in Kubernetes' words, and the rules of names and texts that all kinds share.

A rule is a function from a text to its problems; no problem, no error. The problems are worded as the newest Kubernetes
words them; `Errors` puts them into the words of the version that is simulated.
Source: apimachinery, pkg/util/validation/field/errors.go, pkg/util/validation/validation.go and
pkg/api/validate/content; pkg/api/equality (semantic equality).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import unified_diff
from functools import cache, lru_cache
from typing import Any

import attrs

from volsim.errors import FieldError
from volsim.manifests.writing import plain
from volsim.objects import (
    LabelSelector,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Record,
    VolumeNodeAffinity,
)
from volsim.quantity import Quantity
from volsim.rules import Rules

__all__ = [
    "Errors",
    "TextRule",
    "between",
    "config_key",
    "difference",
    "dns_label",
    "dns_name",
    "label_key",
    "label_value",
    "letter_label",
    "port_name",
    "prefix_of",
    "same",
]

TextRule = Callable[[str], Sequence[str]]
"""A rule for a text: what is wrong with it."""

_DNS_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_NAME = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_LETTER_LABEL = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_LABEL_KEY = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_CONFIG_KEY = r"[-._a-zA-Z0-9]+"

_is_dns_label = re.compile(_DNS_LABEL).fullmatch
_is_dns_name = re.compile(_DNS_NAME).fullmatch
_is_letter_label = re.compile(_LETTER_LABEL).fullmatch
_is_label_key = re.compile(_LABEL_KEY).fullmatch
_is_label_value = re.compile(f"({_LABEL_KEY})?").fullmatch
_is_config_key = re.compile(_CONFIG_KEY).fullmatch
_is_port_text = re.compile(r"[-a-z0-9]+").fullmatch
_has_letter = re.compile(r"[a-z]").search

_LABEL_LONGEST, _NAME_LONGEST = 63, 253  # octets in a DNS label (RFC 1123), and what fits into a whole name
_PORT_LONGEST, _PORT_MOST = 15, 65535  # RFC 6335
_CACHED = 16_384  # labels and annotations repeat a few hundred texts; the bound is for generated ones


def with_pattern(text: str, pattern: str, *examples: str) -> str:
    """A rule in words, followed by examples and its regular expression."""
    shown = " or ".join(f"'{each}', " for each in examples)
    return f"{text} ({f'e.g. {shown}' if examples else ''}regex used for validation is '{pattern}')"


_LABEL_TEXT = with_pattern(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character",
    _DNS_LABEL,
    "my-name",
    "123-abc",
)
_NO_DOTS = "must not contain dots"


def at_most(most: int) -> str:
    """The problem of a text that is too long."""
    return f"must be no more than {most} characters"


def between(low: int, high: int) -> str:
    """The problem of a number that is out of bounds.

    >>> between(1, 65535)
    'must be between 1 and 65535, inclusive'
    """
    return f"must be between {low} and {high}, inclusive"


def dns_label(text: str) -> Sequence[str]:
    """A DNS-1123 label: lower case, no dots.

    >>> dns_label("my-name"), dns_label("my.name")
    ((), ('must not contain dots',))
    """
    if len(text) <= _LABEL_LONGEST and _is_dns_label(text):
        return ()
    problems = [at_most(_LABEL_LONGEST)] if len(text) > _LABEL_LONGEST else []
    if not _is_dns_label(text):
        problems.append(_NO_DOTS if _is_dns_name(text) else _LABEL_TEXT)
    return tuple(problems)


def dns_name(text: str) -> Sequence[str]:
    """A DNS-1123 subdomain: labels with dots between them. Most objects are named so.

    >>> dns_name("nfs-pv.example.com"), len(dns_name("nfs_pv"))
    ((), 1)
    """
    if len(text) <= _NAME_LONGEST and _is_dns_name(text):
        return ()
    problems = [at_most(_NAME_LONGEST)] if len(text) > _NAME_LONGEST else []
    if not _is_dns_name(text):
        text = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            "start and end with an alphanumeric character"
        )
        problems.append(with_pattern(text, _DNS_NAME, "example.com"))
    return tuple(problems)


def letter_label(text: str) -> Sequence[str]:
    """A DNS-1035 label: as `dns_label`, but it starts with a letter. Services were named so until 1.36."""
    if len(text) <= _LABEL_LONGEST and _is_letter_label(text):
        return ()
    problems = [at_most(_LABEL_LONGEST)] if len(text) > _LABEL_LONGEST else []
    if not _is_letter_label(text):
        text = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            "character, and end with an alphanumeric character"
        )
        problems.append(with_pattern(text, _LETTER_LABEL, "my-name", "abc-123"))
    return tuple(problems)


@lru_cache(_CACHED)
def label_key(text: str) -> Sequence[str]:
    """A qualified name, as labels, annotations and taints have it: a name, before it a DNS subdomain and / if need be.

    >>> label_key("example.com/my_name"), label_key("/name")
    ((), ('prefix part must be non-empty',))
    """
    syntax = with_pattern(
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
        "character",
        _LABEL_KEY,
        "MyName",
        "my.name",
        "123-abc",
    )
    if text.count("/") > 1:
        return (
            f"a valid label key {syntax} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        )
    prefix, slash, name = text.rpartition("/")
    problems: list[str] = []
    if slash:
        problems += [f"prefix part {each}" for each in (dns_name(prefix) if prefix else ("must be non-empty",))]
    if not name:
        problems.append("name part must be non-empty")
    elif len(name) > _LABEL_LONGEST:
        problems.append(f"name part {at_most(_LABEL_LONGEST)}")
    if not _is_label_key(name):
        problems.append(f"name part {syntax}")
    return tuple(problems)


@lru_cache(_CACHED)
def label_value(text: str) -> Sequence[str]:
    """What a label may be set to; nothing is all right.

    >>> label_value(""), label_value("a-1_b.c"), len(label_value("no blanks"))
    ((), (), 1)
    """
    problems = [at_most(_LABEL_LONGEST)] if len(text) > _LABEL_LONGEST else []
    if not _is_label_value(text):
        rule = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            "start and end with an alphanumeric character"
        )
        problems.append(with_pattern(rule, f"({_LABEL_KEY})?", "MyValue", "my_value", "12345"))
    return tuple(problems)


def config_key(text: str) -> Sequence[str]:
    """A key of a ConfigMap or Secret: it will be a file's name."""
    problems = [at_most(_NAME_LONGEST)] if len(text) > _NAME_LONGEST else []
    if not _is_config_key(text):
        rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        problems.append(with_pattern(rule, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return (*problems, *no_parent(text))


def no_parent(text: str) -> Sequence[str]:
    """A file's name that means neither its folder nor the one above it."""
    if text in (".", ".."):
        return (f"must not be '{text}'",)
    return ("must not start with '..'",) if text.startswith("..") else ()


_NEEDS_LETTER = "must contain at least one letter (a-z)"


def port_name(text: str) -> Sequence[str]:
    """The name of a port, after RFC 6335: short, lower case, at least one letter.

    >>> port_name("http-8080"), port_name("-")
    ((), ('must contain at least one letter (a-z)', 'must not begin or end with a hyphen'))
    """
    problems = [at_most(_PORT_LONGEST)] if len(text) > _PORT_LONGEST else []
    if not _is_port_text(text):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _has_letter(text):
        problems.append(_NEEDS_LETTER)
    if "--" in text:
        problems.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return tuple(problems)


def prefix_of(rule: TextRule) -> TextRule:
    """The rule for a text that something will be appended to: it may end in a dash.

    >>> prefix_of(dns_label)("web-"), len(dns_label("web-"))
    ((), 1)
    """
    return lambda text: rule(text[:-2] + "a" if len(text) > 1 and text.endswith("-") else text)


class Errors(list[FieldError]):
    """The field errors of one object, collected in the order in which the API server finds them.

    >>> errors = Errors(Rules())
    >>> errors.required("spec.capacity")
    >>> errors.check("spec.volumes[0].name", "my.data", dns_label)
    False
    >>> print(*errors, sep=chr(10))
    spec.capacity: Required value
    spec.volumes[0].name: Invalid value: "my.data": must not contain dots
    """

    __slots__ = ("rules",)

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self.rules = rules

    def _add(self, field: str, kind: str, text: str, detail: str = "") -> None:
        self.append(FieldError(field, f"FieldValue{kind}", f"{text}: {detail}" if detail else text))

    def required(self, field: str, detail: str = "") -> None:
        """There must be a value."""
        self._add(field, "Required", "Required value", detail)

    def invalid(self, field: str, value: Any, detail: str = "") -> None:
        """The value breaks a rule."""
        self._add(field, "Invalid", f"Invalid value: {shown(value, self.rules)}", detail)

    def forbidden(self, field: str, detail: str = "") -> None:
        """There must be no value, or not this one, here."""
        self._add(field, "Forbidden", "Forbidden", detail)

    def duplicate(self, field: str, value: Any, detail: str = "") -> None:
        """The value stands there twice."""
        self._add(field, "Duplicate", f"Duplicate value: {shown(value, self.rules)}", detail)

    def not_found(self, field: str, value: Any) -> None:
        """The value names something that is not there."""
        self._add(field, "NotFound", f"Not found: {shown(value, self.rules)}")

    def not_supported(self, field: str, value: Any, supported: Iterable[str]) -> None:
        """The value is none of those that are allowed."""
        listed = ", ".join(f'"{each}"' for each in supported)
        self._add(
            field, "NotSupported", f"Unsupported value: {shown(value, self.rules)}", f"supported values: {listed}"
        )

    def too_long(self, field: str, most: int) -> None:
        """The value is longer than `most` bytes."""
        rule = "may not be more than" if self.rules.too_long_says_may_not else "must have at most"
        self._add(field, "TooLong", "Too long", f"{rule} {most} bytes")

    def too_many(self, field: str, count: int, most: int) -> None:
        """There are more than `most` of them."""
        self._add(field, "TooMany", f"Too many: {count}", f"must have at most {most} items")

    def check(self, field: str, value: str, rule: TextRule) -> bool:
        """Whether the value follows the rule; every problem is an error."""
        problems = rule(value)
        if problems:
            self.tell(field, value, problems)
        return not problems

    def tell(self, field: str, value: str, problems: Iterable[str]) -> None:
        """What a rule found wrong with the value."""
        for problem in problems:
            self.invalid(field, value, self._worded(problem))

    def name(self, field: str, value: str | None, rule: TextRule = dns_name) -> None:
        """A text that must be there and follow the rule."""
        if value:
            self.check(field, value, rule)
        else:
            self.required(field)

    def needed(self, field: str, value: Any) -> bool:
        """Whether a value that must be there is."""
        if not value:
            self.required(field)
        return bool(value)

    def one_of(self, field: str, value: str | None, allowed: Iterable[str]) -> None:
        """A value that must be there and be one of those allowed."""
        if not value:
            self.required(field)
        elif value not in allowed:
            self.not_supported(field, value, allowed)

    def not_negative(self, field: str, value: int | Quantity | None) -> None:
        """A number that is at least 0; None is 0."""
        if (value.nano if isinstance(value, Quantity) else value or 0) < 0:
            self.invalid(field, value, "must be greater than or equal to 0")

    def positive(self, field: str, value: int | Quantity | None) -> None:
        """A number that is more than 0; None is 0."""
        if (value.nano if isinstance(value, Quantity) else value or 0) <= 0:
            self.invalid(field, 0 if value is None else value, "must be greater than zero")

    def port(self, field: str, value: int | str | None) -> None:
        """A port: a number, or the name of one."""
        if isinstance(value, str):
            self.check(field, value, port_name)
        elif not 1 <= (value or 0) <= _PORT_MOST:
            self.invalid(field, value or 0, between(1, _PORT_MOST))

    def immutable(self, field: str, new: Any, old: Any) -> None:
        """A value that an update must leave as it was."""
        if not same(new, old):
            self.invalid(field, new, "field is immutable")

    def _worded(self, problem: str) -> str:
        """A problem of a text in the words of the simulated version."""
        rules = self.rules
        if problem == _NO_DOTS and not rules.dots_in_label_named:
            problem = _LABEL_TEXT
        if problem == _NEEDS_LETTER and not rules.port_name_needs_letter:
            problem = "must contain at least one letter or number (a-z, 0-9)"
        if not rules.names_after_rfc_1123:
            problem = problem.replace("a lowercase RFC 1123", "a DNS-1123")
        return problem


# -- how a value is shown ----------------------------------------------------------------------------------------------
def shown(value: Any, rules: Rules) -> str:
    """A value as a field error shows it: as JSON, before 1.34 in Go's syntax.

    What upstream keeps in a type of its own is shown by its fields' names in a manifest, but for node affinities.

    >>> shown({"app": "db"}, Rules()), shown({"app": "db"}, Rules.for_version("1.20"))
    ('{"app":"db"}', 'map[string]string{"app":"db"}')
    >>> shown(Quantity("1.5"), Rules()), shown(None, Rules()), shown(7, Rules())
    ('"1500m"', 'null', '7')
    """
    if isinstance(value, Quantity):
        return f'"{value}"'
    if isinstance(value, str | int | float):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping) and not value and rules.json_in_field_errors:
        return "null"  # what is not given
    if rules.json_in_field_errors:
        return json.dumps(_internal(value), ensure_ascii=False, separators=(",", ":"))
    return _in_go(value)


def _internal(value: Any) -> Any:
    """The value as JSON; of the API server's internal types, whose fields have the names that they have in Go.

    >>> from volsim.objects import NodeSelectorTerm
    >>> _internal(NodeSelectorTerm())
    {'MatchExpressions': None, 'MatchFields': None}
    """
    if isinstance(value, tuple):
        return [_internal(each) for each in value] or None
    if not isinstance(value, _INTERNAL):
        return plain(value)
    cls: Any = type(value)
    names = [field.name for field in attrs.fields(cls) if field.name != "carried"]
    return {name.title().replace("_", ""): _internal(getattr(value, name)) for name in names}


_INTERNAL = (NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, VolumeNodeAffinity)


def _in_go(value: Any) -> str:
    """The value in Go's syntax, as far as no type's name is needed that only Go knows."""
    if value is None:
        return '"null"'
    if isinstance(value, LabelSelector) and not value.match_expressions:
        labels = _in_go(value.match_labels)
        return f"v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}}"
    if isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values()):
        if not value:
            return "map[string]string(nil)"
        items = ", ".join(f"{json.dumps(key)}:{json.dumps(item)}" for key, item in sorted(value.items()))
        return f"map[string]string{{{items}}}"
    if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
        return "[]string{" + ", ".join(map(json.dumps, value)) + "}"
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


def difference(old: Any, new: Any) -> str:
    """What an update would change, as a unified diff of the manifests."""
    before, after = (json.dumps(plain(each), indent=1, ensure_ascii=False).splitlines() for each in (old, new))
    return "\n".join(list(unified_diff(before, after, lineterm=""))[2:])  # there are no files to be named


# -- semantic equality -------------------------------------------------------------------------------------------------
# Texts that the API keeps as pointers: not given is not the same as empty.
_NIL_IS_NOT_EMPTY = frozenset({"storage_class_name", "volume_attributes_class_name", "volume_mode"})
# Numbers and switches that the API keeps as plain values: not given is 0 or false.
_ABSENT_IS_ZERO = frozenset(
    {
        "host_ipc",
        "host_network",
        "host_pid",
        "host_port",
        "partition",
        "read_only",
        "stdin",
        "stdin_once",
        "tty",
        "weight",
    }
)


def same(a: Any, b: Any, name: str = "") -> bool:
    """Whether two values mean the same to the API server, whatever was left out and whatever was given empty.

    >>> from volsim.objects import NFSVolumeSource
    >>> same(NFSVolumeSource(server="s", read_only=False), NFSVolumeSource(server="s"))
    True
    """
    if a is b or a == b:
        return True
    if isinstance(a, Record) and type(a) is type(b):
        cls: Any = type(a)
        return all(same(getattr(a, each), getattr(b, each), each) for each in _fields(cls))
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(item, b[key]) for key, item in a.items())
    if a in (None, "") and b in (None, ""):
        return name not in _NIL_IS_NOT_EMPTY
    return name in _ABSENT_IS_ZERO and not a and not b


@cache
def _fields(cls: Any) -> tuple[str, ...]:
    """The fields of a record that bear on its meaning; what is carried does as well."""
    return tuple(field.name for field in attrs.fields(cls) if field.eq)
