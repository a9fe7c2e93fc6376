"""The value classes of the project's own tests of the wire (test/wire/classes.ts), in Python."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Callable, Dict, Tuple

from petiole.wire import BigInt, Foreign, ValueType, registry


class Fields:
    """An instance by fields, compared by them."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Money(Fields):
    amount: int
    currency: str


class Order(Fields):
    pass


class Numbers(Fields):
    pass


class Box(Fields):
    pass


class Point(Fields):
    pass


class Wrapped:
    def __init__(self, held: Any) -> None:
        self.held = held


def number(value: Any) -> bool:
    return not isinstance(value, (bool, BigInt)) and isinstance(value, (int, float)) and not beyond(value)


def beyond(value: Any) -> bool:
    return isinstance(value, int) and abs(value) > 2**53 - 1


def bigint(value: Any) -> bool:
    return isinstance(value, BigInt) or (isinstance(value, int) and beyond(value))


def is_date(value: Any) -> bool:
    return isinstance(value, datetime) or (isinstance(value, Foreign) and value.tag == "datetime")


Checks = Dict[str, Tuple[Callable[[Any], bool], bool]]


def by_fields(cls: type, name: str, checks: Checks) -> ValueType:
    def decode(fields: Any) -> Any:
        for field in fields:
            if field not in checks:
                raise ValueError(f"{field} is no field")
        for field, (fits, optional) in checks.items():
            if field not in fields:
                if not optional:
                    raise ValueError(f"{field} is missing")
            elif not fits(fields[field]):
                raise ValueError(f"{field} is wrong")
        return cls(**fields)

    return ValueType(cls, name, lambda instance: dict(vars(instance)), decode)


def of(cls: type) -> Callable[[Any], bool]:
    return lambda value: type(value) is cls


def list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: type(value) is list and all(map(fits, value))


def _wrapped(form: Any) -> Wrapped:
    if type(form) is not list or len(form) != 1:
        raise ValueError("not one item")
    return Wrapped(form[0])


def register() -> None:
    text = of(str)
    for entry in [
        by_fields(Money, "shop.Money", {"amount": (bigint, False), "currency": (text, False)}),
        by_fields(
            Order,
            "shop.Order",
            {
                "id": (number, False),
                "total": (of(Money), False),
                "lines": (list_of(of(Money)), False),
                "placed": (is_date, False),
                "note": (text, True),
            },
        ),
        by_fields(Numbers, "test.Numbers", {"list": (list_of(number), False)}),
        by_fields(Box, "test.Box", {"held": (lambda value: True, False)}),
        by_fields(Point, "geo.Point", {"x": (number, False), "y": (number, False)}),
        ValueType(Wrapped, "test.Wrapped", lambda wrapped: [wrapped.held], _wrapped, layout="value"),
    ]:
        registry.add(entry)


register()
