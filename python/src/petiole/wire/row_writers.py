"""References and rows as they were, written: one by one, or as a list of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from .encode_context import Unportable
from .json_text import float_for_text, int_to_digits
from .kinds import MAX_SAFE, BigInt, Foreign
from .place import Place
from .reference import Lazy, Ref, Snapshot
from .tags import TYPE, VALUE

if TYPE_CHECKING:
    from .encoder import Encoder

#: Fewer items are as short, and easier to read, one by one.
_FEWEST = 4


def write_list(encoder: "Encoder", value: Any, above: Place, key: Any) -> Optional[Place]:
    items: List[Any] = [*value]
    if len(items) >= _FEWEST and encoder.way.lists and not encoder.way.graph and encoder.context.pointers:
        first = type(items[0])
        if first is Ref and _are_alike(items, Ref):
            if not any(item.details or item.was is not None for item in items):
                return _references(encoder, items, value, above, key)
        elif first is Snapshot and _are_alike(items, Snapshot):
            names = list(items[0].fields)
            has_names = all(type(name) is str for name in names) and "__proto__" not in names
            known = {id(item) for item in items}
            is_new = len(known) == len(items) and not (known & encoder.places.keys() or known & encoder.in_lists)
            if has_names and is_new and all(list(item.fields) == names for item in items):
                return _snapshots(encoder, items, value, above, key)
    return encoder.container(value, items, above, key)


def _are_alike(items: Sequence[Any], kind: Any) -> bool:
    model = items[0].model
    return all(type(item) is kind and item.model == model for item in items)


def _is_same_key(pk: Any, field: Any) -> bool:
    return not isinstance(pk, dict) and type(pk) is type(field) and bool(pk == field)


def _column_kind(cells: List[Any]) -> str:
    """What all values of a column are, None apart; empty where they are not alike, or need no saying."""
    kinds_there = {_cell_kind(cell) for cell in cells if cell is not None}
    return kinds_there.pop() if len(kinds_there) == 1 else ""


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _cell_kind(cell: Any) -> str:
    if type(cell) is BigInt or (type(cell) is int and not -MAX_SAFE <= cell <= MAX_SAFE):
        return "bigint" if cell.bit_length() < 12_000 else ""
    if type(cell) is datetime:
        return "datetime" if cell.microsecond % 1000 == 0 and cell.utcoffset() == timedelta(0) else ""
    return "datetime" if type(cell) is Foreign and cell.tag == "datetime" and cell.content is None else ""


def _cell(cell: Any, kind: str) -> Any:
    if not kind or cell is None:
        return cell
    if kind == "bigint":
        return int_to_digits(int(cell))
    return (cell - _EPOCH) // timedelta(milliseconds=1) if type(cell) is datetime else "NaN"


def _references(encoder: "Encoder", items: List[Any], value: Any, above: Place, key: Any) -> Place:
    encoder.check_dialect("refs")
    content = {"model": items[0].model, "keys": [_pk(encoder, item.pk) for item in items]}
    encoder.budget.depth(above.level + 1)
    encoder.budget.nodes(2)
    encoder.budget.json(content, above.level + 2)
    place = Place(above, key, {TYPE: "refs", VALUE: content}, [])
    encoder.keep(value, place)
    encoder.put(above, key, place.container)
    return place


def _snapshots(encoder: "Encoder", items: List[Any], value: Any, above: Place, key: Any) -> Place:
    encoder.check_dialect("snapshots")
    names = list(items[0].fields)
    first = names[0] if names else None
    has_key = first is not None and all(_is_same_key(item.pk, item.fields[first]) for item in items)
    columns = names[1:] if has_key else names
    of = [_column_kind([item.fields[name] for item in items]) for name in columns]
    rows = [
        [
            dict(item.pk) if isinstance(item.pk, dict) else item.pk,
            *(_cell(item.fields[name], kind) for name, kind in zip(columns, of)),
        ]
        for item in items
    ]
    encoder.in_lists.update(map(id, items))
    encoder.kept.append(items)
    written = [[name, kind] if kind else name for name, kind in zip(columns, of)]
    keyed = {"key": first} if has_key else {}
    content = {"model": items[0].model, **keyed, "columns": written, "rows": rows}
    whole = Place(above, key, {TYPE: "snapshots", VALUE: content}, [], "snapshots", "fields", False)
    place = Place(Place(whole, VALUE, content, []), "rows", rows, None)
    place.columns = [0, *(index + 1 for index, kind in enumerate(of) if not kind)]
    encoder.keep(value, whole)
    encoder.put(above, key, whole.container)
    encoder.budget.depth(place.level + 1)
    encoder.budget.json([*keyed.values(), written], place.level - 1)
    encoder.budget.nodes(len(rows) * (len(names) + 2) + 6)
    return place


def write_reference(encoder: "Encoder", value: Any, above: Place, key: Any) -> None:
    reference: Ref[Any] = value.reference if isinstance(value, Lazy) else value
    content: Dict[str, Any] = {"model": reference.model, "pk": _pk(encoder, reference.pk)}
    content.update(reference.details)
    if reference.was is not None:
        content["was"] = encoder.apart(reference.was)
    if isinstance(value, Lazy):
        content["lazy"] = True
    encoder.scalar("ref", content, above, key)


def _pk(encoder: "Encoder", pk: Any) -> Any:
    if isinstance(pk, dict):
        if len(pk) == 2 and TYPE in pk and VALUE in pk:
            raise Unportable("its key looks like a tag: name its columns otherwise")
        if "__proto__" in pk:
            raise Unportable("its key has a part named __proto__")
        return {name: _pk(encoder, part) for name, part in pk.items()}
    if isinstance(pk, str):
        return str.__str__(pk)
    holder = Place(None, "", [pk], None)
    if isinstance(pk, float):
        if pk == 0 and str(pk) == "-0.0":
            raise Unportable("its key is -0")
        return pk if encoder.context.pythonic else float_for_text(pk)
    encoder.integer(
        int(pk) if type(pk) not in (int, BigInt) else pk, type(pk) if type(pk) is BigInt else int, holder, 0
    )
    return holder.container[0]


def write_snapshot(encoder: "Encoder", value: Snapshot[Any], above: Place, key: Any) -> Optional[Place]:
    pk = dict(value.pk) if isinstance(value.pk, dict) else value.pk
    content = {"model": value.model, "pk": pk, "fields": dict(value.fields)}
    return encoder.tag("snapshot", "fields", value, content, above, key, opens=False)
