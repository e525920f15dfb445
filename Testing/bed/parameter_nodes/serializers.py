"""How values are kept in a parameter node: the same names and texts as in Slicer, so scenes fit both."""

from __future__ import annotations

import enum
import logging
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import slicer

from Testing.bed.parameter_nodes.annotations import IsInstance, NotNone, Validator, splitAnnotations, take

PATH_TYPES = (pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath) + (
    pathlib.PurePath,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
)


class Serializer:
    """Reads and writes values of one type; `parameterNodeSerializer` adds subclasses for other types."""

    @staticmethod
    def canSerialize(type_: Any) -> bool:
        """Whether the class is for values of a type."""
        raise NotImplementedError

    @staticmethod
    def create(type_: Any) -> Serializer | None:
        """A serializer for a type."""
        raise NotImplementedError

    def default(self) -> Any:
        """The default where a parameter names none."""
        raise NotImplementedError

    def isIn(self, parameterNode: Any, name: str) -> bool:
        """Whether the node has a value of this name."""
        return parameterNode.HasParameter(name)

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        """Keep a value."""
        raise NotImplementedError

    def read(self, parameterNode: Any, name: str) -> Any:
        """The value that is kept."""
        raise NotImplementedError

    def remove(self, parameterNode: Any, name: str) -> None:
        """Keep the value no longer."""
        parameterNode.UnsetParameter(name)

    def supportsCaching(self) -> bool:
        """Whether a value that was read may be given out again until the node changes."""
        return False

    def validate(self, value: Any) -> None:
        """Raise for values that are refused; here none."""

    def takes(self, value: Any) -> bool:
        """Whether, in a union, this serializer is tried for a value."""
        return self.canSerialize(type(value))


class ValidatedSerializer(Serializer):
    """A serializer behind checks."""

    def __init__(self, serializer: Serializer, validators: Sequence[Validator]) -> None:
        nested = isinstance(serializer, ValidatedSerializer)
        self.serializer: Serializer = serializer.serializer if nested else serializer
        self.validators = [*(serializer.validators if nested else ()), *validators]

    def default(self) -> Any:
        return self.serializer.default()

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return self.serializer.isIn(parameterNode, name)

    def validate(self, value: Any) -> None:
        for validator in self.validators:
            validator.validate(value)

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        self.validate(value)
        self.serializer.write(parameterNode, name, value)

    def read(self, parameterNode: Any, name: str) -> Any:
        return self.serializer.read(parameterNode, name)

    def remove(self, parameterNode: Any, name: str) -> None:
        self.serializer.remove(parameterNode, name)

    def supportsCaching(self) -> bool:
        return self.serializer.supportsCaching()

    def takes(self, value: Any) -> bool:
        return self.serializer.takes(value)


_classes: list[type[Serializer]] = []


def parameterNodeSerializer(classtype: type[Serializer] | None = None) -> Any:
    """Class decorator: makes a serializer known, with or without parentheses."""

    def register(cls: type[Serializer]) -> type[Serializer]:
        _classes.append(cls)
        return cls

    return register if classtype is None else register(classtype)


def createSerializer(type_: Any, annotations: Sequence[Any]) -> tuple[ValidatedSerializer, list[Any]]:
    """A serializer for a type with its checks, and the annotations that were not used."""
    validators, others = take(annotations, Validator)
    given, others = take(others, Serializer)
    if given:
        return ValidatedSerializer(given[0], validators), others
    for candidate in _classes:
        if candidate.canSerialize(type_):
            return ValidatedSerializer(candidate.create(type_), validators), others
    raise TypeError(f"The bed keeps no values of type {type_} in parameter nodes; Slicer's own files may.")


def serializer_of(annotated: Any) -> ValidatedSerializer:
    """A serializer for an annotated type."""
    serializer, unused = createSerializer(*splitAnnotations(annotated))
    if unused:
        logging.warning("Unused annotations: %s", unused)
    return serializer


class TextSerializer(Serializer):
    """Values that are one text: how to make it and how to read it."""

    def __init__(self, to_text: Callable[[Any], str], from_text: Callable[[str], Any], default: Any) -> None:
        self._to_text, self._from_text, self._default = to_text, from_text, default

    def default(self) -> Any:
        return self._default

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        parameterNode.SetParameter(name, self._to_text(value))

    def read(self, parameterNode: Any, name: str) -> Any:
        return self._from_text(parameterNode.GetParameter(name))

    def supportsCaching(self) -> bool:
        return True


@parameterNodeSerializer
class SimpleSerializer(TextSerializer):
    """Numbers, texts, flags and paths."""

    KINDS = ((int, float), (str,), (bool,), PATH_TYPES)

    def __init__(self, type_: type) -> None:
        if type_ is bool:
            super().__init__(lambda value: "True" if value else "False", lambda text: text == "True", False)
        else:
            super().__init__(str, type_, 0 if type_ is float else type_())
        self._kind = next(kind for kind in self.KINDS if type_ in kind)

    @staticmethod
    def canSerialize(type_: Any) -> bool:
        return any(type_ in kind for kind in SimpleSerializer.KINDS)

    @staticmethod
    def create(type_: Any) -> ValidatedSerializer:
        """A serializer that refuses None and values of other types; a float may be given as int."""
        allowed = (int, float) if type_ is float else type_
        return ValidatedSerializer(SimpleSerializer(type_), [NotNone(), IsInstance(allowed)])

    def takes(self, value: Any) -> bool:
        return type(value) in self._kind


@parameterNodeSerializer
class EnumSerializer(TextSerializer):
    """Members of an enumeration, by name."""

    @staticmethod
    def canSerialize(type_: Any) -> bool:
        return isinstance(type_, type) and issubclass(type_, enum.Enum)

    @staticmethod
    def create(type_: Any) -> ValidatedSerializer:
        """A serializer whose default is the first member."""
        if not len(type_):
            raise ValueError("Cannot serialize empty Enum.")

        def member(name: str) -> enum.Enum:
            if name not in type_.__members__:
                raise ValueError(f"Found {name!r} in parameter node but it is not a name in {type_!r}")
            return type_[name]

        plain = EnumSerializer(lambda value: value.name, member, next(iter(type_)))
        return ValidatedSerializer(plain, [IsInstance(type_)])


@parameterNodeSerializer
class NodeSerializer(Serializer):
    """MRML nodes, as node references."""

    @staticmethod
    def canSerialize(type_: Any) -> bool:
        return isinstance(type_, type) and issubclass(type_, slicer.vtkMRMLNode)

    @staticmethod
    def create(type_: Any) -> ValidatedSerializer:
        """A serializer that takes None and nodes of a class."""
        return ValidatedSerializer(NodeSerializer(), [IsInstance(type_)])

    def default(self) -> None:
        return None

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        parameterNode.SetParameter(name, "")
        parameterNode.SetNodeReferenceID(name, None if value is None else value.GetID())

    def read(self, parameterNode: Any, name: str) -> Any:
        return parameterNode.GetNodeReference(name)

    def remove(self, parameterNode: Any, name: str) -> None:
        parameterNode.UnsetParameter(name)
        parameterNode.RemoveNodeReferenceIDs(name)

    def supportsCaching(self) -> bool:
        return True
