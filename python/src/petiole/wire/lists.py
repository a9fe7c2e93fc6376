"""The tags ``table``, ``refs`` and ``snapshots``, read: arrays whose items have in common what is said once."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional, Tuple, Union

from ..errors import describe
from .kinds import Foreign
from .reference import Lazy, Ref
from .tags import RESERVED, VALUE, Malformed, Reading, Tag, read_bigint, read_reference, read_snapshot

if TYPE_CHECKING:
    from .decoder import Decoder, Item

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999


def date_of_cell(cell: Any) -> Any:
    """The datetime of a cell of milliseconds."""
    if type(cell) is str and cell == "NaN":
        return Foreign("datetime", None)
    if type(cell) is float and cell.is_integer():
        cell = int(cell)
    if type(cell) is not int or abs(cell) > 8_640_000_000_000_000:
        raise Malformed("milliseconds", describe(cell))
    if _FIRST <= cell <= _LAST:
        return _EPOCH + timedelta(milliseconds=cell)
    return Foreign("datetime", _far_date(cell))


def _far_date(milliseconds: int) -> str:
    """The text of a Date that Python has no datetime for."""
    days, rest = divmod(milliseconds, 86_400_000)
    # Howard Hinnant's civil_from_days: years begin with March.
    era, day = divmod(days + 719_468, 146_097)
    year_of_era = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day_of_year = day - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    day_of_month = day_of_year - (153 * month + 2) // 5 + 1
    year = year_of_era + era * 400 + (month >= 10)
    seconds, thousandths = divmod(rest, 1000)
    written = f"{year:04d}" if 0 <= year <= 9999 else f"{'-' if year < 0 else '+'}{abs(year):06d}"
    return (
        f"{written}-{month - 9 if month >= 10 else month + 3:02d}-{day_of_month:02d}"
        f"T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{thousandths:03d}+00:00"
    )


def read_references(content: Any, reading: Reading) -> List[Union[Ref[Any], Lazy[Any]]]:
    """The references of a ``refs`` tag."""
    if type(content) is not dict or content.keys() != {"model", "keys"} or type(content["keys"]) is not list:
        raise Malformed("a model and keys", describe(content))
    model = content["model"]
    return [read_reference({"model": model, "pk": pk}, reading) for pk in content["keys"]]


class Snapshots(NamedTuple):
    model: str
    #: The field that is the primary key, and stands in no column.
    key: Optional[str]
    columns: List[Tuple[str, str]]
    rows: List[Any]


def _snapshot_column(column: Any) -> Optional[Tuple[str, str]]:
    if type(column) is str:
        return column, ""
    if type(column) is list and len(column) == 2 and type(column[0]) is str and column[1] in ("datetime", "bigint"):
        return column[0], column[1]
    return None


def survey_snapshots(item: "Item", decoder: "Decoder") -> None:
    content = item.node[VALUE]
    given = content if type(content) is dict else {}
    columns, rows = given.get("columns"), given.get("rows")
    parsed = [_snapshot_column(column) for column in columns] if type(columns) is list else []
    names = [given["key"]] if "key" in given else []
    names += [column[0] if column else None for column in parsed]
    is_right = (
        type(given.get("model")) is str
        and type(columns) is list
        and all(type(name) is str and name != "__proto__" for name in names)
        and len(set(names)) == len(names)
        and not given.keys() - {"model", "key", "columns", "rows"}
    )
    if not is_right or type(rows) is not list:
        raise Malformed("a model, columns that differ, and rows", describe(content))
    known: List[Tuple[str, str]] = [column for column in parsed if column]
    decoder.budget.json([given.get("key"), columns], item.level + 1)
    decoder.budget.nodes(2 + len(rows) * (len(names) + 2))
    decoder.budget.depth(item.level + 3)
    for row in rows:
        if type(row) is not list or len(row) != len(known) + 1:
            raise Malformed(f"rows of {len(known) + 1} cells", describe(row))
        for index, cell in enumerate(row):
            if type(cell) is dict or type(cell) is list:
                kind = known[index - 1][1] if index else ""
                if kind:
                    raise Malformed(f"a {kind} in its column", describe(cell))
                decoder.visit(cell, row, index, item, item.level + 4)
    item.plan = Snapshots(given["model"], given.get("key"), known, rows)


def read_snapshots(item: "Item", decoder: "Decoder") -> List[Any]:
    """The snapshots, in place of their rows."""
    from .decoder import Spot

    model, key, columns, rows = item.plan
    for index, (pk, *cells) in enumerate(rows):

        def snapshot(pk: Any = pk, cells: List[Any] = cells) -> Any:
            fields = {} if key is None else {key: pk}
            for (name, kind), cell in zip(columns, cells):
                if not kind or cell is None:
                    fields[name] = cell
                else:
                    fields[name] = read_bigint(cell, decoder.reading) if kind == "bigint" else date_of_cell(cell)
            return read_snapshot({"model": model, "pk": pk, "fields": fields}, decoder.reading)

        rows[index] = decoder.guard(Spot(rows, index, item), "snapshot", snapshot)
    result: List[Any] = rows
    return result


class Plan(NamedTuple):
    """How rows become instances."""

    tag: Tag
    names: List[str]
    #: Of each column: ``""`` for any value, ``optional``, ``datetime``, ``bigint``, or the plan of another class.
    kinds: List[Any]


def _plan(content: Any, item: "Item", decoder: "Decoder", parts: Tuple[str, ...]) -> Plan:
    given = content if type(content) is dict else {}
    name, columns = given.get("type"), given.get("columns")
    if type(name) is not str or type(columns) is not list or given.keys() - {"type", "columns", *parts}:
        raise Malformed("a type, columns and rows", describe(content))
    tag = decoder.tag_of(name)
    if tag is None:
        raise decoder.unknown_type(name, item)
    if not tag.columns or name in RESERVED:
        raise Malformed("a class that is made of fields", name)
    names: List[str] = []
    kinds: List[Any] = []
    for column in columns:
        title, kind = column if type(column) is list and len(column) == 2 else (column, "")
        if type(title) is not str or title == "__proto__":
            raise Malformed("a column's name", describe(title))
        names.append(title)
        is_kind = type(kind) is str and kind in ("", "optional", "datetime", "bigint")
        kinds.append(kind if is_kind else _plan(kind, item, decoder, ()))
    if len(set(names)) < len(names):
        raise Malformed("columns that differ", "one twice")
    return Plan(tag, names, kinds)


def survey_table(item: "Item", decoder: "Decoder") -> None:
    """Looks through a table: at the values in its cells that are written as any others are."""
    content = item.node[VALUE]
    budget = decoder.budget
    if type(content) is dict:
        # Before its columns, which may be in each other, are gone through.
        budget.json(["", content.get("columns")], item.level + 1)
        _check_nesting(content.get("columns"))
    plan = _plan(content, item, decoder, ("rows",))
    rows = content.get("rows")
    if type(rows) is not list:
        raise Malformed("rows", describe(rows))
    level = item.level + 3
    budget.nodes(1 + len(rows) * (1 + len(plan.kinds)))
    budget.depth(level)
    for row in rows:
        if type(row) is not list:
            raise Malformed("a row", describe(row))
        for index, cell in enumerate(row):
            if type(cell) is not dict and type(cell) is not list:
                continue
            kind = plan.kinds[index] if index < len(plan.kinds) else ""
            if isinstance(kind, Plan):
                _survey_nested(cell, kind, level + 1, decoder)
            elif kind in ("datetime", "bigint"):
                raise Malformed(f"a {kind} in its column", describe(cell))
            else:
                decoder.visit(cell, row, index, item, level + 1)
    item.plan = (plan, rows)


#: So deep may classes be in each other's columns: what reads them recurses.
_MOST_NESTED = 100


def _check_nesting(columns: Any) -> None:
    inside = [columns]
    for _ in range(3 * _MOST_NESTED):
        following: List[Any] = []
        for each in inside:
            if type(each) is dict:
                following.extend(each.values())
            elif type(each) is list:
                following.extend(each)
        if not following:
            return
        inside = following
    raise Malformed(f"columns of at most {_MOST_NESTED} classes in each other", "more")


def _survey_nested(row: Any, plan: Plan, level: int, decoder: "Decoder") -> None:
    if type(row) is not list:
        raise Malformed("a row", describe(row))
    decoder.budget.depth(level)
    decoder.budget.nodes(len(row))
    for index, cell in enumerate(row):
        if type(cell) is not dict and type(cell) is not list:
            continue
        kind = plan.kinds[index] if index < len(plan.kinds) else ""
        if not isinstance(kind, Plan):
            raise Malformed("a scalar in a row inside a row", describe(cell))
        _survey_nested(cell, kind, level + 1, decoder)


def read_table(item: "Item", decoder: "Decoder") -> List[Any]:
    """The instances that a table stands for, in place of its rows."""
    from .decoder import Spot

    plan, rows = item.plan
    for index, row in enumerate(rows):
        spot = Spot(rows, index, item)
        rows[index] = decoder.guard(spot, plan.tag.name, lambda row=row: _instance(row, plan, decoder))  # type: ignore[misc]
    result: List[Any] = rows
    return result


def _instance(row: Any, plan: Plan, decoder: "Decoder") -> Any:
    if type(row) is not list or len(row) != len(plan.names):
        raise Malformed(f"a row of {len(plan.names)} cells", describe(row))
    fields = {}
    for name, kind, cell in zip(plan.names, plan.kinds, row):
        if kind == "":
            fields[name] = cell
        elif cell is not None:
            # In a column that says what its cells are, null is a field left out.
            if isinstance(kind, Plan):
                fields[name] = _instance(cell, kind, decoder)
            elif kind == "bigint":
                fields[name] = read_bigint(cell, decoder.reading)
            else:
                fields[name] = date_of_cell(cell) if kind == "datetime" else cell
    return plan.tag.read(fields, decoder.reading, None)
