"""How a record is made: a frozen attrs class, and a fast way to get a changed copy.

attrs gives the face (constructor, equality, repr, hash, introspection). What attrs does slowly is copying a
frozen object with one field changed: `attrs.evolve` goes through the frozen constructor, which pays one
`object.__setattr__` a field. A write does several such copies, so each record gets a generated `replace`,
which fills an unfrozen twin of the same memory layout and then makes it the frozen class
(`docs/explanation/representation.md` has the figures).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar, cast, dataclass_transform

import attrs

__all__ = ["FrozenDict", "Record", "frozen_json", "frozen_map", "frozen_tuple", "record"]

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R", bound="Record")


class FrozenDict(dict[K, V]):
    """A dict that nobody can change and that can be hashed; equal to a dict of the same items.

    Its `repr` is a plain dict's, so that the `repr` of a record rebuilds it.

    >>> labels = FrozenDict(app="mysql")
    >>> labels["app"] = "other"
    Traceback (most recent call last):
        ...
    TypeError: a FrozenDict cannot be changed; build a new one: FrozenDict({**old, 'key': value})
    """

    __slots__ = ()

    def _refuse(self, *args: object, **kwargs: object) -> Any:
        raise TypeError("a FrozenDict cannot be changed; build a new one: FrozenDict({**old, 'key': value})")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        return dict.__repr__(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (dict(self),))

    def __copy__(self) -> FrozenDict[K, V]:
        return self

    def __deepcopy__(self, memo: object) -> FrozenDict[K, V]:
        return self


def frozen_map(value: Mapping[K, V] | None) -> FrozenDict[K, V]:
    """attrs converter: any mapping (or None) to a `FrozenDict`."""
    if type(value) is FrozenDict:
        return value
    return FrozenDict(value or {})


def frozen_tuple(value: Any) -> tuple[Any, ...]:
    """attrs converter: any iterable (or None) to a tuple."""
    return value if type(value) is tuple else tuple(value or ())


def frozen_json(value: Any) -> Any:
    """attrs converter: JSON-like data to the same data in `FrozenDict`s and tuples, all the way down."""
    if not value and type(value) is FrozenDict:  # most records carry nothing
        return value
    if isinstance(value, Mapping):
        return FrozenDict({key: frozen_json(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return tuple(frozen_json(item) for item in value)
    return value


class Record:
    """What every record has besides its fields."""

    __slots__ = ("_fingerprint",)
    _fingerprint: int  # filled by `volsim.state.fingerprint` when somebody asks; never copied

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed. Values are taken as they are: no converter runs.

        Raises `AttributeError` for a name that is no field. Cost: one attribute copy a field.
        """
        raise NotImplementedError  # generated for each class by `record`

    def _shown(self) -> list[tuple[str, Any]]:
        """The arguments that rebuild the record: what equals its default is left out."""
        shown = []
        for field in attrs.fields(cast("type[attrs.AttrsInstance]", type(self))):
            value = getattr(self, field.name)
            default: Any = field.default
            if hasattr(default, "factory"):
                default = default.factory()
            if field.repr and (default is attrs.NOTHING or type(value) is not type(default) or value != default):
                shown.append((field.alias or field.name, value))
        return shown

    def __repr__(self) -> str:
        """Python that rebuilds the record: what equals its default is left out."""
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._shown())})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What Hypothesis and IPython print: the same, in lines that are not too long."""
        with printer.group(4, f"{type(self).__name__}(", ")"):
            for number, (name, value) in enumerate(self._shown()):
                printer.text("," if number else "")
                printer.breakable(" " if number else "")
                printer.text(f"{name}=")
                printer.pretty(value)


def _make_replace(cls: type) -> Callable[..., Any]:
    names = [field.name for field in attrs.fields(cls)]
    twin = type(f"_{cls.__name__}Draft", cls.__bases__, {"__slots__": tuple(names)})
    lines = [
        "def replace(self, /, **changes):",
        "    new = make(twin)",
        *(f"    new.{name} = self.{name}" for name in names),
        "    for name, value in changes.items():",
        "        setattr(new, name, value)",
        "    new.__class__ = cls",
        "    return new",
    ]
    scope: dict[str, Any] = {"make": twin.__new__, "twin": twin, "cls": cls}
    exec("\n".join(lines), scope)
    replace = scope["replace"]
    replace.__qualname__ = f"{cls.__name__}.replace"
    replace.__doc__ = Record.replace.__doc__
    return cast("Callable[..., Any]", replace)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def record(cls: type[T]) -> type[T]:
    """Class decorator: a frozen, slotted attrs class with keyword arguments and a fast `replace`.

    The class must derive from `Record`, or from a class without slots that derives from it, and from nothing else.

    >>> @record
    ... class Point(Record):
    ...     x: int = 0
    ...     y: int = 0
    >>> Point(x=1).replace(y=2)
    Point(x=1, y=2)
    """
    made = attrs.frozen(slots=True, kw_only=True, weakref_slot=False, repr=False)(cls)
    made.replace = _make_replace(made)  # type: ignore[attr-defined]
    return made
