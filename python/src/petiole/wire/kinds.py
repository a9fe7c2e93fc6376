"""Classes for what the wire has and Python has not: each arrives, can be asked, and goes back as it came."""

from __future__ import annotations

import struct
from datetime import datetime, time
from decimal import Decimal
from typing import (
    Any,
    Dict,
    Generic,
    Iterable,
    Iterator,
    List,
    Mapping,
    MutableMapping,
    MutableSet,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)
from typing import (
    Set as TypingSet,
)

from ..errors import ValueInvalid, describe

K = TypeVar("K")
V = TypeVar("V")

#: The largest integer that is a number in JavaScript and exact.
MAX_SAFE = 2**53 - 1


class UndefinedType:
    """The type of :data:`undefined`."""

    _only: Optional["UndefinedType"] = None

    def __new__(cls) -> "UndefinedType":
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "undefined"


#: JavaScript's ``undefined``. There is one of it; it is falsy.
undefined = UndefinedType()


class BigInt(int):
    """An integer that is a ``bigint`` in JavaScript, however small. It is an ``int``, and computes as one."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"BigInt({int(self)})" if self.bit_length() < 4096 else f"BigInt(0x{int(self):x})"

    __str__ = int.__repr__

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        """As a field of a pydantic model: an integer, which becomes one of these."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls, core_schema.int_schema())


class Symbol:
    """A registered symbol, ``Symbol.for(key)``. Equal by its key; may be a key of a dict."""

    __slots__ = ("key",)
    key: str

    def __init__(self, key: str) -> None:
        if not isinstance(key, str):
            raise ValueInvalid(f"A symbol's key must be text, received {describe(key)}.")
        object.__setattr__(self, "key", key)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"Symbol has no {name} that could be set")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symbol) and other.key == self.key

    def __hash__(self) -> int:
        return hash(("petiole.Symbol", self.key))

    def __repr__(self) -> str:
        return f"Symbol({self.key!r})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Symbol, (self.key,))


class Foreign:
    """A value that Python has no use for, kept as its tag and content. Immutable, equal by both.

    What arrives as one: an invalid Date (``Foreign("datetime", None)``), dates before the year 1 and after 9999,
    Temporal's ``instant``, ``zoned``, ``local``, ``month``, ``day`` and ``duration``, times finer than microseconds.
    """

    __slots__ = ("tag", "content")
    tag: str
    content: Any

    def __init__(self, tag: str, content: Any) -> None:
        from .times import check_foreign

        object.__setattr__(self, "tag", tag)
        object.__setattr__(self, "content", check_foreign(tag, content))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"Foreign has no {name} that could be set")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Foreign) and (other.tag, other.content) == (self.tag, self.content)

    def __hash__(self) -> int:
        return hash((self.tag, str(self.content)))

    def __repr__(self) -> str:
        return f"Foreign({self.tag!r}, {self.content!r})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Foreign, (self.tag, self.content))


class KeptDatetime(datetime):
    """A datetime that was written in another spelling than Python's; it goes back in that one."""

    wire_text: str

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (_kept, (KeptDatetime, datetime.__reduce_ex__(self, protocol)[1], self.wire_text))


class KeptTime(time):
    """A time of another spelling than Python's."""

    wire_text: str

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (_kept, (KeptTime, time.__reduce_ex__(self, protocol)[1], self.wire_text))


class KeptDecimal(Decimal):
    """A Decimal of another spelling than Python's."""

    wire_text: str

    def __reduce__(self) -> Any:
        return (_kept, (KeptDecimal, (str(self),), self.wire_text))


def _kept(cls: Any, args: Any, text: str) -> Any:
    made = cls(*args)
    made.wire_text = text
    return made


class Bytes(bytes):
    """Bytes that are one object in several places of a payload."""


class ArrayBuffer:
    """Memory that views look at. ``max_byte_length`` is set for one that may grow."""

    __slots__ = ("data", "max_byte_length", "__weakref__")

    def __init__(self, data: bytes = b"", max_byte_length: Optional[int] = None) -> None:
        self.data = bytes(data)
        if max_byte_length is not None and max_byte_length < len(self.data):
            raise ValueInvalid(f"A buffer of {len(self.data)} bytes cannot grow to {max_byte_length}.")
        self.max_byte_length = max_byte_length

    def __bytes__(self) -> bytes:
        return self.data

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        more = "" if self.max_byte_length is None else f", max_byte_length={self.max_byte_length}"
        return f"ArrayBuffer({self.data!r}{more})"


#: The kinds of views: the size of an element, and its format for ``struct``.
VIEWS: Dict[str, Tuple[int, str]] = {
    "Uint8Array": (1, "B"),
    "Uint8ClampedArray": (1, "B"),
    "Int8Array": (1, "b"),
    "Int16Array": (2, "h"),
    "Uint16Array": (2, "H"),
    "Int32Array": (4, "i"),
    "Uint32Array": (4, "I"),
    "Float16Array": (2, "e"),
    "Float32Array": (4, "f"),
    "Float64Array": (8, "d"),
    "BigInt64Array": (8, "q"),
    "BigUint64Array": (8, "Q"),
    "DataView": (1, "B"),
    "Buffer": (1, "B"),
}


class View(Sequence[Any]):
    """Bytes seen as a class of JavaScript's, ``Float64Array`` for example: alone, or as a part of an ArrayBuffer.

    ``View("Int16Array", data)`` has bytes of its own, ``View("Int16Array", buffer, offset, length)`` looks into an
    :class:`ArrayBuffer` that is also in the payload (offset and length in bytes).
    """

    __slots__ = ("kind", "buffer", "offset", "length", "shared", "__weakref__")

    def __init__(self, kind: str, of: Union[bytes, ArrayBuffer], offset: int = 0, length: Optional[int] = None) -> None:
        if kind not in VIEWS:
            raise ValueInvalid(f"{describe(kind)} is no view; there are {', '.join(VIEWS)}.")
        size = VIEWS[kind][0]
        self.kind = kind
        self.shared = isinstance(of, ArrayBuffer)
        self.buffer = of if isinstance(of, ArrayBuffer) else ArrayBuffer(of)
        self.offset = offset
        self.length = len(self.buffer) - offset if length is None else length
        whole = self.length % size == 0 and (self.offset % size == 0 or kind == "DataView")
        if not whole or self.offset < 0 or self.length < 0 or self.offset + self.length > len(self.buffer):
            raise ValueInvalid(
                f"A {kind} of {self.length} bytes from {self.offset} does not fit into {len(self.buffer)} bytes."
            )
        if self.buffer.max_byte_length is not None:
            raise ValueInvalid("A view of a buffer that may grow does not travel.")

    def __bytes__(self) -> bytes:
        return self.buffer.data[self.offset : self.offset + self.length]

    def __len__(self) -> int:
        return self.length // VIEWS[self.kind][0]

    def __getitem__(self, index: Any) -> Any:
        return self.tolist()[index]

    def tolist(self) -> List[Any]:
        """The elements, as numbers."""
        return list(struct.unpack(f"<{len(self)}{VIEWS[self.kind][1]}", bytes(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and (other.kind, bytes(other)) == (self.kind, bytes(self))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"View({self.kind!r}, {bytes(self)!r})"


class Boxed:
    """A primitive in an object, ``new Number(1)``."""

    __slots__ = ("value", "__weakref__")

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Boxed({self.value!r})"


class RegExp:
    """An expression of JavaScript's. It is not compiled: Python's expressions differ."""

    __slots__ = ("source", "flags", "last_index", "__weakref__")

    def __init__(self, source: str, flags: str = "", last_index: int = 0) -> None:
        self.source = source
        self.flags = flags
        self.last_index = last_index

    def __repr__(self) -> str:
        return f"RegExp({self.source!r}, {self.flags!r}, {self.last_index})"


class Url(str):
    """A URL, as its text. It is a ``str`` and has an identity, as a URL in JavaScript."""

    def __repr__(self) -> str:
        return f"Url({str.__repr__(self)})"


class _Pairs(Sequence[Tuple[str, str]]):
    """Names and values, in their order."""

    __slots__ = ("pairs", "__weakref__")

    def __init__(self, pairs: Iterable[Tuple[str, str]] = ()) -> None:
        self.pairs: List[Tuple[str, str]] = [(name, value) for name, value in pairs]

    def get(self, name: str, default: Optional[str] = None) -> Optional[str]:
        """The first value of a name."""
        return next((value for known, value in self.pairs if known == name), default)

    def get_all(self, name: str) -> List[str]:
        return [value for known, value in self.pairs if known == name]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: Any) -> Any:
        return self.pairs[index]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.pairs == self.pairs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.pairs!r})"


class URLSearchParams(_Pairs):
    """The parameters of a URL."""


class Headers(_Pairs):
    """Headers of HTTP: names in lower case, sorted."""


class Bare(Dict[Any, Any]):
    """An object without a prototype: a dict that goes back as that."""


class Sparse:
    """An array with holes, or with properties beside its items.

    ``items`` has those that are there by their index, ``properties`` what has a name (text or :class:`Symbol`).
    """

    __slots__ = ("length", "items", "properties", "__weakref__")

    def __init__(
        self,
        length: int,
        items: Optional[Mapping[int, Any]] = None,
        properties: Optional[Mapping[Any, Any]] = None,
    ) -> None:
        self.length = length
        self.items: Dict[int, Any] = dict(items or {})
        self.properties: Dict[Any, Any] = dict(properties or {})

    def __len__(self) -> int:
        return self.length

    def __repr__(self) -> str:
        return f"Sparse({self.length}, {len(self.items)} items, {len(self.properties)} properties)"


def token_of(value: Any) -> Any:
    """What tells keys of a Map apart, as JavaScript does: primitives by value, all else by identity."""
    kind = type(value)
    if kind is str:
        return value
    if value is None or kind is bool or value is undefined:
        return ("p", repr(value))
    if isinstance(value, int):
        big = kind is BigInt or not -MAX_SAFE <= value <= MAX_SAFE
        return ("i" if big else "n", int(value))
    if isinstance(value, float):
        return ("n", "NaN") if value != value else ("n", value)
    if kind is Symbol:
        return ("s", value.key)
    return ("o", id(value))


def _is_primitive(token: Any) -> bool:
    return not isinstance(token, tuple) or token[0] != "o"


class Map(MutableMapping[K, V], Generic[K, V]):
    """A Map of JavaScript's: in order, with keys of any kind, told apart as there.

    Texts, numbers, bigints, booleans, None, ``undefined`` and symbols are keys by their value (``1``, ``True`` and
    ``BigInt(1)`` are three), anything else by identity. Looking up a key that is not there by identity finds the
    first that equals it, so that ``map[date(2026, 1, 2)]`` works.
    """

    __slots__ = ("_entries", "__weakref__")

    def __init__(self, entries: Union[Mapping[K, V], Iterable[Tuple[K, V]]] = ()) -> None:
        self._entries: Dict[Any, Tuple[Any, Any]] = {}
        pairs = entries.items() if isinstance(entries, Mapping) else entries
        for key, value in pairs:
            self._entries[token_of(key)] = (key, value)

    def _find(self, key: Any) -> Any:
        token = token_of(key)
        if token in self._entries or _is_primitive(token):
            return token
        for known, (other, _) in self._entries.items():
            if not _is_primitive(known) and type(other) is type(key) and other == key:
                return known
        return token

    def __getitem__(self, key: K) -> V:
        try:
            value: V = self._entries[self._find(key)][1]
        except KeyError:
            raise KeyError(key) from None
        return value

    def __setitem__(self, key: K, value: V) -> None:
        token = token_of(key)
        known = self._entries.get(token)
        self._entries[token] = (known[0] if known else key, value)

    def __delitem__(self, key: K) -> None:
        try:
            del self._entries[self._find(key)]
        except KeyError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[K]:
        return iter([key for key, _ in self._entries.values()])

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Map):
            return list(self._entries.values()) == list(other._entries.values())
        if isinstance(other, Mapping):
            return len(other) == len(self) and all(
                key in other and other[key] == value for key, value in self._entries.values()
            )
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Map of {len(self)}"


class Set(MutableSet[V], Generic[V]):
    """A Set of JavaScript's whose items a Python ``set`` cannot hold, or would take for one another."""

    __slots__ = ("_items", "__weakref__")

    def __init__(self, items: Iterable[V] = ()) -> None:
        self._items: Dict[Any, Any] = {}
        for item in items:
            self._items.setdefault(token_of(item), item)

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> "Set[Any]":
        return cls(it)

    def add(self, value: V) -> None:
        self._items.setdefault(token_of(value), value)

    def discard(self, value: V) -> None:
        self._items.pop(token_of(value), None)

    def __contains__(self, value: object) -> bool:
        return token_of(value) in self._items

    def __iter__(self) -> Iterator[V]:
        return iter(list(self._items.values()))

    def __len__(self) -> int:
        return len(self._items)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Set of {len(self)}"


class OrderedSet(TypingSet[Any]):
    """A ``set`` that goes back in the order in which it came. What was added since comes last."""

    order: Tuple[Any, ...] = ()

    @classmethod
    def of(cls, items: Sequence[Any]) -> "OrderedSet":
        made = cls(items)
        made.order = tuple(items)
        return made

    def in_order(self) -> List[Any]:
        known = [item for item in self.order if item in self]
        if len(known) == len(self):
            return known
        before = set(known)
        return known + [item for item in self if item not in before]

    def __reduce__(self) -> Tuple[Any, ...]:
        return (OrderedSet.of, (self.in_order(),))


#: The names that an error may have.
ERROR_NAMES = (
    "Error",
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
    "AggregateError",
    "DOMException",
)


class WireError(Exception):
    """An Error of JavaScript's, as a value. It can be raised.

    ``parts`` has what the error has: ``message`` and ``stack`` (texts), ``cause``, ``errors`` and ``domName``; a part
    that is not there is one that the error does not have. ``properties`` are its own, by text or :class:`Symbol`.
    """

    def __init__(
        self,
        name: str = "Error",
        message: Optional[str] = None,
        *,
        parts: Optional[Mapping[str, Any]] = None,
        properties: Optional[Mapping[Any, Any]] = None,
    ) -> None:
        if name not in ERROR_NAMES:
            raise ValueInvalid(f"{describe(name)} is no error of JavaScript's; there are {', '.join(ERROR_NAMES)}.")
        super().__init__(name, message)
        self.name = name
        self.parts: Dict[str, Any] = dict(parts or {})
        if message is not None:
            self.parts["message"] = message
        self.properties: Dict[Any, Any] = dict(properties or {})

    @property
    def message(self) -> str:
        """Its message; empty where it has none."""
        return str(self.parts.get("message", ""))

    @property
    def stack(self) -> Optional[str]:
        return self.parts.get("stack")

    @property
    def cause(self) -> Any:
        """What caused it; None where there is none, or where it is null."""
        return self.parts.get("cause")

    @property
    def errors(self) -> Any:
        """Of an AggregateError, the errors that it stands for."""
        return self.parts.get("errors")

    def __str__(self) -> str:
        name = self.properties.get("name", self.parts.get("domName", self.name))
        return f"{name}: {self.message}" if self.message else str(name)

    def __reduce__(self) -> Tuple[Any, ...]:
        return (_error, (self.name, self.parts, self.properties))


def _error(name: str, parts: Dict[str, Any], properties: Dict[Any, Any]) -> WireError:
    return WireError(name, parts=parts, properties=properties)
