"""Texts of anybody's: decoding them fails with errors of ours, or gives a value that can be sent again."""

from __future__ import annotations

import json
import random
import time
from typing import Any, Callable, List

import pytest
import wire_classes  # noqa: F401
from hypothesis import given, settings
from hypothesis import strategies as st
from same import difference
from test_vectors import REFUSED, VALUES

import petiole.celery
from petiole.errors import DecodeError, LimitError, PetioleError
from petiole.wire import Limits, Wire, decode, encode

SEEDS = [vector["text"] for vector in [*VALUES, *REFUSED]]
PIECES = [
    "[", "]", "{", "}", ",", ":", '"', "null", "-1", "1e400", "0.5", '"__proto__"', '"__type__"', '"same"', '"/0"', '""',
    '{"__type__":"same","__value__":""}', '{"__type__":"same","__value__":"/0"}', '{"__type__":"map","__value__":[]}',
    "[[]]", '{"__type__":"bigint","__value__":"1"}', "99999999999999999999", '"\\ud800"', "true",
]  # fmt: skip


def fate(text: str) -> None:
    try:
        value = decode(text)
    except (DecodeError, LimitError):
        return
    back = decode(encode(value))
    assert difference(value, back) is None


def test_texts_that_were_changed_at_random() -> None:
    chance = random.Random(20261123)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        text = chance.choice(SEEDS)[:2000]
        for _ in range(chance.randint(1, 3)):
            at = chance.randint(0, len(text))
            to = min(len(text), at + chance.choice([0, 0, 1, 2, 5]))
            text = text[:at] + chance.choice(PIECES) + text[to:]
        fate(text)


def nodes_of(tree: Any) -> List[Any]:
    found = [tree]
    for each in found:
        found.extend(each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
    return found


def test_trees_that_were_changed_at_random() -> None:
    chance = random.Random(7)
    trees = [json.loads(vector["text"]) for vector in VALUES if len(vector["text"]) < 2000]
    until = time.monotonic() + 5
    while time.monotonic() < until:
        tree = json.loads(json.dumps(chance.choice(trees)))
        for _ in range(chance.randint(1, 2)):
            containers = [each for each in nodes_of(tree) if isinstance(each, (list, dict)) and each]
            if not containers:
                break
            container = chance.choice(containers)
            other = json.loads(json.dumps(chance.choice(nodes_of(chance.choice(trees)))))
            key = chance.choice(list(container)) if isinstance(container, dict) else chance.randrange(len(container))
            if chance.random() < 0.2:
                del container[key]
            else:
                container[key] = other
        fate(json.dumps(tree))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
@settings(max_examples=100, deadline=None)
def test_plain_data(value: Any) -> None:
    back = decode(encode(value))
    assert encode(back) == encode(value)
    text = encode(value)
    if "__type__" not in text and "__proto__" not in text:
        assert json.loads(text) is not None or value is None


def tag(name: str, content: str) -> str:
    return f'{{"__type__":"{name}","__value__":{content}}}'


def same(pointer: str) -> str:
    return tag("same", json.dumps(pointer))


def many(count: int, text: str) -> str:
    return "[" + ",".join([text] * count) + "]"


BOMBS = {
    "lengths of arrays": lambda n: many(n, tag("array", '[["length",4294967295]]')),
    "buffers that may grow": lambda n: many(n, tag("ArrayBuffer", '["",1073741824]')),
    "digits": lambda n: tag("bigint", f'"{"9" * (n * 1000)}"'),
    "levels": lambda n: "[" * (n * 100) + "]" * (n * 100),
    "levels that do not end": lambda n: '{"a":[' * (n * 100),
    "pointers into a class": lambda n: "[[" + ",".join(["1"] * n) + "]," + ",".join(
        [tag("test.Numbers", f'{{"list":{same("/0")}}}')] * n
    ) + "]",
    "fields of snapshots": lambda n: "[{" + ",".join(f'"k{at}":1' for at in range(n)) + "}," + ",".join(
        [tag("snapshot", f'{{"model":"a.B","pk":1,"fields":{same("/0")}}}')] * n
    ) + "]",
    "a graph that doubles": lambda n: tag(
        "graph", '{"shapes":[["[]"]],"nodes":[[0],' + ",".join(f"[0,[{at}],[{at}]]" for at in range(n)) + "]}"
    ),
    "columns without cells": lambda n: tag(
        "table", '{"type":"test.Box","columns":' + json.dumps([f"c{at}" for at in range(n)]) + ',"rows":' + many(n, "[]") + "}"
    ),
    "columns in columns": lambda n: tag(
        "table", '{"type":"test.Box","columns":[["held",' + '{"type":"test.Box","columns":[["held",' * n + '"datetime"' + "]]}" * n + ']],"rows":[]}'
    ),
    "shapes in shapes": lambda n: tag("graph", '{"shapes":' + "[" * n + "]" * n + ',"nodes":[[0]]}'),
    "references in references": lambda n: '{"__type__":"ref","__value__":{"model":"a.B","pk":1,"was":{"a":' * n + "1" + "}}}" * n,
    "flags": lambda n: tag("regexp", f'["x","{"g" * n * 100}"]'),
    "open groups": lambda n: tag("regexp", f'["{"(" * n * 100}",""]'),
    "a datetime of digits": lambda n: tag("datetime", f'"{"1" * n * 100}"'),
    "a duration of parts": lambda n: tag("duration", f'"P{"1Y" * n * 100}"'),
    "a decimal of digits": lambda n: tag("decimal", f'"{"1" * n * 100}E{"9" * n}"'),
    "a bare integer": lambda n: "9" * n * 1000,
    "bare integers": lambda n: many(10, "-" + "9" * n * 100),
    "a bare number": lambda n: "9" * n * 1000 + ".5",
    "a bare number with an exponent": lambda n: "9" * n * 1000 + "e" + "9" * n,
    "keys": lambda n: "{" + ",".join(f'"k{at}":{{}}' for at in range(n)) + f',"z":{same("/k0")}}}',
}  # fmt: skip


def of_a_task(text: str) -> Any:
    """Decodes a text as the argument of a task: what it is refused for is raised."""
    args, _, _ = petiole.celery.loads(f'[[{text}],{{}},{{"callbacks":null}}]')
    if len(args) == 1 and type(args[0]) is petiole.celery.Undecoded:
        raise args[0].error
    return args


@pytest.mark.parametrize("read", [decode, of_a_task])
@pytest.mark.parametrize("name", BOMBS)
def test_work_is_bounded(name: str, read: Callable[[str], Any]) -> None:
    make: Callable[[int], str] = BOMBS[name]
    for size in (10, 3_000):
        text = make(size)
        start = time.process_time()
        try:
            read(text)
        except PetioleError:
            pass
        assert time.process_time() - start < 1 + len(text) * 2e-5, f"{len(text)} characters"


def test_bare_integers_of_too_many_digits() -> None:
    for digits in (1, 16, 10_000):
        assert of_a_task("9" * digits) == [10**digits - 1] and of_a_task("-" + "9" * digits) == [1 - 10**digits]
    for text in ("9" * 10_001, "-" + "9" * 10_001, "[" * 3_000 + "9" * 10_001 + "]" * 3_000):
        with pytest.raises(LimitError, match="bigintDigits"):
            of_a_task(text)
    before = petiole.celery.serializer.settings()
    petiole.celery.serializer.configure(before._replace(limits=Limits(bigint_digits=20)))
    try:
        embed = {"callbacks": None}
        for value in (10**20 - 1, 1 - 10**20, 2**53 - 1):
            assert of_a_task(petiole.celery.dumps(([value], {}, embed))[2:].split("],")[0]) == [value]
        for value in (10**20, -(10**20)):
            with pytest.raises(LimitError):
                petiole.celery.dumps(([value], {}, embed))
            with pytest.raises(LimitError):
                of_a_task(str(value))
    finally:
        petiole.celery.serializer.configure(before)


def test_bodies_of_celery() -> None:
    embed = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}'
    for text in SEEDS:
        for body in (
            f"[[{text}],{{}},{embed}]",
            '[[],{"a":' + text + "}," + embed + "]",
            '[[],{},{"chain":[' + text + "]}]",
        ):
            try:
                args, kwargs, _ = petiole.celery.loads(body)
            except DecodeError:
                continue
            assert isinstance(args, list) and isinstance(kwargs, dict)


def test_limits_hold_for_what_is_written_too() -> None:
    wire = Wire(limits=Limits(nodes=100))
    text = encode([0] * 99)
    assert wire.encode(wire.decode(text)) == text
    with pytest.raises(LimitError):
        wire.decode(encode([0] * 100))
