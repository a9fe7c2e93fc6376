"""From text to the value it stands for, or a :class:`~petiole.errors.DecodeError` that says where it does not.

Decoding has two steps, so that rows can be fetched in between: opening parses and looks through the text, decoding
builds the value. Neither recurses: the first makes a list of all that has values inside, the second goes through it
from the inside out. The same plan as TypeScript's, so that both refuse the same.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Union

from ..errors import DecodeError, LimitError, PetioleError, describe, shortened
from . import graph, lists
from .json_text import TooDeep, TooManyDigits, integer_within, number_of_integer, parse
from .kinds import Bytes
from .limits import Budget, Limits, check_bytes, over
from .paths import Step, follow, path_of
from .reference import Lazy, Ref, SnapshotBinding
from .registry import Registry
from .tags import REFERENCE, TAGS, TYPE, VALUE, Malformed, Reading, Tag, check_shape, looks_like_tag
from .waiting import finish, wait

Unknown = Callable[[str], Optional[Tag]]


class DecodeContext(NamedTuple):
    """What a decoder needs to know."""

    registry: Registry
    limits: Limits
    #: Integers beyond 2^53 are Python's own, and NaN and the infinities may stand bare, as Python writes them.
    pythonic: bool = False
    #: What reads a name by others' rules: asked first, and for what is no tag and no value class.
    others: Optional[Unknown] = None


class Resolve(NamedTuple):
    """What takes the place of references."""

    row: Optional[Callable[["Ref[Any]"], Any]] = None
    lazy: Optional[Callable[["Ref[Any]"], "Lazy[Any]"]] = None
    snapshot: Optional[Callable[[str], Optional[SnapshotBinding]]] = None


class Item:
    """Something with values inside, before and after it is built."""

    __slots__ = (
        "node", "container", "key", "parent", "level", "name", "tag", "product", "done", "waits_for", "plan",
        "in_class", "order", "size",
    )  # fmt: skip

    def __init__(
        self,
        node: Any,
        container: Any,
        key: Any,
        parent: Optional["Item"],
        level: int,
        product: Any,
        name: Optional[str] = None,
        tag: Optional[Tag] = None,
    ) -> None:
        self.node = node
        self.container = container
        self.key = key
        self.parent = parent
        #: Its level of nesting in the text, from 1.
        self.level = level
        #: What it is, or will be once it is filled; None before it is made.
        self.product = product
        self.name = name
        self.tag = tag
        self.done = False
        self.waits_for: Optional[Item] = None
        self.plan: Any = None
        made_last = tag.open is None and tag.layout != "scalar" if tag else name in ("table", "snapshots")
        #: The nearest instance of a class at it or above.
        self.in_class: Optional[Item] = self if made_last else (parent.in_class if parent else None)
        #: Its number in the list of all, where those inside it come next.
        self.order = 0
        #: How many are inside it, itself counted; known when there are pointers.
        self.size = 1

    def is_read_again(self) -> bool:
        """Whether it is gone through once more when what it is in is read."""
        if self.in_class is not None:
            return True
        tag = self.parent.tag if self.parent else None
        return tag is not None and tag.layout == "fields"


class Spot(NamedTuple):
    """A place in the wire's tree."""

    container: Any
    key: Any
    parent: Optional[Item]


Where = Union[Item, Spot]


def size_of(node: Any, layout: Optional[str]) -> int:
    """How many values there are in an array, an object or a tag of the wire's tree."""
    content = node[VALUE] if layout else node
    if layout == "value":
        return 1
    if type(content) is list:
        return len(content) * (2 if layout == "entries" else 1)
    return len(content) if type(content) is dict else 0


def steps_to(spot: Where) -> List[Step]:
    """The steps from the root to a spot."""
    groups: List[List[Step]] = []
    at: Where = spot
    while at.parent is not None:
        groups.append([*_inside(at.parent.node, at.container), (at.container, at.key)])
        at = at.parent
    return [step for group in reversed(groups) for step in group]


def _inside(node: Any, container: Any) -> List[Step]:
    """The steps from a node to a container that is part of it: its content, a pair of entries, a row."""
    if node is container:
        return []
    content = node[VALUE]
    first: Step = (node, VALUE)
    if content is container:
        return [first]
    for name in ("", "rows", "nodes"):
        within = content if not name else content.get(name) if type(content) is dict else None
        before = [first] if not name else [first, (content, name)]
        if within is container:
            return before
        if type(within) is list:
            index = next((at for at, each in enumerate(within) if each is container), -1)
            if index >= 0:
                return [*before, (within, index)]
    return [first]


def parse_text(text: Any, context: DecodeContext, root: str) -> Any:
    """The tree of a text. Raises DecodeError when it is no JSON, LimitError when it is too long."""
    if not isinstance(text, str):
        raise DecodeError(path=root, expected="text", found=describe(text))
    check_bytes(text, context.limits, root)
    try:
        read = integer_within(context.limits.bigint_digits) if context.pythonic else number_of_integer
        return parse(text, read, context.pythonic, context.limits.depth)
    except TooDeep:
        raise over(root, "depth", context.limits.depth, context.limits.depth + 1) from None
    except TooManyDigits as error:
        raise over(root, "bigint_digits", context.limits.bigint_digits, error.received) from None
    except (ValueError, OverflowError):
        raise DecodeError(path=root, expected="JSON", found=f"{len(text)} characters that are none") from None


def is_plain_text(text: str, limits: Limits) -> bool:
    """Whether a text surely has no tag, no key ``__proto__``, and is within the limits."""
    if "__" in text or "\\u005" in text:
        return False
    containers = text.count("[") + text.count("{")
    return containers <= limits.depth and containers + text.count(",") + 1 <= limits.nodes


class Decoder:
    """One decoding of one text. ``references`` are those that are to be loaded, each as often as it is there."""

    def __init__(
        self, tree: Any, context: DecodeContext, root: str = "value", around: Optional["Decoder"] = None
    ) -> None:
        self.references: List[Ref[Any]] = []
        self.context = context
        self.root = root
        self._top: Dict[str, Any] = {"value": tree}
        self.reading = Reading(context.limits, None if around else self._apart)
        if around:
            self.reading.reserved = around.reading.reserved
            self.reading.taken = around.reading.taken
        self.budget = Budget(context.limits, root)
        self._list: List[Item] = []
        self._stack: List[Item] = []
        self._rows: List[Any] = []
        self._pointers: List[Item] = []
        self._targets: Dict[int, Optional[Item]] = {}
        self._base64: List[Item] = []
        self._used = False
        self.budget.nodes(1)
        self.inside(self._top, None, 1)
        stack = self._stack
        while stack:
            item = stack.pop()
            item.order = len(self._list)
            self._list.append(item)
            self._look(item)
        for pointer in self._pointers:
            target = follow(pointer.node[VALUE], tree)
            pointer.product = target
            if target is not None:
                self._targets[id(target)] = None

    def decode(self, resolve: Resolve = Resolve()) -> Any:
        """Builds the value, with what ``resolve`` gives in place of references. Once only: the tree is used up."""
        if self._used:
            raise RuntimeError("decode() was called twice on one opened text")
        self._used = True
        self.reading.snapshot = resolve.snapshot
        for container, key, stands in self._rows:
            if isinstance(stands, Lazy):
                container[key] = resolve.lazy(stands.reference) if resolve.lazy else stands
            else:
                container[key] = resolve.row(stands) if resolve.row else stands
        if self._pointers:
            self._measure()
        for item in reversed(self._list):
            self._build(item)
        return self._top["value"]

    def tag_of(self, name: str) -> Optional[Tag]:
        """The tag of a name; None for one that is not known."""
        others = self.context.others
        return (others(name) if others else None) or TAGS.get(name) or self.context.registry.tag(name)

    def unknown_type(self, name: str, spot: Where) -> DecodeError:
        path = path_of(self.root, steps_to(spot))
        expected = "a type that is registered here"
        return DecodeError(path=path, expected=expected, found=describe(name), type=shortened(name, 200))

    def inside(self, container: Any, parent: Optional[Item], level: int) -> None:
        """Looks at the values in a container."""
        if type(container) is list:
            self.budget.nodes(len(container))
            for index, value in enumerate(container):
                kind = type(value)
                if kind is dict or kind is list:
                    self.visit(value, container, index, parent, level)
            return
        if "__proto__" in container:
            raise self.error(parent or Spot(container, "", None), "an object without a key __proto__", "one")
        for key, value in container.items():
            kind = type(value)
            if kind is dict or kind is list:
                self.visit(value, container, key, parent, level)
        if parent is not None:
            self.budget.nodes(len(container))

    def visit(self, value: Any, container: Any, key: Any, parent: Optional[Item], level: int) -> None:
        """Reads a value without values inside at once, and puts others aside."""
        self.budget.depth(level)
        if type(value) is dict and looks_like_tag(value):
            self._visit_tag(value, container, key, parent, level)
        else:
            self._stack.append(Item(value, container, key, parent, level, value))

    def _visit_tag(self, node: Any, container: Any, key: Any, parent: Optional[Item], level: int) -> None:
        name, content = node[TYPE], node[VALUE]
        self.budget.nodes(2)
        if name in ("same", "graph", "table", "snapshots"):
            item = Item(node, container, key, parent, level, None, name)
            if name == "same":
                self._pointers.append(item)
            self._stack.append(item)
            return
        spot = Spot(container, key, parent)
        if name == "refs":
            references = self.guard(spot, name, lambda: lists.read_references(content, self.reading))
            self.budget.json(content, level + 1)
            for index, reference in enumerate(references):
                self._refer(references, index, reference)
            self._put_aside(Item(node, container, key, parent, level, references, name))
            return
        tag = self.tag_of(name)
        if tag is None:
            raise self.unknown_type(name, spot)
        if tag.shared is not None and type(content) is list:
            tag = tag.shared
        if tag.layout == "scalar":
            self.budget.json(content, level + 1)
            value = self.read(tag, content, spot)
            if tag is REFERENCE:
                self._refer(container, key, value)
            elif tag.identity:
                if type(value) is bytes and len(value) < 2 and parent is not None and parent.name in ("map", "set"):
                    # Python has one object for each of these, and here they are told apart by identity.
                    value = Bytes(value)
                item = Item(node, container, key, parent, level, value, name, tag)
                if type(value) is bytes:
                    self._base64.append(item)
                self._put_aside(item)
            else:
                container[key] = value
            return
        try:
            check_shape(tag, content)
            opened = tag.open(content, False) if tag.open else None
        except Exception as error:
            raise self.wrong(error, name, spot) from error
        self._stack.append(Item(node, container, key, parent, level, opened, name, tag))

    def visit_scalar(self, cell: Any, container: Any, key: Any, item: Item) -> bool:
        """Reads a cell of a graph, in its place; False when it is no scalar's tag."""
        tag = self.tag_of(cell[TYPE]) if looks_like_tag(cell) else None
        if tag is None or tag.layout != "scalar":
            return False
        self.budget.nodes(2)
        content = cell[VALUE]
        if tag.shared is not None and type(content) is list:
            return False
        self.budget.json(content, item.level + 5)
        value = self.read(tag, content, Spot(container, key, item))
        if tag is REFERENCE:
            self._refer(container, key, value)
        else:
            container[key] = Bytes(value) if type(value) is bytes else value
        return True

    def _refer(self, container: Any, key: Any, stands: Any) -> None:
        if isinstance(stands, Ref):
            self.references.append(stands)
        self._rows.append((container, key, stands))

    def _put_aside(self, item: Item) -> None:
        """For what is built already: only pointers need it."""
        item.done = True
        self._stack.append(item)

    def _look(self, item: Item) -> None:
        name = item.name
        if item.done or name == "same":
            return
        if name is None:
            return self.inside(item.node, item, item.level + 1)
        if name == "graph":
            self.guard(item, name, lambda: graph.survey(item, self))
        elif name == "table":
            self.guard(item, name, lambda: lists.survey_table(item, self))
        elif name == "snapshots":
            self.guard(item, name, lambda: lists.survey_snapshots(item, self))
        else:
            tag = item.tag
            assert tag is not None
            content = item.node[VALUE]
            if tag.layout == "value":
                if type(content) is dict or type(content) is list:
                    self.visit(content, item.node, VALUE, item, item.level + 1)
                return
            self.budget.depth(item.level + 1)
            if tag.layout != "entries":
                return self.inside(content, item, item.level + 2)
            self.budget.nodes(len(content))
            if content:
                self.budget.depth(item.level + 2)
            for pair in content:
                self.inside(pair, item, item.level + 3)

    def _measure(self) -> None:
        """How many there are inside each: with its number, this tells what is inside what."""
        targets = self._targets
        for item in reversed(self._list):
            if item.parent is not None:
                item.parent.size += item.size
            if id(item.node) in targets:
                targets[id(item.node)] = item
        for item in self._base64:
            if id(item.node) in targets:
                item.product = Bytes(item.product)

    def _build(self, item: Item) -> None:
        if item.done:
            # Left as it was until now, for the pointers at it.
            item.container[item.key] = item.product
            return
        if not finish(item, item.parent) and item.in_class is item:
            raise self.error(item, f"{item.name} with what is whole before it is made", "a cycle through it")
        name = item.name
        if name is None:
            return
        if name == "same":
            item.container[item.key] = self._target(item)
            return
        if name == "graph":
            item.product = self.guard(item, name, lambda: graph.read(item, self))
        elif name == "table":
            item.product = lists.read_table(item, self)
        elif name == "snapshots":
            item.product = lists.read_snapshots(item, self)
        else:
            assert item.tag is not None
            item.product = self.read(item.tag, item.node[VALUE], item, item.product)
        item.container[item.key] = item.product

    def _target(self, pointer: Item) -> Any:
        target = self._targets.get(id(pointer.product)) if pointer.product is not None else None
        if target is not None and target.name != "same":
            # What is before it in the text has a higher number, and is built.
            is_there = target.order > pointer.order or (
                # A cycle: what it is in exists, empty, and no class would be given it so.
                pointer.order < target.order + target.size
                and target.product is not None
                and target.in_class is pointer.in_class
            )
            if is_there:
                if pointer.parent is not None:
                    wait(pointer.parent, target)
                if pointer.is_read_again():
                    self.budget.nodes_again(size_of(target.node, target.tag.layout if target.tag else None))
                return target.product
        raise self.error(
            pointer,
            "a pointer to an array, object, Map, Set, Error or value before it, and around no class that it is in",
            describe(pointer.node[VALUE]),
        )

    def _apart(self, tree: Any) -> Any:
        """The value of a tree that was written apart. What it costs beyond its text counts as part of the whole."""
        inside = Decoder(tree, self.context, self.root, self)
        value = inside.decode()
        self.budget.nodes_again(inside.budget.again)
        self.reading.reserved = inside.reading.reserved
        return value

    def read(self, tag: Tag, content: Any, spot: Where, opened: Any = None) -> Any:
        try:
            return tag.read(content, self.reading, opened)
        except Exception as error:
            raise self.wrong(error, tag.name, spot) from error

    def guard(self, spot: Where, name: str, run: Callable[[], Any]) -> Any:
        """Runs what a tag, or a user's class behind it, does with received content."""
        try:
            return run()
        except Exception as error:
            raise self.wrong(error, name, spot) from error

    def wrong(self, error: Exception, name: str, spot: Where) -> BaseException:
        """What to raise for what was raised while content was read."""
        if isinstance(error, (LimitError, MemoryError)):
            return error
        if isinstance(error, DecodeError):
            return self._in_fields(error, spot) if name == "ref" else error
        if isinstance(error, Malformed):
            return self.error(spot, f"{name}: {error.expected}", error.found)
        why = error.message if isinstance(error, PetioleError) else f"{type(error).__name__}: {_text_of(error)}"
        return self.error(spot, f"a valid {name}", f"content that it refuses: {why}")

    def _in_fields(self, error: DecodeError, spot: Where) -> DecodeError:
        """The error of what was written apart, in its place in the whole."""
        path = shortened(path_of(self.root, steps_to(spot)) + ".was" + error.path[len(self.root) :])
        return DecodeError(path=path, expected=error.expected, found=error.found, type=error.type)

    def error(self, spot: Where, expected: str, found: str) -> DecodeError:
        path = path_of(self.root, steps_to(spot))
        return DecodeError(path=path, expected=expected, found=shortened(found))


def _text_of(error: BaseException) -> str:
    try:
        return shortened(str(error), 500)
    except Exception:  # noqa: BLE001 - an error of the user's that cannot be written
        return "an error that cannot be written"
