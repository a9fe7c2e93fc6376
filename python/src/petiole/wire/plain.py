"""Values that are JSON as they are: most of what is sent, and several times faster to write without a copy."""

from __future__ import annotations

from typing import Any, List, Set

from .json_text import is_short
from .kinds import MAX_SAFE
from .limits import Limits
from .tags import TYPE, VALUE

_CONTAINERS = (dict, list, tuple)


def is_plain(value: Any, limits: Limits, pythonic: bool, shared: bool = False) -> bool:
    """Whether the standard library's JSON writes exactly what the encoder would.

    :param shared: whether an object in two places is written out twice, and so is plain
    """
    stack: List[Any] = [[value]]
    seen: Set[int] = set()
    containers = 0
    nodes = 0
    while stack:
        container = stack.pop()
        kind = type(container)
        if kind is dict:
            if "__proto__" in container or (len(container) == 2 and TYPE in container and VALUE in container):
                return False
            for key in container:
                if type(key) is not str:
                    return False
            inside: Any = container.values()
        else:
            inside = container
        nodes += len(container)
        containers += 1
        if nodes > limits.nodes or containers > limits.depth:
            # The encoder says what is too much, or finds that it is not.
            return False
        if kind is not tuple:
            if id(container) in seen and not shared:
                return False
            seen.add(id(container))
        for each in inside:
            kind = type(each)
            if kind is str or each is None or kind is bool:
                continue
            if kind is int:
                if not -MAX_SAFE <= each <= MAX_SAFE and not (pythonic and is_short(each, limits.bigint_digits)):
                    return False
            elif kind is float:
                # A float that is 0 may be -0, and NaN is not below anything.
                if not pythonic and not (0 < abs(each) <= MAX_SAFE):
                    return False
            elif kind in _CONTAINERS:
                stack.append(each)
            else:
                return False
    return True
