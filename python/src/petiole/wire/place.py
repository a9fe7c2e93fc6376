"""The containers that an encoder is writing, and the table of a graph."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .paths import Step, path_of
from .tags import VALUE


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


class GraphWriter:
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
