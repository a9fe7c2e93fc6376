"""From a value to the wire's tree and its text. All that cannot travel is found before anything is raised.

The same plan as TypeScript's: one walk that never recurses, which replaces values by what is written for them, and
another way, a flat graph, where pointers would come to more than that, or the data is deeper than the limit.
"""

from __future__ import annotations

import enum
import re
import traceback
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type
from typing import Set as TypingSet
from uuid import UUID

from ..errors import EncodeError, LimitError, PetioleError, Refusal, describe, shortened
from . import kinds, times
from .json_text import float_for_text, int_to_digits, write
from .kinds import (
    MAX_SAFE,
    ArrayBuffer,
    Bare,
    BigInt,
    Boxed,
    Bytes,
    Foreign,
    Headers,
    Map,
    OrderedSet,
    RegExp,
    Set,
    Sparse,
    Symbol,
    UndefinedType,
    Url,
    URLSearchParams,
    View,
    WireError,
)
from .limits import Budget, Limits, check_bytes, over
from .paths import Step, path_of, pointer_of
from .plain import is_plain
from .reference import Lazy, Ref, Snapshot
from .registry import Registry
from .tags import TYPE, VALUE, are_headers, is_source, is_url, to_base64, well_formed

#: This much text of ``same`` pointers, and a graph is smaller and easier to read.
_MOST_POINTERS = 32_768
#: Levels of a graph's text, whatever is in it.
_GRAPH_DEPTH = 10
_MOST_REFUSALS = 100
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


class EncodeContext(NamedTuple):
    """What an encoder needs to know."""

    registry: Registry
    limits: Limits
    #: Large integers, NaN and the infinities are written bare, as Python does, and floats with all their marks.
    pythonic: bool = False
    #: Only the tags that Kombu reads by itself, and those of ``understands``; shared objects are written out.
    portable: bool = False
    understands: Tuple[str, ...] = ()
    #: A second place of one object points at the first. Otherwise it is written out again, and cycles are refused.
    pointers: bool = True
    #: What a row is written as: a reference; None for what is no row. Raises PetioleError for one that cannot be.
    refer: Optional[Callable[[Any], Optional["Ref[Any]"]]] = None
    #: What stands for an object that nothing here knows; NotImplemented for what it does not know either.
    default: Optional[Callable[[Any], Any]] = None
    #: What is written by others' rules, by its exact class: before anything that is known here.
    first: Mapping[type, Callable[[Any], Any]] = {}
    #: Keys that are numbers, booleans or None become text, as the standard library has it.
    loose_keys: bool = False


class Marked(NamedTuple):
    """What ``default`` may give: a tag that others read, ``{"__type__": name, "__value__": content}``."""

    name: str
    content: Any


class Unportable(Exception):
    """Why a value cannot travel, as an advice."""


class _OtherWay(Exception):
    def __init__(self, way: "_Way") -> None:
        self.way = way


class _Way(NamedTuple):
    graph: bool = False
    #: Keys that are indices come first in an object, as JavaScript has it.
    ordered: bool = False
    #: Arrays of references and of snapshots as lists.
    lists: bool = True


class Encoded(NamedTuple):
    text: str
    types: List[str]


class Place:
    """A container of the wire's tree, while its values are replaced, one by one, by what is written for them."""

    __slots__ = (
        "parent", "key", "container", "keys", "size", "tag", "layout", "level", "in_class", "position", "done",
        "own_arrays", "columns", "waits_for", "cell",
    )  # fmt: skip

    def __init__(
        self,
        parent: Optional["Place"],
        key: Any,
        container: Any,
        keys: Optional[List[Any]],
        tag: str = "",
        layout: str = "",
        opens: bool = True,
    ) -> None:
        self.parent = parent
        self.key = key
        self.container = container
        #: The keys of an object; None for an array.
        self.keys = keys
        self.size = len(container) if keys is None else len(keys)
        self.tag = tag
        self.layout = layout
        self.level: int = parent.level + 1 if parent else 0
        made_last = layout != "" and layout != "scalar" and not opens
        #: The nearest place of a class's instance at it or above.
        self.in_class: Optional[Place] = self if made_last else (parent.in_class if parent else None)
        self.position = 0
        self.done = False
        #: Its arrays are a tag's own, not the user's: pairs of entries.
        self.own_arrays = False
        #: Of the rows of snapshots: which of their cells are to be written still.
        self.columns: Optional[List[int]] = None
        self.waits_for: Optional[Place] = None
        #: In a graph: what stands for it wherever it is.
        self.cell: Optional[List[int]] = None

    def is_read_again(self) -> bool:
        return self.in_class is not None or (self.parent is not None and self.parent.layout == "fields")

    def steps(self, key: Any = None, has_key: bool = False) -> List[Step]:
        steps: List[Step] = [(self.container, key)] if has_key else []
        at = self
        while at.parent is not None and at.parent.parent is not None:
            steps.append((at.parent.container, at.key))
            at = at.parent
        steps.reverse()
        return steps

    def path(self, root: str, key: Any) -> str:
        return path_of(root, self.steps(key, True)) if self.parent else root


def _wait(container: Place, on: Optional[Place]) -> None:
    still_open = on
    while still_open is not None and still_open.done:
        still_open = still_open.waits_for
    if on is not None and on.done:
        on.waits_for = still_open
    before = container.waits_for
    if still_open is not None and (before is None or before.done or still_open.level < before.level):
        container.waits_for = still_open


def _finish(container: Place, around: Optional[Place]) -> bool:
    container.done = True
    if container.waits_for is container:
        container.waits_for = None
    if around is not None:
        _wait(around, container.waits_for)
    return container.waits_for is None or container.waits_for.done


class _Graph:
    """The table of a graph, as it grows."""

    def __init__(self) -> None:
        self.shapes: List[Any] = []
        self.nodes: List[Any] = []
        self.shape_nodes = 0
        self._known: Dict[Tuple[str, ...], int] = {}

    def add(self, place: Place) -> int:
        if place.layout == "scalar":
            self.nodes.append(place.container)
            return len(self.nodes) - 1
        name = place.tag or ("[]" if place.keys is None else "{}")
        content = place.container[VALUE] if place.layout else place.container
        if place.layout == "value":
            return self._row(name, (), [content])
        if type(content) is dict:
            return self._row(name, tuple(content), list(content.values()))
        if place.layout == "entries":
            return self._row(name, (), [cell for pair in content for cell in pair])
        return self._row(name, (), content)

    def _row(self, name: str, columns: Tuple[str, ...], cells: List[Any]) -> int:
        shape = (name, *columns)
        number = self._known.get(shape)
        if number is None:
            number = self._known[shape] = len(self.shapes)
            self.shapes.append(list(shape))
            self.shape_nodes += len(shape)
        self.nodes.append([number, *cells])
        return len(self.nodes) - 1


def encode(value: Any, context: EncodeContext, root: str = "value") -> Encoded:
    """The text of a value. Raises EncodeError when something in it cannot travel, LimitError over a limit."""
    if not context.portable and is_plain(value, context.limits, context.pythonic):
        tree: Any = value
        types: List[str] = []
    else:
        tree, types = encode_tree(value, context, root)
    text = write(tree, context.pythonic)
    check_bytes(text, context.limits, root)
    return Encoded(text, types)


def encode_tree(value: Any, context: EncodeContext, root: str, apart: bool = False) -> Tuple[Any, List[str]]:
    tree, encoder = _run(value, context, root, apart)
    return tree, sorted(encoder.types)


def _run(value: Any, context: EncodeContext, root: str, apart: bool) -> Tuple[Any, "Encoder"]:
    way = _Way()
    for _ in range(4):
        encoder = Encoder(context, root, way, apart)
        try:
            tree = encoder.encode(value)
        except _OtherWay as other:
            way = other.way
            continue
        except LimitError as error:
            if error.limit != "depth" or way.graph or not context.pointers:
                raise
            way = way._replace(graph=True)
            continue
        if encoder.refusals:
            raise EncodeError(refusals=encoder.refusals, count=encoder.refused)
        if encoder.pointers and encoder.has_indices and not way.ordered and not way.graph:
            # A reader in JavaScript meets the keys that are indices first: what comes first must be first there.
            way = way._replace(ordered=True)
            continue
        return tree, encoder
    raise EncodeError("Cannot send this value: it is another each time it is read.")


def _unindexed(key: str) -> bool:
    return not (_INDEX.fullmatch(key) and int(key) < 2**32 - 1)


def in_js_order(content: Dict[str, Any]) -> Dict[str, Any]:
    """The same object with its keys in the order that JavaScript gives them."""
    if all(_unindexed(key) for key in content):
        return content
    indices = sorted((key for key in content if not _unindexed(key)), key=int)
    return {key: content[key] for key in [*indices, *(key for key in content if _unindexed(key))]}


class Encoder:
    """One encoding of one value."""

    def __init__(self, context: EncodeContext, root: str, way: _Way, apart: bool) -> None:
        self.context = context
        self.root = root
        self.way = way
        self.types: TypingSet[str] = set()
        self.refusals: List[Refusal] = []
        self.refused = 0
        self.pointers = 0
        self.has_indices = False
        self.reserved = 0
        self._in_lists: TypingSet[int] = set()
        self._apart = apart
        self._graph = _Graph() if way.graph else None
        self._places: Dict[int, Place] = {}
        #: What has a place is kept, so that no other gets its identity.
        self._kept: List[Any] = []
        self.budget = Budget(context.limits, root, float("inf") if way.graph else _depth_of(context))
        if way.graph:
            self.budget.depth(_GRAPH_DEPTH)

    def encode(self, value: Any) -> Any:
        self.budget.nodes(5 if self._graph else 1)
        top = {"value": value}
        place = Place(None, "", top, ["value"])
        enter = self._enter
        budget = self.budget
        while True:
            container, keys = place.container, place.keys
            size = place.size
            deeper: Optional[Place] = None
            while place.position < size:
                at = place.position
                place.position = at + 1
                key = at if keys is None else keys[at]
                value = container[key]
                kind = type(value)
                if kind is str:
                    budget.text(len(value))
                elif kind is bool or value is None:
                    continue
                elif kind is int and -MAX_SAFE <= value <= MAX_SAFE:
                    continue
                else:
                    deeper = enter(value, kind, place, key)
                    if deeper is not None:
                        break
            if deeper is not None:
                place = deeper
                continue
            self._leave(place)
            if place.parent is None:
                break
            place = place.parent
        if self._graph is None:
            return top["value"]
        budget.nodes(self._graph.shape_nodes)
        return {TYPE: "graph", VALUE: {"shapes": self._graph.shapes, "nodes": self._graph.nodes}}

    def _leave(self, place: Place) -> None:
        if place.cell is not None:
            assert self._graph is not None
            place.cell[0] = self._graph.add(place)
        if not _finish(place, place.parent) and place.in_class is place:
            assert place.parent is not None
            self._refuse_cycle(place.parent, place.key, place)

    def _enter(self, value: Any, kind: type, above: Place, key: Any) -> Optional[Place]:
        """Writes a value in its place, or gives the place to go into."""
        try:
            return self._value(value, kind, above, key)
        except (LimitError, _OtherWay, MemoryError):
            raise
        except Unportable as error:
            self._refuse(above, key, _kind_name(kind), str(error))
            return None
        except PetioleError as error:
            self._refuse(above, key, _kind_name(kind), error.message)
            return None
        except Exception as error:  # noqa: BLE001 - reading an object may run code of the user's
            self._refuse(above, key, _kind_name(kind), f"reading it raises {type(error).__name__}: {error}")
            return None

    def _value(self, value: Any, kind: type, above: Place, key: Any) -> Optional[Place]:
        if kind is float:
            self._float(value, above, key)
            return None
        if kind is int or kind is BigInt:
            self._int(value, kind, above, key)
            return None
        if above.own_arrays:
            return self._go(Place(above, key, value, None))
        if above.columns is not None:
            return self._go(Place(above, key, value, list(above.columns), "snapshot", "fields", False))
        if id(value) in self._in_lists:
            # A row of a list has no place that could be pointed at.
            raise _OtherWay(self.way._replace(lists=False))
        known = self._places.get(id(value))
        # Tuples are values: the compiler makes one of several that are alike, so they are written out each time.
        if known is not None and not (known.done and (not self.context.pointers or isinstance(value, tuple))):
            self._same(known, above, key)
            return None
        if kind in self.context.first:
            return self._given(self.context.first[kind](value), value, above, key)
        writer = _WRITERS.get(kind)
        if writer is not None:
            return writer(self, value, above, key)
        entry = self.context.registry.type_of(kind)
        if entry is not None:
            content = entry.encode(value)
            self.types.add(entry.written)
            if entry.layout == "fields":
                content = dict(content)
            return self._tag(entry.written, entry.layout, value, content, above, key, opens=False)
        return self._other(value, kind, above, key)

    def _other(self, value: Any, kind: type, above: Place, key: Any) -> Optional[Place]:
        """What is no class of ours and none that is registered."""
        if self.context.refer is not None:
            reference = self.context.refer(value)
            if reference is not None:
                _write_reference(self, reference, above, key)
                return None
        if self.context.default is not None and not isinstance(value, _NATIVE):
            given = self.context.default(value)
            if given is not NotImplemented:
                return self._given(given, value, above, key)
        for cls, writer in _SUBCLASSES:
            if isinstance(value, cls):
                return writer(self, value, above, key)
        if isinstance(value, type) or callable(value):
            raise Unportable("functions and classes never travel; send the data it needs")
        raise Unportable(
            f"{kind.__module__}.{kind.__qualname__} is not registered: give it a name with @petiole.value, or send a dict"
        )

    def _given(self, given: Any, value: Any, above: Place, key: Any) -> Optional[Place]:
        """What others write for a value: a tag of theirs, or something in its place."""
        if isinstance(given, Marked):
            return self._tag(given.name, "value", value, given.content, above, key, opens=False, known=True)
        above.container[key] = given
        # It comes again, as that.
        above.position -= 1
        return None

    # Scalars.

    def _float(self, value: float, above: Place, key: Any) -> None:
        if value - value != 0 or (value == 0 and str(value) == "-0.0"):
            if self.context.pythonic:
                return None
            text = "NaN" if value != value else "-0" if value == 0 else "Infinity" if value > 0 else "-Infinity"
            return self._scalar("number", text, above, key)
        if not self.context.pythonic:
            above.container[key] = float_for_text(value)
        return None

    def _int(self, value: int, kind: type, above: Place, key: Any) -> None:
        is_safe = -MAX_SAFE <= value <= MAX_SAFE
        if kind is int and (is_safe or (self.context.pythonic and value.bit_length() < 12_000)):
            return None
        if self.context.portable and "bigint" not in self.context.understands:
            above.container[key] = int(value)
            return None
        most = self.context.limits.bigint_digits
        # Its digits take long to compute, so its size is bounded first: four bits hold more than one digit.
        if value.bit_length() > most * 4:
            raise over("A bigint", "bigint_digits", most, most + 1)
        digits = int_to_digits(int(value))
        if len(digits) - digits.startswith("-") > most:
            raise over("A bigint", "bigint_digits", most, len(digits))
        return self._scalar("bigint", digits, above, key)

    def _scalar(self, name: str, content: Any, above: Place, key: Any) -> None:
        self._check_dialect(name)
        self._count_scalar(above, content)
        self._put(above, key, {TYPE: name, VALUE: content})

    def _count_scalar(self, above: Place, content: Any) -> None:
        level = 5 if self._graph else above.level + 1
        self.budget.nodes(2)
        self.budget.depth(level)
        self.budget.json(content, level + 1)

    def _check_dialect(self, name: str) -> None:
        if not self.context.portable or name in _PORTABLE or name in self.context.understands:
            return
        raise Unportable("a worker without this package does not know the tag; send plain data")

    # Places.

    def _put(self, above: Place, key: Any, written: Any) -> None:
        above.container[key] = written

    def _refuse(self, above: Place, key: Any, kind: str, advice: str) -> None:
        self.refused += 1
        if len(self.refusals) < _MOST_REFUSALS:
            self.refusals.append(Refusal(above.path(self.root, key), kind, shortened(advice, 500)))
        self._put(above, key, None)

    def _refuse_cycle(self, above: Place, key: Any, through: Optional[Place]) -> None:
        if through is not None:
            name = through.tag
            advice = "a value class is made from finished fields; keep the way back outside it, or send a reference"
            return self._refuse(above, key, f"cycle through {name}", advice)
        return self._refuse(above, key, "cycle", "send a tree; the other side cannot read cycles")

    def _keep(self, value: Any, place: Place) -> None:
        self._places[id(value)] = place
        self._kept.append(value)

    def _place(self, place: Place) -> None:
        """Puts a place's container, or its cell, where its value was."""
        if self._graph is not None:
            self.budget.nodes(3)
            place.cell = [-1]
        assert place.parent is not None
        self._put(place.parent, place.key, place.container if place.cell is None else place.cell)

    def _go(self, place: Place) -> Place:
        self.budget.nodes(place.size)
        assert place.parent is not None
        if self._graph is None:
            self.budget.depth(place.level)
        elif place.parent.is_read_again():
            self.budget.nodes_again(place.size * 2)
        return place

    def container(self, value: Any, content: Any, above: Place, key: Any) -> Place:
        """A plain object or array."""
        keys = list(content) if type(content) is dict else None
        place = Place(above, key, content, keys)
        self._keep(value, place)
        self._place(place)
        return self._go(place)

    def _tag(
        self, name: str, layout: str, value: Any, content: Any, above: Place, key: Any, opens: bool = True,
        known: bool = False,
    ) -> Optional[Place]:  # fmt: skip
        if not known:
            self._check_dialect(name)
        if layout == "scalar":
            self._count_scalar(above, content)
        else:
            self.budget.nodes(2)
        written = {TYPE: name, VALUE: content}
        place = Place(above, key, written, [VALUE] if layout == "value" else [], name, layout, opens)
        self._keep(value, place)
        self._place(place)
        if layout == "scalar":
            return place
        if self._graph is None:
            self.budget.depth(place.level)
        if layout == "value":
            return place
        if layout == "fields":
            if self.way.ordered:
                written[VALUE] = content = in_js_order(content)
            elif not all(map(_unindexed, content)):
                self.has_indices = True
        inside = Place(place, VALUE, content, list(content) if layout == "fields" else None)
        inside.own_arrays = layout == "entries"
        return self._go(inside)

    def _same(self, place: Place, above: Place, key: Any) -> None:
        """A second place of one object: where the first is."""
        if not place.done:
            # A cycle. Every container on it must exist before its insides do, which a class's instance cannot.
            if not self.context.pointers:
                return self._refuse_cycle(above, key, None)
            if above.in_class is not None and (place.in_class is place or above.in_class is not place.in_class):
                return self._refuse_cycle(above, key, above.in_class)
        _wait(above, place)
        if above.is_read_again():
            content = place.container[VALUE] if place.layout else place.container
            size = len(content) if type(content) in (list, dict) else 1
            self.budget.nodes_again(size * (2 if place.layout == "entries" else 1))
        if self._graph is not None:
            self.budget.nodes(1)
            return self._put(above, key, place.cell)
        pointer = pointer_of(place.steps())
        self.pointers += len(pointer) + 1
        if self.pointers > _MOST_POINTERS:
            raise _OtherWay(self.way._replace(graph=True))
        self._count_scalar(above, pointer)
        return self._put(above, key, {TYPE: "same", VALUE: pointer})

    def list_of_references(self, items: List[Any], value: Any, above: Place, key: Any) -> Place:
        self._check_dialect("refs")
        content = {"model": items[0].model, "keys": [_pk(self, item.pk) for item in items]}
        self.budget.depth(above.level + 1)
        self.budget.nodes(2)
        self.budget.json(content, above.level + 2)
        place = Place(above, key, {TYPE: "refs", VALUE: content}, [])
        self._keep(value, place)
        self._put(above, key, place.container)
        return place

    def list_of_snapshots(self, items: List[Any], value: Any, above: Place, key: Any) -> Place:
        self._check_dialect("snapshots")
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
        self._in_lists.update(map(id, items))
        self._kept.append(items)
        written = [[name, kind] if kind else name for name, kind in zip(columns, of)]
        keyed = {"key": first} if has_key else {}
        content = {"model": items[0].model, **keyed, "columns": written, "rows": rows}
        whole = Place(above, key, {TYPE: "snapshots", VALUE: content}, [], "snapshots", "fields", False)
        place = Place(Place(whole, VALUE, content, []), "rows", rows, None)
        place.columns = [0, *(index + 1 for index, kind in enumerate(of) if not kind)]
        self._keep(value, whole)
        self._put(above, key, whole.container)
        self.budget.depth(place.level + 1)
        self.budget.json([*keyed.values(), written], place.level - 1)
        self.budget.nodes(len(rows) * (len(names) + 2) + 6)
        return place

    def apart(self, fields: Any) -> Any:
        """The tree of what is a text within the text: the fields of a reference."""
        if self._apart:
            raise Unportable("in the fields of another reference, it has none of its own: send model and key")
        limits = self.context.limits
        context = self.context._replace(
            limits=Limits(limits.bytes, max(limits.depth // 2, 1), limits.nodes, limits.bigint_digits)
        )
        tree, inside = _run(dict(fields), context, self.root, True)
        self.types |= inside.types
        self.budget.nodes_again(inside.budget.again)
        self.reserve(inside.reserved)
        return tree

    def reserve(self, count: int) -> None:
        self.reserved += count
        if self.reserved > self.context.limits.bytes:
            raise over("A resizable ArrayBuffer", "bytes", self.context.limits.bytes, self.reserved)


def _depth_of(context: EncodeContext) -> float:
    # Kombu's own reader recurses.
    return 500 if context.portable else float("inf")


_PORTABLE = frozenset(["datetime", "date", "time", "decimal", "uuid", "base64"])


def _kind_name(kind: type) -> str:
    return "function" if kind.__name__ in ("function", "method", "builtin_function_or_method") else kind.__name__


Writer = Callable[[Encoder, Any, Place, Any], Optional[Place]]


def _write_plain(name: str, content_of: Callable[[Any], Any]) -> Writer:
    """A value without identity."""

    def write_it(encoder: Encoder, value: Any, above: Place, key: Any) -> None:
        encoder._scalar(name, content_of(value), above, key)

    return write_it


def _write_identity(name: str, content_of: Callable[[Any], Any]) -> Writer:
    def write_it(encoder: Encoder, value: Any, above: Place, key: Any) -> Optional[Place]:
        return encoder._tag(name, "scalar", value, content_of(value), above, key)

    return write_it


def _write_foreign(encoder: Encoder, value: Foreign, above: Place, key: Any) -> None:
    content = list(value.content) if type(value.content) is tuple else value.content
    encoder._scalar(value.tag, content, above, key)


#: Fewer items are as short, and easier to read, one by one.
_FEWEST = 4


def _write_list(encoder: Encoder, value: Any, above: Place, key: Any) -> Optional[Place]:
    items: List[Any] = [*value]
    if len(items) >= _FEWEST and encoder.way.lists and not encoder.way.graph and encoder.context.pointers:
        first = type(items[0])
        if first is Ref and _are_alike(items, Ref):
            if not any(item.details or item.was is not None for item in items):
                return encoder.list_of_references(items, value, above, key)
        elif first is Snapshot and _are_alike(items, Snapshot):
            names = list(items[0].fields)
            has_names = all(type(name) is str for name in names) and "__proto__" not in names
            known = {id(item) for item in items}
            is_new = len(known) == len(items) and not (known & encoder._places.keys() or known & encoder._in_lists)
            if has_names and is_new and all(list(item.fields) == names for item in items):
                return encoder.list_of_snapshots(items, value, above, key)
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


def _write_dict(encoder: Encoder, value: Any, above: Place, key: Any) -> Optional[Place]:
    content = dict(value)
    has_tag_keys = len(content) == 2 and TYPE in content and VALUE in content
    if has_tag_keys and encoder.context.portable:
        raise Unportable("a worker would take it for a tag; name its keys otherwise")
    is_odd = "__proto__" in content or (has_tag_keys and isinstance(content[TYPE], str))
    for name in content:
        if type(name) is str:
            if not encoder.has_indices and name[:1].isdigit() and not _unindexed(name):
                encoder.has_indices = True
        elif type(name) is Symbol:
            is_odd = True
        else:
            return _write_dict(encoder, _with_text_keys(encoder, value, content), above, key)
    if is_odd:
        pairs = [[name, inside] for name, inside in content.items()]
        return encoder._tag("object", "entries", value, pairs, above, key)
    if encoder.way.ordered:
        content = in_js_order(content)
    return encoder.container(value, content, above, key)


def _with_text_keys(encoder: Encoder, value: Any, content: Dict[Any, Any]) -> Dict[Any, Any]:
    made: Dict[Any, Any] = {}
    for name, inside in content.items():
        if isinstance(name, str) or type(name) is Symbol:
            name = str(name) if isinstance(name, str) else name
        elif encoder.context.loose_keys and (name is None or isinstance(name, (bool, int, float))):
            words: Dict[Any, str] = {None: "null", True: "true", False: "false"}
            name = _number_text(name) if _is_number(name) else words[name]
        else:
            raise Unportable(f"a dict has text as its keys, this one has {describe(name)}: send a petiole.Map")
        if name in made:
            raise Unportable(f"it has two keys that are written {describe(name)}: send a petiole.Map")
        made[name] = inside
    encoder._kept.append(made)
    return made


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float))


def _number_text(value: Any) -> str:
    return float.__repr__(value) if isinstance(value, float) else int_to_digits(int(value))


def _write_bare(encoder: Encoder, value: Bare, above: Place, key: Any) -> Optional[Place]:
    for name in value:
        if type(name) is not str and type(name) is not Symbol:
            raise Unportable(f"an object has text as its keys, this one has {describe(name)}")
    pairs = [[name, inside] for name, inside in value.items()]
    return encoder._tag("bare", "entries", value, pairs, above, key)


def _write_map(encoder: Encoder, value: Map[Any, Any], above: Place, key: Any) -> Optional[Place]:
    pairs = [[known, inside] for known, inside in value._entries.values()]
    return encoder._tag("map", "entries", value, pairs, above, key)


def _write_set(encoder: Encoder, value: Any, above: Place, key: Any) -> Optional[Place]:
    items = value.in_order() if isinstance(value, OrderedSet) else list(value)
    return encoder._tag("set", "items", value, items, above, key)


def _write_sparse(encoder: Encoder, value: Sparse, above: Place, key: Any) -> Optional[Place]:
    if type(value.length) is not int or not 0 <= value.length < 2**32:
        raise Unportable(f"its length must be a whole number below 2^32, and is {describe(value.length)}")
    pairs: List[Any] = [["length", value.length]]
    for index in sorted(value.items):
        if type(index) is not int or not 0 <= index < value.length:
            raise Unportable(f"an item is at {describe(index)}, outside of its length of {value.length}")
        pairs.append([index, value.items[index]])
    for name, inside in value.properties.items():
        if type(name) is not Symbol and (type(name) is not str or name == "length" or not _unindexed(name)):
            raise Unportable(f"a property has a name of text or a Symbol, this one has {describe(name)}")
        pairs.append([name, inside])
    return encoder._tag("array", "entries", value, pairs, above, key)


def _write_boxed(encoder: Encoder, value: Boxed, above: Place, key: Any) -> Optional[Place]:
    if type(value.value) not in (str, bool, int, float, BigInt, Symbol):
        raise Unportable("a primitive is in it, text, a number, a boolean or a symbol")
    return encoder._tag("boxed", "value", value, value.value, above, key, opens=False)


def _write_buffer(encoder: Encoder, value: ArrayBuffer, above: Place, key: Any) -> Optional[Place]:
    text = to_base64(value.data)
    if value.max_byte_length is None:
        return encoder._tag("ArrayBuffer", "scalar", value, text, above, key)
    encoder.reserve(value.max_byte_length)
    return encoder._tag("ArrayBuffer", "scalar", value, [text, value.max_byte_length], above, key)


def _write_view(encoder: Encoder, value: View, above: Place, key: Any) -> Optional[Place]:
    if value.shared:
        content = [value.buffer, value.offset, value.length]
        return encoder._tag(value.kind, "items", value, content, above, key, opens=False)
    name = "base64" if value.kind == "Uint8Array" else value.kind
    return encoder._tag(name, "scalar", value, to_base64(bytes(value)), above, key)


def _regexp(value: RegExp) -> Any:
    if not is_source(value.source):
        raise Unportable("its source is no expression of JavaScript's")
    parts: List[Any] = [value.source, value.flags]
    return [*parts, value.last_index] if value.last_index else parts


def _url(value: str) -> str:
    if not is_url(value):
        raise Unportable("it is no absolute URL as JavaScript writes it")
    return str.__str__(value)


def _parameters(value: URLSearchParams) -> Any:
    if not all(well_formed(name) and well_formed(text) for name, text in value.pairs):
        raise Unportable("UTF-8 cannot hold it")
    return [list(pair) for pair in value.pairs]


def _headers(value: Headers) -> Any:
    if not are_headers(value.pairs):
        raise Unportable("names of headers are in lower case, sorted, each once but set-cookie")
    return [list(pair) for pair in value.pairs]


def _write_error(encoder: Encoder, value: WireError, above: Place, key: Any) -> Optional[Place]:
    content: Dict[str, Any] = {"name": value.name}
    for part in ("message", "domName", "stack", "cause", "errors"):
        if part in value.parts:
            content[part] = value.parts[part]
    for part in ("message", "stack"):
        if part in content and type(content[part]) is not str:
            raise Unportable(f"its {part} is no text: {describe(content[part])}")
    if value.properties:
        content["properties"] = dict(value.properties)
    return encoder._tag("error", "fields", value, content, above, key)


#: What the standard library's JSON writes without asking anybody.
_NATIVE = (str, int, float, list, tuple, dict)

#: Which error of JavaScript's an exception is; all others are an Error with their own name.
_ERRORS: List[Tuple[Type[BaseException], str]] = [
    (TypeError, "TypeError"),
    (SyntaxError, "SyntaxError"),
    (NameError, "ReferenceError"),
]
_SCALARS = (str, int, float, bool, type(None))


def _write_exception(encoder: Encoder, value: BaseException, above: Place, key: Any) -> Optional[Place]:
    """An exception, as an Error that says what it was: ``properties.python`` has its module, type and arguments."""
    kind = type(value)
    errors = getattr(value, "exceptions", None) if kind.__name__.endswith("ExceptionGroup") else None
    name = "AggregateError" if errors is not None else next((n for c, n in _ERRORS if kind is c), "Error")
    content: Dict[str, Any] = {"name": name, "message": str(value)}
    if value.__traceback__ is not None:
        lines = traceback.format_exception(kind, value, value.__traceback__, chain=False)
        content["stack"] = shortened("".join(lines), 20_000)
    cause = value.__cause__ or (None if value.__suppress_context__ else value.__context__)
    if cause is not None:
        content["cause"] = cause
    if errors is not None:
        content["errors"] = list(errors)
    arguments = [each if isinstance(each, _SCALARS) else str(each) for each in value.args]
    properties: Dict[str, Any] = {"python": {"module": kind.__module__, "type": kind.__qualname__, "args": arguments}}
    if kind.__name__ != name:
        properties = {"name": kind.__name__, **properties}
    content["properties"] = properties
    return encoder._tag("error", "fields", value, content, above, key)


def _write_reference(encoder: Encoder, value: Any, above: Place, key: Any) -> None:
    reference: Ref[Any] = value.reference if isinstance(value, Lazy) else value
    content: Dict[str, Any] = {"model": reference.model, "pk": _pk(encoder, reference.pk)}
    content.update(reference.details)
    if reference.was is not None:
        content["was"] = encoder.apart(reference.was)
    if isinstance(value, Lazy):
        content["lazy"] = True
    encoder._scalar("ref", content, above, key)


def _pk(encoder: Encoder, pk: Any) -> Any:
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
    encoder._int(int(pk) if type(pk) not in (int, BigInt) else pk, type(pk) if type(pk) is BigInt else int, holder, 0)
    return holder.container[0]


def _write_snapshot(encoder: Encoder, value: Snapshot[Any], above: Place, key: Any) -> Optional[Place]:
    pk = dict(value.pk) if isinstance(value.pk, dict) else value.pk
    content = {"model": value.model, "pk": pk, "fields": dict(value.fields)}
    return encoder._tag("snapshot", "fields", value, content, above, key, opens=False)


def _replaced(by: Callable[[Any], Any]) -> Writer:
    """What is written as another value is, which has its place."""

    def write_it(encoder: Encoder, value: Any, above: Place, key: Any) -> None:
        above.container[key] = by(value)
        # It comes again, as that.
        above.position -= 1

    return write_it


def _hex(value: UUID) -> Any:
    return {"hex": value.hex}


_WRITERS: Dict[type, Writer] = {
    UndefinedType: _write_plain("undefined", lambda value: None),
    Symbol: _write_plain("symbol", lambda value: value.key),
    Foreign: _write_foreign,
    datetime: _write_plain("datetime", times.write_datetime),
    kinds.KeptDatetime: _write_plain("datetime", times.write_datetime),
    date: _write_plain("date", lambda value: value.isoformat()),
    time: _write_plain("time", times.write_kept),
    kinds.KeptTime: _write_plain("time", times.write_kept),
    Decimal: _write_plain("decimal", times.write_kept),
    kinds.KeptDecimal: _write_plain("decimal", times.write_kept),
    UUID: _write_plain("uuid", _hex),
    bytes: _write_plain("base64", to_base64),
    memoryview: _write_plain("base64", to_base64),
    Bytes: _write_identity("base64", to_base64),
    bytearray: _write_identity("base64", to_base64),
    ArrayBuffer: _write_buffer,
    View: _write_view,
    RegExp: _write_identity("regexp", _regexp),
    Url: _write_identity("url", _url),
    URLSearchParams: _write_identity("urlsearchparams", _parameters),
    Headers: _write_identity("headers", _headers),
    list: _write_list,
    tuple: _write_list,
    dict: _write_dict,
    Bare: _write_bare,
    Map: _write_map,
    Set: _write_set,
    OrderedSet: _write_set,
    set: _write_set,
    frozenset: _write_set,
    Sparse: _write_sparse,
    Boxed: _write_boxed,
    WireError: _write_error,
    Ref: _write_reference,
    Lazy: _write_reference,
    Snapshot: _write_snapshot,
}

#: Subclasses of what Python has travel as that: a StrEnum as its text, an OrderedDict as a dict.
_SUBCLASSES: List[Tuple[type, Writer]] = [
    (BaseException, _write_exception),
    (str, _replaced(lambda value: str.__str__(value.value) if isinstance(value, enum.Enum) else str.__str__(value))),
    (int, _replaced(lambda value: int(value))),
    (float, _replaced(lambda value: float(value))),
    (dict, _write_dict),
    (list, _write_list),
    (tuple, _write_list),
    (set, _write_set),
    (frozenset, _write_set),
    (bytes, _write_plain("base64", to_base64)),
    (datetime, _write_plain("datetime", times.write_datetime)),
    (date, _write_plain("date", lambda value: value.isoformat())),
    (time, _write_plain("time", times.write_kept)),
    (Decimal, _write_plain("decimal", str)),
    (UUID, _write_plain("uuid", _hex)),
]
