"""From the descriptions in the project's vectors to values; test/wire/vectors/README.md tells the notation."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Callable, Dict, List
from uuid import UUID

import wire_classes

from petiole.wire import (
    ArrayBuffer,
    Bare,
    BigInt,
    Boxed,
    Foreign,
    Headers,
    Lazy,
    Map,
    Ref,
    RegExp,
    Set,
    Snapshot,
    Sparse,
    Symbol,
    Url,
    URLSearchParams,
    View,
    WireError,
    undefined,
)
from petiole.wire.lists import date_of_cell
from petiole.wire.times import read_date, read_datetime, read_time

TEMPORAL = {
    "PlainDate": "date",
    "PlainTime": "time",
    "Instant": "instant",
    "ZonedDateTime": "zoned",
    "PlainDateTime": "local",
    "PlainYearMonth": "month",
    "PlainMonthDay": "day",
    "Duration": "duration",
}

INSTANCES = {
    "shop.Money": wire_classes.Money,
    "shop.Order": wire_classes.Order,
    "geo.Point": wire_classes.Point,
    "test.Box": wire_classes.Box,
}


class Builder:
    def __init__(self) -> None:
        self.named: Dict[Any, Any] = {}

    def build(self, given: Any, name: Any = None) -> Any:
        if isinstance(given, int) and not isinstance(given, bool) and abs(given) > 2**53 - 1:
            return float(given)
        if not isinstance(given, list):
            return given
        kind, *rest = given
        if kind == "at":
            return self.named[rest[0]]
        if kind == "as":
            value = self.build(rest[1], rest[0])
            self.named[rest[0]] = value
            return value

        def made(value: Any) -> Any:
            if name is not None:
                self.named[name] = value
            return value

        return getattr(self, "_" + kind)(rest, made)

    def _array(self, items: List[Any], made: Callable[[Any], Any]) -> Any:
        array = made([])
        for item in items:
            array.append(self.build(item))
        return array

    def _fill(self, into: Any, entries: List[Any]) -> Any:
        for key, value in entries:
            name = self.build(key)
            into[name] = self.build(value)
        return into

    def _object(self, entries: List[Any], made: Callable[[Any], Any]) -> Any:
        return self._fill(made({}), entries)

    def _bare(self, entries: List[Any], made: Callable[[Any], Any]) -> Any:
        return self._fill(made(Bare()), entries)

    def _sparse(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        array = made(Sparse(rest[0]))
        for key, value in rest[1:]:
            into = array.items if isinstance(key, int) else array.properties
            into[self.build(key)] = self.build(value)
        return array

    def _number(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        return float(rest[0])

    def _bigint(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        value = int(rest[0])
        return BigInt(value) if abs(value) < 2**53 else value

    def _undefined(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        return undefined

    def _symbol(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        return Symbol(rest[0])

    def _date(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        is_time = isinstance(rest[0], int)
        return date_of_cell(rest[0] if is_time else "NaN")

    def _foreign(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        name, text = rest
        by_name = {"decimal": Decimal, "uuid": lambda digits: UUID(hex=digits), "datetime": read_datetime}
        return by_name[name](text)

    def _temporal(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        name = TEMPORAL[rest[0]]
        return {"date": read_date, "time": read_time}.get(name, lambda text: Foreign(name, text))(rest[1])

    def _bytes(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        data = bytes.fromhex(rest[1])
        return data if rest[0] == "Uint8Array" else View(rest[0], data)

    def _buffer(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        return ArrayBuffer(bytes.fromhex(rest[0]), rest[1] if len(rest) > 1 else None)

    def _view(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        return View(rest[0], self.build(rest[1]), rest[2], rest[3])

    def _map(self, entries: List[Any], made: Callable[[Any], Any]) -> Any:
        return self._fill(made(Map()), entries)

    def _set(self, items: List[Any], made: Callable[[Any], Any]) -> Any:
        several = made(Set())
        for item in items:
            several.add(self.build(item))
        return several

    def _boxed(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        return Boxed(self.build(rest[0]))

    def _regexp(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        return RegExp(*rest)

    def _url(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        return Url(rest[0])

    def _urlsearchparams(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        from urllib.parse import unquote_plus

        return URLSearchParams(tuple(map(unquote_plus, pair.split("=", 1))) for pair in rest[0].split("&"))

    def _headers(self, pairs: List[Any], made: Callable[[Any], Any]) -> Any:
        return Headers(tuple(pair) for pair in pairs)

    def _error(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        error = made(WireError(rest[0]))
        for part, *values in rest[1:]:
            if part == "properties":
                self._fill(error.properties, values)
            else:
                error.parts[part] = self.build(values[0])
        return error

    def _reference(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        model, key, *parts = rest
        said = {name: self.build(value) for name, value in parts}
        return Ref(model, self.build(key), **said)

    def _lazy(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        return Lazy(self._reference(rest, made))

    def _snapshot(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        model, key, *columns = rest
        return Snapshot(model, self.build(key), {name: self.build(value) for name, value in columns})

    def _instance(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        name, *fields = rest
        return INSTANCES[name](**{field: self.build(value) for field, value in fields})

    def _coded(self, rest: List[Any], made: Callable[[Any], Any]) -> Any:
        return wire_classes.Wrapped(self.build(rest[1]))


def value_of(description: Any) -> Any:
    """The value that a description stands for."""
    return Builder().build(description)
