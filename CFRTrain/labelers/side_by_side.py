"""Work on several threads whose results come back in order, with little handed out ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2  # items handed out per thread: enough that none waits, few enough that memory is bounded


@contextmanager
def side_by_side(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Iterator[tuple[Item, Future[Result]]]]:
    """Each item with the future of `function(item)`, in the order of `items`, which are drawn as needed.

    When the block is left, by an error too, what has begun is finished and nothing else is begun.
    """
    pool = ThreadPoolExecutor(max(threads, 1))
    try:
        with closing(_handed_out(pool, function, items, AHEAD * max(threads, 1))) as futures:
            yield futures
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _handed_out(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], most: int
) -> Iterator[tuple[Item, Future[Result]]]:
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    for item in items:
        waiting.append((item, pool.submit(function, item)))
        if len(waiting) >= most:
            yield waiting.popleft()
    yield from waiting
