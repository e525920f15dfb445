"""Lists and dictionaries that are written back to the parameter node when they are changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from typing import Any


class ObservedList(MutableSequence):
    """A list that is written back after each change; a change that is refused is undone."""

    def __init__(self, values: list[Any], save: Callable[[list[Any]], list[Any]]) -> None:
        self._values, self._save = values, save

    def _store(self, values: list[Any]) -> None:
        self._values = self._save(values)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        values = list(self._values)
        values[index] = value
        self._store(values)

    def __delitem__(self, index: Any) -> None:
        values = list(self._values)
        del values[index]
        self._store(values)

    def insert(self, index: int, value: Any) -> None:
        values = list(self._values)
        values.insert(index, value)
        self._store(values)

    def extend(self, values: Any) -> None:
        self._store([*self._values, *values])

    def clear(self) -> None:
        self._store([])

    def sort(self, **options: Any) -> None:
        self._store(sorted(self._values, **options))

    def reverse(self) -> None:
        self._store(self._values[::-1])

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, ObservedList) else other)

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: object) -> Any:
        raise NotImplementedError("Adding an ObservedList is not supported. However, += is supported.")

    __radd__ = __add__

    def __repr__(self) -> str:
        return f"ObservedList({self._values})"


class ObservedDict(MutableMapping):
    """A dictionary that is written back after each change."""

    def __init__(self, values: dict[Any, Any], save: Callable[[dict[Any, Any]], dict[Any, Any]]) -> None:
        self._values, self._save = values, save

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __getitem__(self, key: Any) -> Any:
        return self._values[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._values = self._save({**self._values, key: value})

    def __delitem__(self, key: Any) -> None:
        self._values = self._save({other: self._values[other] for other in self._values if other != key})

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, ObservedDict) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ObservedDict({self._values})"
