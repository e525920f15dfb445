"""Values of one of several types, None among them."""

from __future__ import annotations

import types
import typing
from typing import Any

from slicer.util import NodeModify

from Testing.bed.parameter_nodes.annotations import IsNone
from Testing.bed.parameter_nodes.serializers import (
    Serializer,
    TextSerializer,
    ValidatedSerializer,
    parameterNodeSerializer,
    serializer_of,
)


@parameterNodeSerializer
class NoneSerializer(TextSerializer):
    """None, as one of the types of a union."""

    def __init__(self) -> None:
        super().__init__(lambda _: "True", lambda _: None, None)

    @staticmethod
    def canSerialize(type_: Any) -> bool:
        return type_ is type(None)

    @staticmethod
    def create(_type: Any) -> ValidatedSerializer:
        """A serializer that refuses everything but None."""
        return ValidatedSerializer(NoneSerializer(), [IsNone()])


@parameterNodeSerializer
class UnionSerializer(Serializer):
    """Values of one of several types, under `name.<index of the type>`."""

    def __init__(self, serializers: list[ValidatedSerializer]) -> None:
        self._items = serializers

    @staticmethod
    def canSerialize(type_: Any) -> bool:
        return typing.get_origin(type_) in (typing.Union, types.UnionType)

    @staticmethod
    def create(type_: Any) -> Serializer:
        """A serializer for Union[A, B], Optional[A] and A | B."""
        return UnionSerializer([serializer_of(item) for item in typing.get_args(type_)])

    def default(self) -> Any:
        """None for Optional[A], otherwise the default of the first type."""
        optional = len(self._items) == 2 and isinstance(self._items[1].serializer, NoneSerializer)
        return None if optional else self._items[0].default()

    def _find(self, value: Any) -> int:
        problem: Exception = TypeError(f"Unable to write value '{value}' of type '{type(value)}'")
        for index, item in enumerate(self._items):
            if item.takes(value):
                try:
                    item.validate(value)
                    return index
                except (TypeError, ValueError) as error:
                    problem = error
        raise problem

    def validate(self, value: Any) -> None:
        """Raise where none of the types takes the value."""
        self._find(value)

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return any(item.isIn(parameterNode, f"{name}.{index}") for index, item in enumerate(self._items))

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        chosen = self._find(value)
        with NodeModify(parameterNode):
            self.remove(parameterNode, name)
            self._items[chosen].write(parameterNode, f"{name}.{chosen}", value)

    def read(self, parameterNode: Any, name: str) -> Any:
        for index, item in enumerate(self._items):
            if item.isIn(parameterNode, f"{name}.{index}"):
                return item.read(parameterNode, f"{name}.{index}")
        raise KeyError(f"Unable to find value for name: {name}")

    def remove(self, parameterNode: Any, name: str) -> None:
        with NodeModify(parameterNode):
            for index, item in enumerate(self._items):
                item.remove(parameterNode, f"{name}.{index}")

    def supportsCaching(self) -> bool:
        return all(item.supportsCaching() for item in self._items)
