"""What may stand in `Annotated[...]` next to a parameter's type: default, checks, hints for widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_args

T = TypeVar("T")


class Default:
    """The value a parameter starts with: a constant, or what `generator` gives each time."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        """The default, made anew where there is a generator."""
        return self._generator() if self._generator else self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Default):
            return False
        return (self._value, self._generator) == (other._value, other._generator)

    def __repr__(self) -> str:
        return f"Default(value={self._value}, generator={self._generator})"


@dataclass
class Decimals:
    """Decimals of spin boxes and sliders."""

    value: int


@dataclass
class SingleStep:
    """Step of spin boxes and sliders."""

    value: float


class Validator:
    """A check of values; `validate` raises where a value is refused."""

    def validate(self, value: Any) -> None:
        """Raise ValueError or TypeError for a value that is not allowed."""
        raise NotImplementedError


class IsNone(Validator):
    """Allows None only."""

    def validate(self, value: Any) -> None:
        if value is not None:
            raise ValueError(f"Value must be None, is {value!r}")


class NotNone(Validator):
    """Allows everything but None."""

    def validate(self, value: Any) -> None:
        if value is None:
            raise ValueError("Value must not be None")


@dataclass
class IsInstance(Validator):
    """Allows instances of a class, or of one of several; None always."""

    classtype: Any

    def validate(self, value: Any) -> None:
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"Value must be of type '{self.classtype}', is {value!r} of {type(value)}")


@dataclass
class WithinRange(Validator):
    """Allows minimum <= value <= maximum."""

    minimum: Any
    maximum: Any

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within [{self.minimum}, {self.maximum}], is {value}")


@dataclass
class Minimum(Validator):
    """Allows values from a minimum on."""

    minimum: Any

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"Value must be at least {self.minimum}, is {value}")


@dataclass
class Maximum(Validator):
    """Allows values up to a maximum."""

    maximum: Any

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"Value must be at most {self.maximum}, is {value}")


@dataclass
class Choice(Validator):
    """Allows the values of a list; a combo box shows them."""

    choices: Any

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"Value must be one of {self.choices}, is {value!r}")


@dataclass
class Exclude(Validator):
    """Allows everything but the values of a list."""

    excludedValues: Any

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            raise ValueError(f"Value must be none of {self.excludedValues}, is {value!r}")


def splitAnnotations(possiblyAnnotatedType: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type itself and what is annotated to it."""
    arguments = get_args(Annotated[possiblyAnnotatedType, None])
    return arguments[0], arguments[1:-1]


def unannotatedType(possiblyAnnotatedType: Any) -> Any:
    """The type itself."""
    return splitAnnotations(possiblyAnnotatedType)[0]


def findFirstAnnotation(annotationsList: Iterable[Any], annotationType: type[T]) -> T | None:
    """The first annotation of a kind, or None."""
    return next((item for item in annotationsList if isinstance(item, annotationType)), None)


def take(annotations: Iterable[Any], kind: type[T]) -> tuple[list[T], list[Any]]:
    """Annotations of a kind, and the others."""
    items = list(annotations)
    return [x for x in items if isinstance(x, kind)], [x for x in items if not isinstance(x, kind)]
