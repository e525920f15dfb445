"""Lists, tuples and dictionaries in parameter nodes."""

from __future__ import annotations

import typing
from typing import Any

from slicer.util import NodeModify

from Testing.bed.parameter_nodes.observed import ObservedDict, ObservedList
from Testing.bed.parameter_nodes.serializers import Serializer, parameterNodeSerializer, serializer_of


@parameterNodeSerializer
class ListSerializer(Serializer):
    """Lists: `name.len`, and the items as `name.0`, `name.1`, ..."""

    def __init__(self, elementSerializer: Serializer) -> None:
        self._element = elementSerializer

    @staticmethod
    def canSerialize(type_: Any) -> bool:
        return type_ is list or typing.get_origin(type_) is list

    @staticmethod
    def create(type_: Any) -> Serializer:
        """A serializer for list[...]; the type of the items must be named."""
        (element,) = typing.get_args(type_)
        return ListSerializer(serializer_of(element))

    def default(self) -> list[Any]:
        return []

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return parameterNode.HasParameter(f"{name}.len")

    def _length(self, parameterNode: Any, name: str) -> int:
        return int(parameterNode.GetParameter(f"{name}.len")) if self.isIn(parameterNode, name) else 0

    def _read(self, parameterNode: Any, name: str) -> list[Any]:
        count = self._length(parameterNode, name)
        return [self._element.read(parameterNode, f"{name}.{index}") for index in range(count)]

    def read(self, parameterNode: Any, name: str) -> ObservedList:
        def save(values: list[Any]) -> list[Any]:
            self.write(parameterNode, name, values)
            return self._read(parameterNode, name)

        return ObservedList(self._read(parameterNode, name), save)

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        values = list(value)
        for item in values:  # before anything is written, so that a refused item changes nothing
            self._element.validate(item)
        with NodeModify(parameterNode):
            old = self._length(parameterNode, name)
            for index, item in enumerate(values):
                self._element.write(parameterNode, f"{name}.{index}", item)
            parameterNode.SetParameter(f"{name}.len", str(len(values)))
            for index in range(len(values), old):
                self._element.remove(parameterNode, f"{name}.{index}")

    def remove(self, parameterNode: Any, name: str) -> None:
        with NodeModify(parameterNode):
            for index in range(self._length(parameterNode, name)):
                self._element.remove(parameterNode, f"{name}.{index}")
            parameterNode.UnsetParameter(f"{name}.len")

    def supportsCaching(self) -> bool:
        return self._element.supportsCaching()


@parameterNodeSerializer
class TupleSerializer(Serializer):
    """Tuples of known length: the items as `name.0`, `name.1`, ..."""

    def __init__(self, serializers: list[Serializer]) -> None:
        self._items = serializers

    @staticmethod
    def canSerialize(type_: Any) -> bool:
        return typing.get_origin(type_) is tuple

    @staticmethod
    def create(type_: Any) -> Serializer:
        """A serializer for tuple[A, B, ...]."""
        return TupleSerializer([serializer_of(item) for item in typing.get_args(type_)])

    def default(self) -> tuple[Any, ...]:
        return tuple(item.default() for item in self._items)

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return self._items[0].isIn(parameterNode, f"{name}.0")

    def validate(self, value: Any) -> None:
        """Raise ValueError for a wrong number of items."""
        if len(tuple(value)) != len(self._items):
            raise ValueError("Unexpected number of tuple values")
        for item, serializer in zip(value, self._items, strict=True):
            serializer.validate(item)

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        values = tuple(value)
        self.validate(values)
        with NodeModify(parameterNode):
            for index, (item, serializer) in enumerate(zip(values, self._items, strict=True)):
                serializer.write(parameterNode, f"{name}.{index}", item)

    def read(self, parameterNode: Any, name: str) -> tuple[Any, ...]:
        return tuple(item.read(parameterNode, f"{name}.{index}") for index, item in enumerate(self._items))

    def remove(self, parameterNode: Any, name: str) -> None:
        with NodeModify(parameterNode):
            for index, item in enumerate(self._items):
                item.remove(parameterNode, f"{name}.{index}")

    def supportsCaching(self) -> bool:
        return all(item.supportsCaching() for item in self._items)


@parameterNodeSerializer
class DictSerializer(Serializer):
    """Dictionaries, as lists of pairs, in their order."""

    def __init__(self, pairs: ListSerializer) -> None:
        self._pairs = pairs

    @staticmethod
    def canSerialize(type_: Any) -> bool:
        return type_ is dict or typing.get_origin(type_) is dict

    @staticmethod
    def create(type_: Any) -> Serializer:
        """A serializer for dict[K, V]; both types must be named."""
        key, value = typing.get_args(type_)
        return DictSerializer(ListSerializer(TupleSerializer([serializer_of(key), serializer_of(value)])))

    def default(self) -> dict[Any, Any]:
        return {}

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return self._pairs.isIn(parameterNode, name)

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        self._pairs.write(parameterNode, name, value.items())

    def read(self, parameterNode: Any, name: str) -> ObservedDict:
        def save(values: dict[Any, Any]) -> dict[Any, Any]:
            self.write(parameterNode, name, values)
            return dict(self._pairs.read(parameterNode, name))

        return ObservedDict(dict(self._pairs.read(parameterNode, name)), save)

    def remove(self, parameterNode: Any, name: str) -> None:
        self._pairs.remove(parameterNode, name)

    def supportsCaching(self) -> bool:
        return self._pairs.supportsCaching()
