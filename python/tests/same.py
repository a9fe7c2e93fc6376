"""Whether one value is as another: kinds, order, and which places hold one object. The judge of these tests."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Dict, List, Optional, Tuple
from uuid import UUID

from petiole.wire import (
    ArrayBuffer,
    Bare,
    Boxed,
    Bytes,
    Foreign,
    Headers,
    Lazy,
    Map,
    Ref,
    RegExp,
    Snapshot,
    Sparse,
    Symbol,
    UndefinedType,
    Url,
    URLSearchParams,
    View,
    WireError,
)

#: Values: one of them in two places may become two.
VALUES = (
    bool, int, float, str, type(None), datetime, date, time, Decimal, UUID, Foreign, Symbol, UndefinedType,
)  # fmt: skip


def _kind(value: Any) -> Any:
    kind = type(value)
    if isinstance(value, (bytes, bytearray)):
        return "bytes"
    if isinstance(value, Url):
        return Url
    if isinstance(value, (set, frozenset)) or kind.__name__ == "Set":
        return "set"
    if isinstance(value, datetime):
        return datetime
    if isinstance(value, time):
        return time
    if isinstance(value, Decimal):
        return Decimal
    return kind


def _inside(value: Any) -> Tuple[Any, List[Any]]:
    """What a value has of its own, and the values in it, in order."""
    kind = _kind(value)
    if kind is Symbol:
        return value.key, []
    if kind is Foreign:
        return (value.tag, value.content), []
    if kind in (datetime, time):
        return (value.isoformat(), getattr(value, "wire_text", None)), []
    if kind is Decimal:
        return (str(value), getattr(value, "wire_text", None)), []
    if isinstance(value, VALUES) and not isinstance(value, Url):
        return repr(value), []
    if kind == "bytes":
        return bytes(value), []
    if kind is Url:
        return str(value), []
    if kind is list:
        return len(value), list(value)
    if kind in (dict, Bare):
        keys = list(value)
        return [(type(key), str(key)) for key in keys], [*keys, *value.values()]
    if kind is Map:
        return len(value), [each for pair in value.items() for each in pair]
    if kind == "set":
        items = value.in_order() if hasattr(value, "in_order") else list(value)
        return len(items), items
    if kind is Sparse:
        names = [*value.items, *value.properties]
        return (value.length, [str(name) for name in names]), [*value.items.values(), *value.properties.values()]
    if kind is Boxed:
        return "", [value.value]
    if kind is RegExp:
        return (value.source, value.flags, value.last_index), []
    if kind in (URLSearchParams, Headers):
        return value.pairs, []
    if kind is ArrayBuffer:
        return (value.data, value.max_byte_length), []
    if kind is View:
        shared = value.shared
        return (value.kind, shared, value.offset, value.length, bytes(value)), [value.buffer] if shared else []
    if isinstance(value, WireError):
        parts, properties = value.parts, value.properties
        return (value.name, sorted(parts), [str(key) for key in properties]), [
            *(parts[name] for name in sorted(parts)),
            *properties.values(),
        ]
    if kind is Ref:
        was = [] if value.was is None else [dict(value.was)]
        return (value.model, sorted(value.details.items(), key=str).__repr__(), len(was)), [value.pk, *was]
    if kind is Lazy:
        return "", [value.reference]
    if kind is Snapshot:
        return (value.model, list(value.fields)), [value.pk, *value.fields.values()]
    fields = vars(value)
    return list(fields), list(fields.values())


def difference(one: Any, other: Any) -> Optional[str]:
    """Where two values differ; None when they are the same."""
    pairs: List[Tuple[Any, Any, Tuple[Any, ...]]] = [(one, other, ())]
    there: Dict[int, int] = {}
    back: Dict[int, int] = {}
    kept: List[Any] = []
    while pairs:
        left, right, path = pairs.pop()
        if _kind(left) is not _kind(right) and _kind(left) != _kind(right):
            return f"{path[-12:]}: {type(left).__name__} became {type(right).__name__}: {left!r:.80}, {right!r:.80}"
        is_value = isinstance(left, VALUES) and not isinstance(left, Url)
        is_value = is_value or isinstance(left, (Ref, Lazy)) or (type(left) is bytes and not isinstance(right, Bytes))
        if not is_value:
            if there.get(id(left)) == id(right) and back.get(id(right)) == id(left):
                continue
            if id(left) in there or id(right) in back:
                return f"{path[-12:]}: one object became two, or two one"
            there[id(left)], back[id(right)] = id(right), id(left)
            kept += [left, right]
        own, inside = _inside(left)
        other_own, other_inside = _inside(right)
        if own != other_own or len(inside) != len(other_inside):
            return f"{path[-12:]}: {own!r:.200} became {other_own!r:.200}"
        pairs.extend((a, b, (*path[-12:], at)) for at, (a, b) in enumerate(zip(inside, other_inside)))
    return None
