"""What a payload may cost, the same in both directions and in both languages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, List

from ..errors import LimitError, PetioleError, describe


@dataclass(frozen=True)
class Limits:
    """Bounds on one payload. ``math.inf`` is none."""

    #: UTF-8 bytes of the text.
    bytes: float = 16 * 1024 * 1024
    #: Levels of arrays and objects in the text.
    depth: float = 20_000
    #: Values in the text: the root, every item and every property.
    nodes: float = 2_000_000
    #: Decimal digits of one bigint.
    bigint_digits: float = 10_000

    def __post_init__(self) -> None:
        for name in ("bytes", "depth", "nodes", "bigint_digits"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                message = f"limits.{name} must be a number above 0 (math.inf for none), received {describe(value)}."
                raise PetioleError(message, code="ERR_OPTION_INVALID")


#: The names of the limits on the wire's own page.
_NAMES = {"bigint_digits": "bigintDigits"}


def over(what: str, limit: str, allowed: float, received: float) -> LimitError:
    return LimitError(what=what, limit=_NAMES.get(limit, limit), allowed=allowed, received=received)


def check_bytes(text: str, limits: Limits, what: str) -> None:
    """Raises :class:`LimitError` for a text of too many UTF-8 bytes."""
    if len(text) * 4 <= limits.bytes or limits.bytes == math.inf:
        return
    received = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if received > limits.bytes:
        raise over(what, "bytes", limits.bytes, received)


class Budget:
    """Counts, and raises as soon as there is too much."""

    __slots__ = ("again", "_depth", "_limits", "_nodes", "_text", "_what")

    def __init__(self, limits: Limits, what: str, depth: float = math.inf) -> None:
        self._limits = limits
        self._what = what
        self._depth = min(depth, limits.depth)
        #: Of the nodes, those that are no more text, but are gone through once more when they are read.
        self.again = 0
        self._nodes = 0
        self._text = 0

    def nodes(self, count: int) -> None:
        self._nodes += count
        if self._nodes > self._limits.nodes:
            raise over(self._what, "nodes", self._limits.nodes, self._nodes)

    def nodes_again(self, count: int) -> None:
        self.again += count
        self.nodes(count)

    def text(self, length: int) -> None:
        self._text += length
        if self._text > self._limits.bytes:
            raise over(self._what, "bytes", self._limits.bytes, self._text)

    def depth(self, level: int) -> None:
        if level > self._depth:
            raise over(self._what, "depth", self._depth, level)

    def json(self, value: Any, level: int) -> None:
        """All of a piece of JSON that is written as it is, its own root not counted."""
        if type(value) is str:
            return self.text(len(value))
        inside: List[Any] = [value]
        while inside:
            following: List[Any] = []
            for each in inside:
                if type(each) is str:
                    self.text(len(each))
                elif type(each) is dict or type(each) is list or type(each) is tuple:
                    self.depth(level)
                    following.extend(each.values() if type(each) is dict else each)
            self.nodes(len(following))
            inside = following
            level += 1
