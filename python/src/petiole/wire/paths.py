"""Where something is: as a person writes it, and as a pointer."""

from __future__ import annotations

import json
import re
from typing import Any, List, Optional, Tuple

from ..errors import shortened
from .tags import TYPE, VALUE, looks_like_tag

#: A container of the wire's tree, and the key or index of what is in it.
Step = Tuple[Any, Any]

_PLAIN = re.compile(r"[^\W\d]\w*")
_INDEX = re.compile(r"0|[1-9][0-9]*")


def segment(key: Any) -> str:
    """One step of a path: ``.name``, ``["odd name"]``, ``[3]``."""
    if type(key) is int:
        return f"[{key}]"
    text = str(getattr(key, "key", key))
    return f".{text}" if _PLAIN.fullmatch(text) else f"[{json.dumps(text)}]"


def path_of(root: str, steps: List[Step]) -> str:
    """The way along some steps: ``payload.items[3].price``, ``payload.map.get("key")``."""
    path = root
    at = 0
    while at < len(steps):
        container, key = steps[at]
        at += 1
        if key != VALUE or type(container) is not dict or not looks_like_tag(container):
            path += segment(key)
            continue
        name = container[TYPE]
        inside = steps[at : at + 3]
        if name in ("map", "object", "bare", "array"):
            at += 2
            if len(inside) > 1:
                path += _entry(name == "map", inside[0][1], inside[1])
        elif name == "set":
            at += 1
            if inside:
                path += f".values(){segment(inside[0][1])}"
        elif name == "error":
            at += bool(inside) and inside[0][1] == "properties"
        elif name == "graph":
            at += 2
            if len(inside) > 1:
                path += f" (node {inside[1][1]})"
        elif name in ("table", "snapshots"):
            at += 3
            if len(inside) > 1:
                path += segment(inside[1][1])
            if len(inside) > 2:
                path += _cell(name, container[VALUE], inside[2][1])
    return shortened(path)


def _entry(is_map: bool, index: Any, step: Step) -> str:
    pair, side = step
    # What is no pair is refused, and whatever is wrong within it before.
    if type(pair) is not list:
        return segment(index) + segment(side)
    key = pair[0]
    is_simple = type(key) in (str, int, float, bool)
    if not is_map and is_simple:
        return segment(key)
    if side == 0:
        return f".keys()[{index}]"
    return f".get({json.dumps(key)})" if is_simple else f".values()[{index}]"


def _cell(name: str, content: Any, index: Any) -> str:
    if name == "snapshots":
        if index == 0:
            return ".pk"
        index -= 1
    columns = content.get("columns") if type(content) is dict else None
    column = columns[index] if type(columns) is list and index < len(columns) else index
    return ("" if name == "table" else ".fields") + segment(column[0] if type(column) is list else column)


def pointer_of(steps: List[Step]) -> str:
    """The RFC 6901 pointer along some steps."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for _, key in steps)


_BAD_ESCAPE = re.compile("~(?![01])")


def follow(pointer: Any, tree: Any) -> Optional[Any]:
    """The container at an RFC 6901 pointer; None where it leads nowhere."""
    if type(pointer) is not str or (pointer and not pointer.startswith("/")) or _BAD_ESCAPE.search(pointer):
        return None
    node = tree
    for token in pointer.split("/")[1:]:
        if type(node) is dict:
            key: Any = token.replace("~1", "/").replace("~0", "~")
            if key not in node:
                return None
        elif type(node) is list:
            if not _INDEX.fullmatch(token) or len(token) > 10 or int(token) >= len(node):
                return None
            key = int(token)
        else:
            return None
        node = node[key]
    return node if type(node) is dict or type(node) is list else None
