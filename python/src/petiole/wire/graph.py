"""The tag ``graph``, read: data with much sharing, many cycles or great depth, as a flat table of nodes.

Whatever can be part of a cycle is made first, empty; then all is filled, one node after another. An instance of a
class is made in its turn, from nodes that are all before it and therefore filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, List, NamedTuple, Optional, Set

from ..errors import describe
from .tags import VALUE, Malformed, Tag

if TYPE_CHECKING:
    from .decoder import Decoder, Item

_PENDING = object()


class Shape(NamedTuple):
    """What all nodes of a shape have in common."""

    type: str
    #: None for plain objects and arrays.
    tag: Optional[Tag]
    #: The names of the fields; None for what has as many cells as it likes.
    keys: Optional[List[str]]
    #: Which columns hold bare numbers of nodes. Of what has no fields, the first is for all cells.
    bare: List[bool]


class Graph(NamedTuple):
    shapes: List[Shape]
    rows: List[Any]


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and value.is_integer())


def survey(item: "Item", decoder: "Decoder") -> None:
    """Looks through a graph: at its shapes, and at the scalars in its cells."""
    content = item.node[VALUE]
    shapes, nodes = (content.get("shapes"), content.get("nodes")) if type(content) is dict else (None, None)
    if type(shapes) is not list or type(nodes) is not list or not nodes:
        raise Malformed("shapes and nodes, one node at least", describe(content))
    budget = decoder.budget
    budget.depth(item.level + 3)
    budget.json(shapes, item.level + 2)
    read = [_shape(shape, item, decoder) for shape in shapes]
    count = len(nodes) + 2
    for index, row in enumerate(nodes):
        if type(row) is dict and decoder.visit_scalar(row, nodes, index, item):
            continue
        shape = None
        if type(row) is list and row and _is_number(row[0]) and 0 <= row[0] < len(read):
            row[0] = int(row[0])
            shape = read[row[0]]
        if shape is None or not _fits(shape, len(row) - 1):
            raise Malformed("a shape's number and as many cells as it has", f"node {index}: {describe(row)}")
        count += len(row)
        for at in range(1, len(row)):
            cell = row[at]
            if type(cell) is list:
                count += 1
            elif type(cell) is dict and not decoder.visit_scalar(cell, row, at, item):
                expected = "a cell: a scalar, its tag, or a node's number in an array"
                raise Malformed(expected, f"node {index}: an object")
    budget.nodes(count)
    item.plan = Graph(read, nodes)


def _shape(given: Any, item: "Item", decoder: "Decoder") -> Shape:
    kind, *columns = given if type(given) is list and given else [None]
    bare = [type(column) is list and len(column) == 1 for column in columns]
    names = [column[0] if bare[at] else column for at, column in enumerate(columns)]
    is_plain = kind == "{}" or kind == "[]"
    known = decoder.tag_of(kind) if type(kind) is str and not is_plain else None
    tag = known.shared or known if known is not None else None
    if not is_plain and tag is None:
        raise decoder.unknown_type(str(kind), item)
    has_fields = tag.layout == "fields" if tag else kind == "{}"
    is_right = (tag is None or tag.layout != "scalar") and all(
        type(name) is str and name != "__proto__" for name in names
    )
    if is_right:
        if has_fields:
            is_right = len(set(names)) == len(names)
        else:
            is_right = not names or (len(names) == 1 and bare[0])
    if not is_right:
        raise Malformed("a shape: a type, and columns that differ", describe(given))
    return Shape(str(kind), tag, names if has_fields else None, bare)


def _fits(shape: Shape, cells: int) -> bool:
    if shape.keys is not None:
        return cells == len(shape.keys)
    if shape.tag is None or shape.tag.layout == "items":
        return True
    return cells % 2 == 0 if shape.tag.layout == "entries" else cells == 1


def read(item: "Item", decoder: "Decoder") -> Any:
    """The value that a graph stands for."""
    shapes, rows = item.plan
    values = [_open(shapes[row[0]], row) if type(row) is list else row for row in rows]
    sizes = [len(row) if type(row) is list else 1 for row in rows]
    is_whole = _wholeness(shapes, rows)
    for index, row in enumerate(rows):
        if type(row) is not list:
            continue
        shape = shapes[row[0]]
        tag, keys = shape.tag, shape.keys
        if tag is not None and tag.open is None and not is_whole(index):
            raise Malformed("nodes in a class that are whole before it", f"node {index}: a cycle through it")
        cells = _resolve(row, index, shape, values, sizes)
        # What a class checks and an error copies counts again, wherever it is met.
        if tag is not None and tag.layout in ("fields", "value"):
            decoder.budget.nodes_again(cells)
        if tag is not None:
            from .decoder import Spot

            opened = None if values[index] is _PENDING else values[index]
            values[index] = decoder.read(tag, _content(shape, row), Spot(rows, index, item), opened)
        elif keys is not None:
            values[index].update(zip(keys, row[1:]))
        else:
            values[index].extend(row[1:])
    return values[-1]


def _wholeness(shapes: List[Shape], rows: List[Any]) -> Callable[[int], bool]:
    """Whether all that a node's cells lead to is filled before it. To be asked in order."""
    if not any(shape.tag is not None and shape.tag.open is None for shape in shapes):
        return lambda index: True
    linked = [_numbers(row, shapes[row[0]]) if type(row) is list else [] for row in rows]
    whole: Set[int] = set()

    def is_whole(index: int) -> bool:
        stack = list(linked[index])
        while stack:
            number = stack.pop()
            if number >= index:
                return False
            if number in whole:
                continue
            whole.add(number)
            if 0 <= number:
                stack.extend(linked[number])
        return True

    return is_whole


_NO_LINK = object()


def _link(row: List[Any], at: int, shape: Shape) -> Any:
    """What a cell holds as the number of a node, which may be none."""
    cell = row[at]
    column = at - 1 if shape.keys is not None else 0
    if column < len(shape.bare) and shape.bare[column]:
        return cell
    if type(cell) is not list:
        return _NO_LINK
    return cell[0] if len(cell) == 1 else None


def _numbers(row: List[Any], shape: Shape) -> List[int]:
    links = (_link(row, at, shape) for at in range(1, len(row)))
    return [int(number) for number in links if _is_number(number)]


def _open(shape: Shape, row: List[Any]) -> Any:
    if shape.tag is None:
        return {} if shape.keys is not None else []
    return shape.tag.open(_content(shape, row), True) if shape.tag.open else _PENDING


def _resolve(row: List[Any], index: int, shape: Shape, values: List[Any], sizes: List[int]) -> int:
    """Puts nodes in place of their numbers. How many values there are in those."""
    count = 0
    is_class = shape.tag is not None and shape.tag.open is None
    for at in range(1, len(row)):
        number = _link(row, at, shape)
        if number is _NO_LINK:
            continue
        is_node = _is_number(number) and 0 <= number < len(values)
        # A class is given nothing that is filled afterwards.
        if not is_node or values[int(number)] is _PENDING or (is_class and number >= index):
            expected = "the number of a node, and in a class of one before it"
            raise Malformed(expected, f"node {index}: {describe(row[at])}")
        row[at] = values[int(number)]
        count += sizes[int(number)] or 1
    return count


def _content(shape: Shape, row: List[Any]) -> Any:
    if shape.keys is not None:
        return dict(zip(shape.keys, row[1:]))
    cells = row[1:]
    assert shape.tag is not None
    if shape.tag.layout == "value":
        return cells[0]
    if shape.tag.layout == "items":
        return cells
    return [[cells[at], cells[at + 1]] for at in range(0, len(cells), 2)]
