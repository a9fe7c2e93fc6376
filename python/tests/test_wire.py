"""The codec: Python's own values, limits, depth, and what cannot travel."""

from __future__ import annotations

import collections
import copy
import enum
import math
import pickle
import sys
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, List
from uuid import UUID

import pytest
from same import difference

from petiole.errors import DecodeError, EncodeError, LimitError, PetioleError
from petiole.wire import (
    BigInt,
    Foreign,
    Lazy,
    Limits,
    Map,
    OrderedSet,
    Ref,
    Set,
    Snapshot,
    Sparse,
    Symbol,
    View,
    Wire,
    WireError,
    decode,
    encode,
    undefined,
)


class Level(enum.IntEnum):
    HIGH = 3


class Name(str, enum.Enum):
    A = "a"


Pair = collections.namedtuple("Pair", "x y")


@pytest.mark.parametrize(
    "value",
    [
        0, -1, 2**53 - 1, -(2**53) + 1, 2**53, 2**200, -(2**200), BigInt(0), BigInt(-5), 0.1, -2.5, 5.0, 1e16, 1e300,
        5e-324, 1e-7, 2.0**60, -0.0, math.inf, -math.inf, "", "a\u2028\ud800\x00\"\\", True, False, None, undefined,
        datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999, timezone.utc), datetime(2026, 1, 2, 3, 4, 5, 6),
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(seconds=3671))),
        date(1, 1, 1), date(9999, 12, 31), time(1, 2), time(1, 2, 3, 4), time(1, 2, tzinfo=timezone.utc),
        Decimal("1.10"), Decimal("-0"), Decimal("1E+5"), Decimal("NaN"), Decimal("-Infinity"), UUID(int=1),
        b"", b"\xff", Symbol(""), Foreign("datetime", None), Foreign("duration", "P1D"), Foreign("duration", [1] + [0] * 9),
        {"a": [1, {"b": ()}]}, {Symbol("k"): 1, "__proto__": 2}, {"__type__": "map", "__value__": []}, {"1": 1, "b": 2, "0": 3},
        Map([(1, "a"), ("1", "b"), (True, "c"), (BigInt(1), "d"), (None, "e"), (undefined, "f"), (math.nan, "g")]),
        Map([(date(2026, 1, 2), 1), (date(2026, 1, 2), 2)]), Set([[], [], {}]), OrderedSet.of([3, 1, 2]), Set([b"", b"", b"a", b"a"]),
        Sparse(5, {1: "a"}, {"x": [1]}), View("Float64Array", b"\x00" * 8), Ref("a.B", {"x": 1, "y": "2"}),
        Ref("a.B", 2**60, with_=["c"], if_missing="skip", was={"a": Decimal(1)}), Lazy(Ref("a.B", "x")),
        Snapshot("a.B", 1, {"id": 1, "at": datetime(2026, 1, 2, tzinfo=timezone.utc)}),
        [Snapshot("a.B", at, {"id": at, "big": 2**60 + at, "no": None}) for at in range(5)],
        [Ref("a.B", at) for at in range(5)],
        WireError("TypeError", "x", parts={"cause": None}, properties={"a": [1]}),
    ],
    ids=lambda value: f"{type(value).__name__} {value!r:.40}",
)  # fmt: skip
def test_what_goes_comes_back(value: Any) -> None:
    expected = [] if value == () and isinstance(value, tuple) else value
    back = decode(encode([value]))[0]
    if isinstance(value, dict) and "a" in value:
        expected = {"a": [1, {"b": []}]}
    assert difference(expected, back) is None
    assert encode([back]) == encode([value])
    if not isinstance(value, (Map, Set, list)):
        assert difference(back, pickle.loads(pickle.dumps(back))) is None


def test_what_a_number_is_in_each_language() -> None:
    assert encode([5, 5.0, 1e16, 2**53, BigInt(5), math.nan]) == (
        '[5,5.0,10000000000000000,{"__type__":"bigint","__value__":"9007199254740992"},'
        '{"__type__":"bigint","__value__":"5"},{"__type__":"number","__value__":"NaN"}]'
    )
    numbers = decode("[9007199254740993,1e400,-0,12345678901234567890,1" + "0" * 400 + "]")
    assert numbers == [2.0**53, math.inf, 0, 12345678901234567890.0, math.inf] and str(numbers[2]) == "-0.0"


def test_what_is_no_more_after_the_way() -> None:
    value = [
        (1, 2),
        Pair(1, 2),
        collections.OrderedDict(a=1),
        Level.HIGH,
        Name.A,
        {1, 2},
        frozenset({1}),
        bytearray(b"a"),
    ]
    assert decode(encode(value)) == [[1, 2], [1, 2], {"a": 1}, 3, "a", {1, 2}, {1}, b"a"]


def test_what_is_shared_is_shared_again() -> None:
    shared: List[Any] = [1]
    one, other, several = decode(encode([shared, {"again": shared}, Map([(shared, Set([shared]))])]))
    assert one is other["again"] is next(iter(several)) is next(iter(several[one]))
    # Tuples are values, and so are the compiler's constants.
    pair = (1, 2)
    left, right = decode(encode([pair, pair]))
    assert left is not right


def test_subclasses_travel_as_what_they_are_not_as_they_print_themselves() -> None:
    class Price(Decimal):
        def __str__(self) -> str:
            return f"{float(self)} EUR"

    class NoTime(datetime):
        def isoformat(self, *_: Any, **__: Any) -> str:
            return "NaT"

    back = decode(encode([Price("1.50"), {Name.A: 1}]))
    assert back == [Decimal("1.50"), {"a": 1}] and str(back[0]) == "1.50"
    with pytest.raises(EncodeError, match='its text is no datetime: string "NaT"'):
        encode(NoTime(2026, 1, 2))


def test_a_dict_whose_keys_become_text_is_one_object_still() -> None:
    shared: Any = {Name.A: 1}
    shared[Name.A] = shared
    one, other = decode(encode([shared, shared]))
    assert one is other is one["a"]


def test_a_pointer_is_before_what_it_points_from_in_javascript_too() -> None:
    shared = {"x": 1}
    text = encode({"b": shared, "1": [shared]})
    assert text == '{"1":[{"x":1}],"b":{"__type__":"same","__value__":"/1/0"}}'
    assert list(decode(encode({"b": 1, "1": 2}))) == ["b", "1"]


def test_circles() -> None:
    ring: List[Any] = []
    ring.append({"ring": ring, "map": Map([("r", ring)]), "error": WireError("Error", parts={"cause": ring})})
    was: Any = {"id": 1}
    was["self"] = [was]
    came = decode(encode(Ref("a.B", 1, was=was))).was
    assert came["self"][0] is came
    back = decode(encode(ring))
    assert back[0]["ring"] is back[0]["map"]["r"] is back[0]["error"].cause is back


@pytest.mark.parametrize("levels", [10_000, 30_000])
def test_depth(levels: int) -> None:
    before = sys.getrecursionlimit()
    deep: Any = []
    for _ in range(levels):
        deep = [deep]
    back = decode(encode(deep))
    for _ in range(levels):
        (back,) = back
    assert back == [] and sys.getrecursionlimit() == before
    tuples: Any = ()
    for _ in range(levels // 2):
        tuples = (tuples,)
    assert len(encode(tuples)) >= levels
    chain: Any = None
    for _ in range(levels // 4):
        chain = WireError("Error", parts={"cause": {"map": Map([(1, chain)])}})
    assert isinstance(decode(encode(chain)), WireError)


def test_much_sharing_is_a_graph() -> None:
    items: List[Any] = [{"id": at} for at in range(3000)]
    for at, item in enumerate(items):
        item["next"], item["previous"] = items[(at + 1) % len(items)], items[at - 1]
    text = encode(items[0])
    assert text.startswith('{"__type__":"graph"')
    back = decode(text)
    assert back["next"]["previous"] is back and back["previous"]["id"] == 2999
    twice: Any = []
    for _ in range(60):
        twice = [twice, twice]
    assert len(encode(twice)) < 20_000


def test_exceptions_are_errors_that_say_what_they_were() -> None:
    try:
        try:
            raise KeyError("a")
        except KeyError as cause:
            raise ValueError("b", 5) from cause
    except ValueError as error:
        back = decode(encode(error))
    assert str(back) == "ValueError: ('b', 5)" and "test_exceptions" in back.stack
    assert back.properties["python"] == {"module": "builtins", "type": "ValueError", "args": ["b", 5]}
    assert back.cause.properties["name"] == "KeyError"
    with pytest.raises(WireError):
        raise back


def test_what_cannot_travel_is_told_with_every_place() -> None:
    loop: Any = {}
    loop["was"] = Ref("a.B", 1, was={"inner": Ref("a.B", 2, was={})})
    value = {"f": print, "o": [object(), timedelta(1)], "k": {1: 2}, "m": Map([("c", int)]), "ok": 1, **loop}
    with pytest.raises(EncodeError) as error:
        encode(value)
    assert {refusal.path for refusal in error.value.refusals} == {
        "value.f", "value.o[0]", "value.o[1]", "value.k", 'value.m.get("c")', "value.was",
    }  # fmt: skip
    assert error.value.code == "ERR_PAYLOAD_REFUSED" and "petiole.Map" in str(error.value)


def test_reading_what_raises_is_a_refusal() -> None:
    class Odd(dict):  # type: ignore[type-arg]
        def keys(self) -> Any:
            raise RuntimeError("no")

        def __iter__(self) -> Any:
            raise RuntimeError("no")

    with pytest.raises(EncodeError):
        encode([WireError("Error", parts={"message": 5})])
    with pytest.raises(EncodeError):
        encode([Sparse(2, {5: 1}), Sparse(-1), Sparse(3, None, {"length": 1})])
    try:
        encode([Odd(a=1)])
    except PetioleError:
        pass


def test_limits_in_both_directions() -> None:
    small = Wire(limits=Limits(bytes=50, depth=4, nodes=10, bigint_digits=5))
    for value, limit in [
        ("x" * 51, "bytes"), ("\u20ac" * 17, "bytes"), (list(range(11)), "nodes"), (BigInt(10**5), "bigintDigits"), ([[[[[]]]]], "depth"),
    ]:  # fmt: skip
        with pytest.raises(LimitError) as error:
            small.encode(value)
        assert error.value.limit == limit
        with pytest.raises(LimitError) as error:
            small.decode(encode(value))
        assert error.value.limit == limit and error.value.code == "ERR_PAYLOAD_LIMIT"
    for wrong in (0, -1, math.nan, True, "5"):
        with pytest.raises(PetioleError):
            Limits(nodes=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("digits", [4300, 4301, 9_999, 10_000])
def test_integers_beyond_pythons_own_limit(digits: int) -> None:
    text = "9" * digits
    value = decode(f'{{"__type__":"bigint","__value__":"{text}"}}')
    assert encode([value, -value]) == (
        f'[{{"__type__":"bigint","__value__":"{text}"}},{{"__type__":"bigint","__value__":"-{text}"}}]'
    )


def test_integers_over_the_limit() -> None:
    with pytest.raises(LimitError):
        encode(10**10_000)
    with pytest.raises(LimitError):
        decode('{"__type__":"bigint","__value__":"' + "9" * 10_001 + '"}')
    assert decode("9" * 100_000) == math.inf


def test_a_map_is_a_mapping() -> None:
    at = date(2026, 1, 2)
    several = Map({"a": 1})
    several[at] = 2
    assert several == {"a": 1, at: 2} and several[date(2026, 1, 2)] == 2 and copy.copy(several) == several
    assert (1 in Map([(True, 1)]), True in Map([(1, 1)]), BigInt(1) in Map([(1, 1)]), 1.0 in Map([(1, 1)])) == (
        False, False, False, True,
    )  # fmt: skip
    del several["a"]
    with pytest.raises(KeyError):
        several["a"]
    unhashable: Any = {"x": 1}
    several[unhashable] = 3
    assert several[unhashable] == 3 and several[{"x": 1}] == 3


def test_a_set_comes_back_in_its_order() -> None:
    back = decode('{"__type__":"set","__value__":["c","a","b"]}')
    assert isinstance(back, set) and back == {"a", "b", "c"}
    back.discard("a")
    back.add("d")
    assert encode(back) == '{"__type__":"set","__value__":["c","b","d"]}'


def test_unknown_names_are_told() -> None:
    with pytest.raises(DecodeError) as error:
        decode('{"a":[{"__type__":"shop.Nothing","__value__":{}}]}')
    assert (error.value.path, error.value.type, error.value.code) == ("value.a[0]", "shop.Nothing", "ERR_TYPE_UNKNOWN")
    assert pickle.loads(pickle.dumps(error.value)).type == "shop.Nothing"
