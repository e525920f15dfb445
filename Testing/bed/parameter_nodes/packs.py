"""`parameterPack`: several values as one parameter."""

from __future__ import annotations

from typing import Any

from slicer.util import NodeModify

from Testing.bed.parameter_nodes.annotations import IsInstance, NotNone, unannotatedType
from Testing.bed.parameter_nodes.members import add_functions, data_type, members_of, split_name
from Testing.bed.parameter_nodes.serializers import (
    Serializer,
    ValidatedSerializer,
    parameterNodeSerializer,
)


class _Field:
    """One member of a pack: checked when it is set; an observed pack then writes itself."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else instance._pack_values[self._name]

    def __set__(self, instance: Any, value: Any) -> None:
        type(instance).allParameters[self._name].serializer.validate(value)
        instance._pack_values[self._name] = value
        instance._pack_changed()


def parameterPack(classtype: type | None = None) -> Any:
    """Class decorator: a class whose annotated members become one parameter."""
    return _make_pack if classtype is None else _make_pack(classtype)


def _make_pack(cls: type) -> type:
    parameters = members_of(cls)
    if not parameters:
        raise ValueError("Unable to find any members in parameterPack")
    for name, info in parameters.items():
        info.serializer.validate(info.default.value)
        setattr(cls, name, _Field(name))
    own_init = vars(cls).get("__init__")

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        _fill(self, () if own_init else args, {} if own_init else kwargs)
        if own_init:
            own_init(self, *args, **kwargs)

    cls.__init__ = init
    for name, function in (("__eq__", _equal), ("__str__", _text), ("__repr__", _text)):
        if name not in vars(cls):
            setattr(cls, name, function)
    functions = {
        "allParameters": parameters,
        "_is_parameterPack": True,
        "_pack_changed": lambda _self: None,
        "getValue": _get_value,
        "setValue": _set_value,
        "dataType": staticmethod(lambda name: data_type(cls, name)),
    }
    add_functions(cls, functions)
    return cls


def _fill(pack: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    names = list(type(pack).allParameters)
    object.__setattr__(pack, "_pack_values", {})
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names:
            raise TypeError(f"__init__() got an unexpected keyword argument '{name}'")
        if name in given:
            raise TypeError(f"__init__() got multiple values for argument '{name}'")
        given[name] = value
    for name, info in type(pack).allParameters.items():
        setattr(pack, name, given[name] if name in given else info.default.value)


def _equal(self: Any, other: object) -> bool:
    same = getattr(self, "_pack_class", type(self)) is getattr(other, "_pack_class", type(other))
    return same and self._pack_values == other._pack_values


def _text(self: Any) -> str:
    texts = {name: f'"{item}"' if isinstance(item, str) else item for name, item in self._pack_values.items()}
    values = ", ".join(f"{name}={item}" for name, item in texts.items())
    observed = getattr(self, "_pack_class", None)
    return f"Observed({observed.__name__}({values}))" if observed else f"{type(self).__name__}({values})"


def _get_value(self: Any, name: str) -> Any:
    """The value of a possibly dotted member."""
    data_type(type(self), name)
    first, rest = split_name(name)
    value = getattr(self, first)
    return value.getValue(rest) if rest else value


def _set_value(self: Any, name: str, value: Any) -> None:
    """Set a possibly dotted member."""
    data_type(type(self), name)
    first, rest = split_name(name)
    if rest:
        getattr(self, first).setValue(rest, value)
        self._pack_changed()
    else:
        setattr(self, first, value)


def isParameterPack(obj: Any) -> bool:
    """Whether something is a parameter pack or the class of one."""
    return getattr(obj, "_is_parameterPack", False)


def nestedParameterNames(pack: Any) -> list[str]:
    """Dotted names of all members, those of packs in packs included."""
    pack = pack if isParameterPack(pack) else unannotatedType(pack)
    names = []
    for name, info in pack.allParameters.items():
        inner = unannotatedType(info.unalteredType)
        deeper = (
            [f"{name}.{item}" for item in nestedParameterNames(inner)] if isParameterPack(inner) else [name]
        )
        names += deeper
    return names


@parameterNodeSerializer
class ParameterPackSerializer(Serializer):
    """Packs: each member under `name.member`."""

    def __init__(self, type_: type) -> None:
        self._type = type_

    @staticmethod
    def canSerialize(type_: Any) -> bool:
        return isParameterPack(type_)

    @staticmethod
    def create(type_: Any) -> ValidatedSerializer:
        """A serializer that takes packs of one class."""
        return ValidatedSerializer(ParameterPackSerializer(type_), [NotNone(), IsInstance(type_)])

    def default(self) -> Any:
        return self._type()

    def isIn(self, parameterNode: Any, name: str) -> bool:
        first = next(iter(self._type.allParameters.values()))
        return first.serializer.isIn(parameterNode, f"{name}.{first.basename}")

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        with NodeModify(parameterNode):
            for member, info in self._type.allParameters.items():
                info.serializer.write(parameterNode, f"{name}.{member}", value._pack_values[member])

    def read(self, parameterNode: Any, name: str) -> Any:
        """A pack that writes itself when a member is set; no other attributes can be added to it."""
        values = {
            member: info.serializer.read(parameterNode, f"{name}.{member}")
            for member, info in self._type.allParameters.items()
        }
        return _observed_class(self._type)(values, lambda pack: self.write(parameterNode, name, pack))

    def remove(self, parameterNode: Any, name: str) -> None:
        for member, info in self._type.allParameters.items():
            info.serializer.remove(parameterNode, f"{name}.{member}")

    def supportsCaching(self) -> bool:
        return all(info.serializer.supportsCaching() for info in self._type.allParameters.values())


def _observed_class(pack_class: type) -> type:
    """The subclass of a pack class whose instances write themselves."""

    class ObservedParameterPack(pack_class):  # type: ignore[misc, valid-type]
        _pack_class = pack_class

        def __init__(self, values: dict[str, Any], save: Any) -> None:
            object.__setattr__(self, "_pack_values", dict(values))
            object.__setattr__(self, "_pack_changed", lambda: save(self))

        def __setattr__(self, name: str, value: Any) -> None:
            if not hasattr(self, name):
                raise AttributeError(f"'{pack_class.__name__}' has no attribute '{name}'; none can be added.")
            super().__setattr__(name, value)

    return ObservedParameterPack
