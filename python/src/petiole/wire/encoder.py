"""From a value to the wire's tree and its text. All that cannot travel is found before anything is raised.

The same plan as TypeScript's: one walk that never recurses, which replaces values by what is written for them, and
another way, a flat graph, where pointers would come to more than that, or the data is deeper than the limit.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple
from typing import Set as TypingSet

from ..errors import EncodeError, LimitError, PetioleError, Refusal, shortened
from .encode_context import EncodeContext, Marked, Unportable
from .json_text import float_for_text, int_to_digits, is_short, write
from .kinds import MAX_SAFE, BigInt
from .limits import Budget, Limits, check_bytes, over
from .paths import pointer_of
from .place import GraphWriter, Place
from .plain import is_plain
from .row_writers import write_reference
from .tags import TYPE, VALUE
from .waiting import finish, wait
from .writers import NATIVE, SUBCLASSES, WRITERS, in_js_order, is_no_index, kind_name

#: This much text of ``same`` pointers, and a graph is smaller and easier to read.
_MOST_POINTERS = 32_768
#: Levels of a graph's text, whatever is in it.
_GRAPH_DEPTH = 10
_MOST_REFUSALS = 100


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
    tree, encoder = run(value, context, root, apart)
    return tree, sorted(encoder.types)


def run(value: Any, context: EncodeContext, root: str, apart: bool) -> Tuple[Any, "Encoder"]:
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


def _depth_of(context: EncodeContext) -> float:
    # Kombu's own reader recurses.
    return 500 if context.portable else float("inf")


_PORTABLE = frozenset(["datetime", "date", "time", "decimal", "uuid", "base64"])


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
        self.in_lists: TypingSet[int] = set()
        self._apart = apart
        self._graph = GraphWriter() if way.graph else None
        self.places: Dict[int, Place] = {}
        #: What has a place is kept, so that no other gets its identity.
        self.kept: List[Any] = []
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
        if not finish(place, place.parent) and place.in_class is place:
            assert place.parent is not None
            self._refuse_cycle(place.parent, place.key, place)

    def _enter(self, value: Any, kind: type, above: Place, key: Any) -> Optional[Place]:
        """Writes a value in its place, or gives the place to go into."""
        try:
            return self._value(value, kind, above, key)
        except (LimitError, _OtherWay, MemoryError):
            raise
        except Unportable as error:
            self.refuse(above, key, kind_name(kind), str(error))
            return None
        except PetioleError as error:
            self.refuse(above, key, kind_name(kind), error.message)
            return None
        except Exception as error:  # noqa: BLE001 - reading an object may run code of the user's
            self.refuse(above, key, kind_name(kind), f"reading it raises {type(error).__name__}: {error}")
            return None

    def _value(self, value: Any, kind: type, above: Place, key: Any) -> Optional[Place]:
        if kind is float:
            self._float(value, above, key)
            return None
        if kind is int or kind is BigInt:
            self.integer(value, kind, above, key)
            return None
        if above.own_arrays:
            return self.go(Place(above, key, value, None))
        if above.columns is not None:
            return self.go(Place(above, key, value, list(above.columns), "snapshot", "fields", False))
        if id(value) in self.in_lists:
            # A row of a list has no place that could be pointed at.
            raise _OtherWay(self.way._replace(lists=False))
        known = self.places.get(id(value))
        # Tuples are values: the compiler makes one of several that are alike, so they are written out each time.
        if known is not None and not (known.done and (not self.context.pointers or isinstance(value, tuple))):
            self._same(known, above, key)
            return None
        if kind in self.context.first:
            return self._given(self.context.first[kind](value), value, above, key)
        writer = WRITERS.get(kind)
        if writer is not None:
            return writer(self, value, above, key)
        entry = self.context.registry.type_of(kind)
        if entry is not None:
            content = entry.encode(value)
            self.types.add(entry.written)
            if entry.layout == "fields":
                content = dict(content)
            return self.tag(entry.written, entry.layout, value, content, above, key, opens=False)
        return self._other(value, kind, above, key)

    def _other(self, value: Any, kind: type, above: Place, key: Any) -> Optional[Place]:
        """What is no class of ours and none that is registered."""
        if self.context.refer is not None:
            reference = self.context.refer(value)
            if reference is not None:
                write_reference(self, reference, above, key)
                return None
        if self.context.default is not None and not isinstance(value, NATIVE):
            given = self.context.default(value)
            if given is not NotImplemented:
                return self._given(given, value, above, key)
        for cls, writer in SUBCLASSES:
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
            return self.tag(given.name, "value", value, given.content, above, key, opens=False, known=True)
        if given is value:
            raise Unportable("what is to stand for it is itself")
        # Others may give one thing after another, without end.
        self.budget.nodes(1)
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
            return self.scalar("number", text, above, key)
        if not self.context.pythonic:
            above.container[key] = float_for_text(value)
        return None

    def integer(self, value: int, kind: type, above: Place, key: Any) -> None:
        is_safe = -MAX_SAFE <= value <= MAX_SAFE
        most = self.context.limits.bigint_digits
        if kind is int and (is_safe or (self.context.pythonic and is_short(value, most))):
            return None
        # Its digits take long to compute, so its size is bounded first: four bits hold more than one digit.
        if value.bit_length() > most * 4:
            raise over("A bigint", "bigint_digits", most, most + 1)
        digits = int_to_digits(int(value))
        if len(digits) - digits.startswith("-") > most:
            raise over("A bigint", "bigint_digits", most, len(digits))
        if self.context.portable and "bigint" not in self.context.understands:
            above.container[key] = int(value)
            return None
        return self.scalar("bigint", digits, above, key)

    def scalar(self, name: str, content: Any, above: Place, key: Any) -> None:
        self.check_dialect(name)
        self._count_scalar(above, content)
        self.put(above, key, {TYPE: name, VALUE: content})

    def _count_scalar(self, above: Place, content: Any) -> None:
        level = 5 if self._graph else above.level + 1
        self.budget.nodes(2)
        self.budget.depth(level)
        self.budget.json(content, level + 1)

    def check_dialect(self, name: str) -> None:
        if not self.context.portable or name in _PORTABLE or name in self.context.understands:
            return
        raise Unportable("a worker without this package does not know the tag; send plain data")

    # Places.

    def put(self, above: Place, key: Any, written: Any) -> None:
        above.container[key] = written

    def refuse(self, above: Place, key: Any, kind: str, advice: str) -> None:
        self.refused += 1
        if len(self.refusals) < _MOST_REFUSALS:
            self.refusals.append(Refusal(above.path(self.root, key), kind, shortened(advice, 500)))
        self.put(above, key, None)

    def _refuse_cycle(self, above: Place, key: Any, through: Optional[Place]) -> None:
        if through is not None:
            name = through.tag
            advice = "a value class is made from finished fields; keep the way back outside it, or send a reference"
            return self.refuse(above, key, f"cycle through {name}", advice)
        return self.refuse(above, key, "cycle", "send a tree; the other side cannot read cycles")

    def keep(self, value: Any, place: Place) -> None:
        self.places[id(value)] = place
        self.kept.append(value)

    def _place(self, place: Place) -> None:
        """Puts a place's container, or its cell, where its value was."""
        if self._graph is not None:
            self.budget.nodes(3)
            place.cell = [-1]
        assert place.parent is not None
        self.put(place.parent, place.key, place.container if place.cell is None else place.cell)

    def go(self, place: Place) -> Place:
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
        self.keep(value, place)
        self._place(place)
        return self.go(place)

    def tag(
        self, name: str, layout: str, value: Any, content: Any, above: Place, key: Any, opens: bool = True,
        known: bool = False,
    ) -> Optional[Place]:  # fmt: skip
        if not known:
            self.check_dialect(name)
        if layout == "scalar":
            self._count_scalar(above, content)
        else:
            self.budget.nodes(2)
        written = {TYPE: name, VALUE: content}
        place = Place(above, key, written, [VALUE] if layout == "value" else [], name, layout, opens)
        self.keep(value, place)
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
            elif not all(map(is_no_index, content)):
                self.has_indices = True
        inside = Place(place, VALUE, content, list(content) if layout == "fields" else None)
        inside.own_arrays = layout == "entries"
        return self.go(inside)

    def _same(self, place: Place, above: Place, key: Any) -> None:
        """A second place of one object: where the first is."""
        if not place.done:
            # A cycle. Every container on it must exist before its insides do, which a class's instance cannot.
            if not self.context.pointers:
                return self._refuse_cycle(above, key, None)
            if above.in_class is not None and (place.in_class is place or above.in_class is not place.in_class):
                return self._refuse_cycle(above, key, above.in_class)
        wait(above, place)
        if above.is_read_again():
            content = place.container[VALUE] if place.layout else place.container
            size = len(content) if type(content) in (list, dict) else 1
            self.budget.nodes_again(size * (2 if place.layout == "entries" else 1))
        if self._graph is not None:
            self.budget.nodes(1)
            return self.put(above, key, place.cell)
        pointer = pointer_of(place.steps())
        self.pointers += len(pointer) + 1
        if self.pointers > _MOST_POINTERS:
            raise _OtherWay(self.way._replace(graph=True))
        self._count_scalar(above, pointer)
        return self.put(above, key, {TYPE: "same", VALUE: pointer})

    def apart(self, fields: Any) -> Any:
        """The tree of what is a text within the text: the fields of a reference."""
        if self._apart:
            raise Unportable("in the fields of another reference, it has none of its own: send model and key")
        limits = self.context.limits
        context = self.context._replace(
            limits=Limits(limits.bytes, max(limits.depth // 2, 1), limits.nodes, limits.bigint_digits)
        )
        # The very dict: its own fields may lead back to it.
        tree, inside = run(fields if type(fields) is dict else dict(fields), context, self.root, True)
        self.types |= inside.types
        self.budget.nodes_again(inside.budget.again)
        self.reserve(inside.reserved)
        return tree

    def reserve(self, count: int) -> None:
        self.reserved += count
        if self.reserved > self.context.limits.bytes:
            raise over("A resizable ArrayBuffer", "bytes", self.context.limits.bytes, self.reserved)
