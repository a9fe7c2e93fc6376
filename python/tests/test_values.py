"""Value classes: of attrs, dataclasses, pydantic, and plain ones."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, Dict, FrozenSet, List, NewType, Optional, Set, Tuple, Union

import attrs
import pydantic
import pytest

import petiole
from petiole import BigInt, DecodeError, EncodeError, PetioleError, decode, encode, undefined


class Color(enum.Enum):
    RED = "red"


@petiole.value("v.Price")
@dataclass(frozen=True)
class Price:
    amount: BigInt
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ValueError("below zero")


@petiole.value("v.Item")
@attrs.define
class Item:
    _code: str
    price: Price
    ratio: float = 1.0
    tags: List[str] = attrs.field(factory=list)
    derived: str = attrs.field(init=False, default="x")


@petiole.value("v.Bill")
class Bill(pydantic.BaseModel):
    id: int = pydantic.Field(alias="billId")
    items: List[Item]
    due: date
    total: BigInt
    note: Optional[str] = None

    model_config = {"arbitrary_types_allowed": True}


@petiole.value("v.Plain", fields={"x": int, "y": Optional[int]})
class Plain:
    def __init__(self, x: int, y: Optional[int] = None) -> None:
        self.x, self.y = x, y


@petiole.value("v.Coded", encode=lambda coded: [coded.held], decode=lambda form: Coded(form[0]))
class Coded:
    def __init__(self, held: Any) -> None:
        self.held = held


@petiole.value("v.Many")
@dataclass
class Many:
    pair: Tuple[int, str]
    several: Tuple[int, ...]
    colors: FrozenSet[str]
    by_name: Dict[str, Decimal]
    either: Union[int, str, None]
    color: Color
    at: datetime
    anything: Any = None
    made: List[int] = field(default_factory=list)


def test_each_kind_of_class_comes_back() -> None:
    item = Item("a", Price(BigInt(5)), tags=["x"])
    bill = Bill(billId=1, items=[item, item], due=date(2026, 1, 2), total=BigInt(10))
    back = decode(encode([bill, item, Plain(1), Coded({1})]))
    assert back[0] == bill and back[0].items[0] is back[0].items[1] is back[1]
    assert type(back[0].total) is BigInt and type(back[0].items[0].price.amount) is BigInt
    assert (back[2].x, back[2].y, back[3].held) == (1, None, {1})
    # As TypeScript writes them: a bigint where BigInt is declared, an optional field left out.
    assert encode(Price(5)) == (  # type: ignore[arg-type]
        '{"__type__":"v.Price","__value__":{"amount":{"__type__":"bigint","__value__":"5"},"currency":"EUR"}}'
    )
    assert '"note"' not in encode(bill) and '"y"' not in encode(Plain(1)) and "derived" not in encode(item)


def test_what_travels_as_another_type_becomes_that_again() -> None:
    at = datetime(2026, 1, 2, tzinfo=timezone.utc)
    many = Many((1, "a"), (1, 2), frozenset({"a"}), {"a": Decimal(1)}, None, Color.RED.value, at)  # type: ignore[arg-type]
    many.color = Color.RED
    many.anything = undefined
    text = encode(many).replace(' "', '"')
    back = decode(text)
    assert back == Many((1, "a"), (1, 2), frozenset({"a"}), {"a": Decimal(1)}, None, Color.RED, at)
    ratio = decode('{"__type__":"v.Item","__value__":{"_code":"a","ratio":5,"price":' + encode(Price(BigInt(1))) + "}}")
    assert type(ratio.ratio) is float


class Shape(enum.Enum):
    ROUND = "round"
    RED = "red"


class Corner(enum.Enum):
    ORIGIN = (0, 0)


Kind = NewType("Kind", Color)


@petiole.value("v.Collected")
@dataclass
class Collected:
    colors: Set[Color] = field(default_factory=set)
    frozen: FrozenSet[Color] = frozenset()
    pairs: FrozenSet[Tuple[int, int]] = frozenset()
    sets: FrozenSet[FrozenSet[int]] = frozenset()
    rows: List[List[Color]] = field(default_factory=list)
    by_color: Dict[Color, List[Color]] = field(default_factory=dict)
    tuples: Tuple[Tuple[Color, int], ...] = ()
    maybe: Optional[List[Optional[Color]]] = None
    corner: Optional[Corner] = None
    kind: Optional[Kind] = None
    floats: Set[float] = field(default_factory=set)
    either: Union[str, Color, None] = None
    lists: Union[List[str], List[Color], None] = None
    shapes: Union[Color, Shape, None] = None
    any_set: Any = None
    bare: set = field(default_factory=set)  # type: ignore[type-arg]
    some: FrozenSet[Union[str, Color]] = frozenset()


@petiole.value("v.Modelled")
class Modelled(pydantic.BaseModel):
    colors: Set[Color] = set()
    pairs: FrozenSet[Tuple[int, int]] = frozenset()
    rows: List[List[Color]] = []
    by_color: Dict[Color, List[Color]] = {}
    maybe: Optional[List[Optional[Color]]] = None
    either: Union[str, Color, None] = None


HELD: List[Any] = [
    {"colors": {Color.RED}},
    {"frozen": frozenset({Color.RED})},
    {"pairs": frozenset({(1, 2), (3, 4)})},
    {"sets": frozenset({frozenset({1}), frozenset()})},
    {"rows": [[Color.RED], []]},
    {"by_color": {Color.RED: [Color.RED]}},
    {"tuples": ((Color.RED, 1), (Color.RED, 2))},
    {"maybe": [Color.RED, None]},
    {"corner": Corner.ORIGIN},
    {"kind": Color.RED},
    {"floats": {1.0, 2.5}},
    {"either": "red"},
    {"lists": ["red"]},
    {"shapes": Shape.ROUND},
    {"shapes": Color.RED},
    {"any_set": {1, 2}},
]


@pytest.mark.parametrize("held", HELD)
def test_collections_are_what_they_were(held: Any) -> None:
    (name, value), *_ = held.items()
    back = decode(encode(Collected(**held)))
    arrived = getattr(back, name)
    assert back == Collected(**held)
    if isinstance(value, (set, frozenset)):
        assert isinstance(arrived, type(value)) and [type(one) for one in arrived] == [type(one) for one in value]


@pytest.mark.parametrize("held", [one for one in HELD if Modelled.model_fields.keys() >= one.keys()])
def test_collections_of_a_model_are_what_they_were(held: Any) -> None:
    back = decode(encode(Modelled(**held)))
    assert repr(back) == repr(Modelled(**held))


@pytest.mark.parametrize(
    "held",
    [
        {"either": Color.RED},
        {"lists": [Color.RED]},
        {"shapes": Shape.RED},
        {"any_set": {Color.RED}},
        {"any_set": Color.RED},
        {"some": frozenset({Color.RED, "red"})},
        {"bare": [1, 1]},
    ],
)
def test_what_would_arrive_as_something_else_is_refused_when_it_is_sent(held: Any) -> None:
    with pytest.raises(EncodeError):
        encode(Collected(**held))
    if Modelled.model_fields.keys() >= held.keys():
        with pytest.raises(EncodeError):
            encode(Modelled(**held))


def test_items_that_become_one_are_refused() -> None:
    for fields in ('"frozen":{"__type__":"set","__value__":["red",{"__type__":"bigint","__value__":"5"}]}', '"bare":[1]'):
        with pytest.raises(DecodeError):
            decode('{"__type__":"v.Collected","__value__":{' + fields + "}}")
    table = '{"__type__":"map","__value__":[[1,"a"],[true,"b"]]}'
    with pytest.raises(DecodeError, match="keys that differ"):
        decode('{"__type__":"v.Keyed","__value__":{"held":' + table.replace('"b"', "2").replace('"a"', "1") + "}}")


@petiole.value("v.Keyed", fields={"held": Dict[Any, float]})
class Keyed:
    def __init__(self, held: Any) -> None:
        self.held = held


@petiole.value("v.Aliased")
class Aliased(pydantic.BaseModel):
    plain: int = pydantic.Field(alias="plainly")
    chosen: int = pydantic.Field(validation_alias=pydantic.AliasChoices("first", "second"))
    path: str = pydantic.Field(validation_alias=pydantic.AliasPath("names", 1))
    other: List[int] = pydantic.Field(validation_alias=pydantic.AliasPath("names", 0))
    deep: int = pydantic.Field(validation_alias=pydantic.AliasChoices(pydantic.AliasPath("a", "b", 2), "deep"))
    last: Optional[int] = pydantic.Field(default=3, validation_alias=pydantic.AliasChoices("x", "y"))


@petiole.value("v.Generated")
class Generated(pydantic.BaseModel):
    model_config = {"alias_generator": pydantic.AliasGenerator(validation_alias=str.upper), "extra": "forbid"}
    name: str


@petiole.value("v.Named")
class Named(pydantic.BaseModel):
    model_config = {"populate_by_name": True, "extra": "allow"}
    name: str = pydantic.Field(validation_alias=pydantic.AliasChoices("title", "label"))


def test_fields_of_a_model_that_have_aliases() -> None:
    aliased = Aliased.model_validate(
        {"plainly": 1, "first": 2, "names": [[1, 2], "a"], "a": {"b": [0, 0, 7]}, "y": None}
    )
    for model in (aliased, Generated(NAME="a"), Named(name="a", more=[1])):  # type: ignore[call-arg]
        assert decode(encode(model)) == model
    assert encode(aliased).startswith('{"__type__":"v.Aliased","__value__":{"plain":1,"chosen":2,"path":"a",')
    back = decode(encode(Named(name="a", more=[1])))  # type: ignore[call-arg]
    assert back.model_extra == {"more": [1]}


def test_aliases_that_lead_to_one_place_are_refused_when_it_is_sent() -> None:
    for at, (one, other) in enumerate(
        [
            ("a", pydantic.AliasPath("a", "b")),
            ("a", "a"),
            (pydantic.AliasPath("a", 0), pydantic.AliasPath("a", "b")),
            ("a", pydantic.AliasPath("b", -1)),
        ]
    ):
        field = pydantic.Field
        model = pydantic.create_model(
            "Model",
            x=(Any, field(validation_alias=one)),  # type: ignore[arg-type]
            y=(Any, field(validation_alias=other)),  # type: ignore[arg-type]
        )
        petiole.value(f"v.Alias{at}")(model)
        with pytest.raises(EncodeError, match="alias"):
            encode(model.model_construct(x={}, y={}))


BAD = [
    '{"__type__":"v.Price","__value__":{}}',
    '{"__type__":"v.Price","__value__":{"amount":"5"}}',
    '{"__type__":"v.Price","__value__":{"amount":true}}',
    '{"__type__":"v.Price","__value__":{"amount":1.5}}',
    '{"__type__":"v.Price","__value__":{"amount":-5}}',
    '{"__type__":"v.Price","__value__":{"amount":5,"extra":1}}',
    '{"__type__":"v.Price","__value__":{"amount":5,"__class__":1}}',
    '{"__type__":"v.Price","__value__":{"amount":5,"currency":null}}',
    '{"__type__":"v.Price","__value__":[]}',
    '{"__type__":"v.Item","__value__":{"_code":"a","price":{"amount":5}}}',
    '{"__type__":"v.Item","__value__":{"code":"a","price":null}}',
    '{"__type__":"v.Item","__value__":{"_code":"a","derived":"y","price":null}}',
    '{"__type__":"v.Bill","__value__":{"id":"x","items":[],"due":"2026-01-02","total":1}}',
    '{"__type__":"v.Bill","__value__":{"id":1,"items":[],"due":null,"total":1,"model_config":{}}}',
    '{"__type__":"v.Plain","__value__":{"x":null}}',
    '{"__type__":"v.Plain","__value__":{"x":1,"y":"2"}}',
    '{"__type__":"v.Coded","__value__":[]}',
    '{"__type__":"v.Coded","__value__":5}',
    '{"__type__":"v.Plain@2","__value__":{"x":1}}',
    '{"__type__":"table","__value__":{"type":"v.Coded","columns":["0"],"rows":[[1]]}}',
    '{"__type__":"table","__value__":{"type":"v.Plain","columns":["x"],"rows":[["1"]]}}',
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_not_as_declared_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        decode(text)


def test_all_issues_are_told_with_their_place() -> None:
    with pytest.raises(
        DecodeError, match=r"value\[0\]: expected a valid v.Price.*amount: expected .*extra: not a field"
    ):
        decode('[{"__type__":"v.Price","__value__":{"amount":"5","extra":1}}]')


def test_what_is_not_as_declared_is_refused_when_it_is_sent() -> None:
    with pytest.raises(EncodeError, match="currency: expected str"):
        encode([Price(BigInt(1), 5)])  # type: ignore[arg-type]
    holder = Plain(1)
    holder.x = [holder]  # type: ignore[assignment]
    with pytest.raises(EncodeError):
        encode(holder)


def test_a_cycle_through_an_instance_is_refused() -> None:
    coded = Coded(None)
    coded.held = [coded]
    with pytest.raises(EncodeError, match="cycle through v.Coded"):
        encode(coded)


def test_versions_and_names() -> None:
    @petiole.value(
        "v.Grown",
        version=3,
        upgrade={
            1: lambda fields: {"cents": fields["cents"], "currency": "EUR"},
            2: lambda fields: {"amount": BigInt(fields["cents"]), "currency": fields["currency"]},
        },
        aliases=["v.Small"],
    )
    @dataclass
    class Grown:
        amount: BigInt
        currency: str

    expected = Grown(BigInt(5), "EUR")
    assert decode('{"__type__":"v.Small","__value__":{"cents":5}}') == expected
    assert decode('{"__type__":"v.Grown@2","__value__":{"cents":5,"currency":"EUR"}}') == expected
    assert encode(expected).startswith('{"__type__":"v.Grown@3"')
    assert decode(encode(expected)) == expected
    with pytest.raises(DecodeError) as unknown:
        decode('{"__type__":"v.Grown@4","__value__":{}}')
    assert (unknown.value.code, unknown.value.type) == ("ERR_TYPE_UNKNOWN", "v.Grown@4")
    with pytest.raises(DecodeError, match="KeyError"):
        decode('{"__type__":"v.Grown","__value__":{"dollars":5}}')


def test_retired() -> None:
    petiole.retired("v.Gone")
    petiole.retired("v.Replaced", version=2, use=lambda fields, version: [version, fields])
    with pytest.raises(DecodeError, match="is retired"):
        decode('{"__type__":"v.Gone","__value__":{}}')
    assert decode('{"__type__":"v.Replaced","__value__":{"a":1}}') == [1, {"a": 1}]
    assert decode('{"__type__":"v.Replaced@2","__value__":{"a":1}}') == [2, {"a": 1}]


def test_definitions_that_are_wrong() -> None:
    for wrong, code in [
        (lambda: petiole.value("Money")(dataclass(type("A", (), {}))), "ERR_TYPE_NAME"),
        (lambda: petiole.value("map")(dataclass(type("A", (), {}))), "ERR_TYPE_NAME"),
        (lambda: petiole.value("v.Price")(dataclass(type("B", (), {}))), "ERR_TYPE_NAME"),
        (lambda: petiole.value("v.NoFields")(type("C", (), {})), "ERR_VALUE_DEFINITION"),
        (lambda: petiole.value("v.Half", encode=str)(type("D", (), {})), "ERR_VALUE_DEFINITION"),
        (lambda: petiole.value("v.Gap", version=2, fields={})(type("E", (), {})), "ERR_VALUE_DEFINITION"),
        (lambda: petiole.value("v.Zero", version=0, fields={})(type("F", (), {})), "ERR_VALUE_DEFINITION"),
    ]:
        with pytest.raises(PetioleError) as error:
            wrong()
        assert error.value.code == code


def test_importing_this_package_imports_no_framework() -> None:
    import subprocess
    import sys

    code = (
        "import sys, petiole; print([n for n in ('django', 'celery', 'kombu', 'attr', 'pydantic') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": "src"})
    assert done.stdout.strip() == "[]", done.stderr
