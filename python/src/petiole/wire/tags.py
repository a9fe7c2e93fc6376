"""The tags, as they are read: a closed table."""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from ..errors import describe
from . import times
from .json_text import digits_to_int
from .kinds import (
    ERROR_NAMES,
    MAX_SAFE,
    VIEWS,
    ArrayBuffer,
    Bare,
    BigInt,
    Boxed,
    Foreign,
    Headers,
    Map,
    OrderedSet,
    RegExp,
    Set,
    Sparse,
    Symbol,
    Url,
    URLSearchParams,
    View,
    WireError,
    undefined,
)
from .limits import Limits, over
from .reference import Lazy, Ref, Snapshot, SnapshotBinding, is_key, problem_of

TYPE = "__type__"
VALUE = "__value__"


class Malformed(Exception):
    """Content that is not as a tag has it: what was expected instead."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class Reading:
    """What a tag may need while it reads."""

    __slots__ = ("limits", "reserved", "apart", "taken", "snapshot")

    def __init__(self, limits: Limits, apart: Optional[Callable[[Any], Any]]) -> None:
        self.limits = limits
        #: Bytes that buffers of this text may grow to, in all.
        self.reserved = 0
        #: The value of a tree that was written apart; None inside such a one.
        self.apart = apart
        #: By identity; they are kept, so that no other gets it.
        self.taken: Dict[int, Any] = {}
        #: What makes rows of snapshots of a model.
        self.snapshot: Optional[Callable[[str], Optional[SnapshotBinding]]] = None

    def take(self, value: Any, name: str) -> Dict[Any, Any]:
        """A plain object that is part of a content, and of no other: it is copied."""
        if type(value) is not dict or id(value) in self.taken:
            raise Malformed(f"an object of {name}, its own", describe(value))
        self.taken[id(value)] = value
        return value


Read = Callable[[Any, Reading, Any], Any]


class Tag:
    """How one kind of value is read.

    ``layout`` says how its content holds the values inside: ``scalar`` has none, ``value`` is one, ``items`` an array
    of them, ``entries`` an array of pairs, ``fields`` an object. ``open`` makes the value before its insides are
    decoded, so that a cycle can close on it; its second argument says whether the content is decoded already.
    """

    __slots__ = ("name", "layout", "identity", "open", "read", "shared", "columns")

    def __init__(
        self,
        name: str,
        layout: str,
        read: Read,
        *,
        identity: bool = True,
        open: Optional[Callable[[Any, bool], Any]] = None,
        shared: Optional["Tag"] = None,
        columns: bool = False,
    ) -> None:
        self.name = name
        self.layout = layout
        self.read = read
        self.identity = identity
        self.open = open
        self.shared = shared
        #: Whether there may be a table of its instances.
        self.columns = columns


def looks_like_tag(value: Any) -> bool:
    return len(value) == 2 and TYPE in value and VALUE in value and type(value[TYPE]) is str


def check_text(content: Any, expected: str = "text") -> str:
    if type(content) is not str:
        raise Malformed(expected, describe(content))
    return content


def well_formed(text: str) -> bool:
    """Whether UTF-8 can hold a text."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


# Numbers and the like.

_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf, "-0": -0.0}
_DIGITS = re.compile(r"0|-?[1-9][0-9]*")


def _read_number(content: Any, _reading: Reading, _opened: Any) -> float:
    if type(content) is not str or content not in _NUMBERS:
        raise Malformed(f"one of {', '.join(_NUMBERS)}", describe(content))
    return _NUMBERS[content]


def read_bigint(content: Any, reading: Reading, _opened: Any = None) -> int:
    if type(content) is not str or not _DIGITS.fullmatch(content):
        raise Malformed("decimal digits", describe(content))
    length = len(content) - content.startswith("-")
    if length > reading.limits.bigint_digits:
        raise over("A bigint", "bigint_digits", reading.limits.bigint_digits, length)
    value = digits_to_int(content)
    return BigInt(value) if -MAX_SAFE <= value <= MAX_SAFE else value


def _read_undefined(content: Any, _reading: Reading, _opened: Any) -> Any:
    if content is not None:
        raise Malformed("null", describe(content))
    return undefined


def _read_symbol(content: Any, _reading: Reading, _opened: Any) -> Symbol:
    return Symbol(check_text(content))


def _time(name: str, read: Callable[[Any], Any]) -> Tag:
    return Tag(name, "scalar", lambda content, _reading, _opened: read(content), identity=False)


def _foreign(name: str) -> Tag:
    return _time(name, lambda content: Foreign(name, content))


# Bytes.

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def bytes_of(content: Any) -> bytes:
    if type(content) is not str or len(content) % 4 != 0 or not _BASE64.fullmatch(content):
        raise Malformed("base64", describe(content))
    try:
        return binascii.a2b_base64(content)
    except binascii.Error:
        raise Malformed("base64", describe(content)) from None


def to_base64(data: Union[bytes, bytearray, memoryview]) -> str:
    return base64.b64encode(data).decode("ascii")


def _read_utf8(content: Any, _reading: Reading, _opened: Any) -> bytes:
    if type(content) is not str or not well_formed(content):
        raise Malformed("well-formed text", describe(content))
    return content.encode("utf-8")


def _read_buffer(content: Any, reading: Reading, _opened: Any) -> ArrayBuffer:
    if type(content) is not list:
        return ArrayBuffer(bytes_of(content))
    if len(content) != 2 or type(content[1]) is not int:
        raise Malformed("bytes, and how many they may become", describe(content))
    data = bytes_of(content[0])
    if content[1] < len(data):
        raise Malformed("bytes, and how many they may become", describe(content[1]))
    reading.reserved += content[1]
    if reading.reserved > reading.limits.bytes:
        raise over("A resizable ArrayBuffer", "bytes", reading.limits.bytes, reading.reserved)
    return ArrayBuffer(data, content[1])


def _view(name: str) -> Tag:
    def read(content: Any, _reading: Reading, _opened: Any) -> View:
        return View(name, bytes_of(content))

    return Tag(name, "scalar", read, shared=_shared_view(name))


def _shared_view(name: str) -> Tag:
    def read(content: Any, _reading: Reading, _opened: Any) -> View:
        right = len(content) == 3 and isinstance(content[0], ArrayBuffer)
        if not right or type(content[1]) is not int or type(content[2]) is not int:
            raise Malformed("a buffer, an offset and a length", describe(content))
        return View(name, *content)

    return Tag(name, "items", read)


# Texts and a few.

_FLAGS = re.compile(r"(?!.*(.).*\1)(?!.*u.*v)(?!.*v.*u)[dgimsuvy]*")


def is_source(source: str) -> bool:
    """Whether the brackets of an expression are closed, and no backslash ends it. It is not compiled here."""
    open_groups = 0
    in_class = False
    at = 0
    while at < len(source):
        char = source[at]
        if char == "\\":
            at += 1
            if at >= len(source):
                return False
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        elif char == "(":
            open_groups += 1
        elif char == ")":
            open_groups -= 1
            if open_groups < 0:
                return False
        at += 1
    return not in_class and open_groups == 0


def _read_regexp(content: Any, _reading: Reading, _opened: Any) -> RegExp:
    if type(content) is not list or not 2 <= len(content) <= 3:
        raise Malformed("a source, flags and perhaps an index", describe(content))
    source, flags = check_text(content[0]), check_text(content[1])
    index = content[2] if len(content) == 3 else 0
    if type(index) is not int or not 0 <= index <= MAX_SAFE:
        raise Malformed("a whole number as its index", describe(index))
    if not _FLAGS.fullmatch(flags):
        raise Malformed("flags that exist, once each", describe(flags))
    if not is_source(source):
        raise Malformed("an expression", describe(source))
    return RegExp(source, flags, index)


_URL = re.compile(r"[a-z][a-z0-9+.-]*:[^\x00-\x1f]*", re.DOTALL)
_SPECIAL_URL = re.compile(r"(?:https?|wss?|ftp)://[^/?#\s]+/\S*", re.DOTALL)


def is_url(text: str) -> bool:
    """Whether a text is an absolute URL as ``URL.href`` writes it, as far as its scheme and host tell."""
    if not _URL.fullmatch(text) or not well_formed(text):
        return False
    return not re.match(r"(?:https?|wss?|ftp):", text) or _SPECIAL_URL.fullmatch(text) is not None


def _read_url(content: Any, _reading: Reading, _opened: Any) -> Url:
    if not is_url(check_text(content)):
        raise Malformed("an absolute URL", describe(content))
    return Url(content)


def _pairs_of(content: Any) -> List[Tuple[str, str]]:
    if type(content) is not list:
        raise Malformed("pairs", describe(content))
    for pair in content:
        if type(pair) is not list or len(pair) != 2 or type(pair[0]) is not str or type(pair[1]) is not str:
            raise Malformed("pairs of a name and a value", describe(pair))
    return [(name, value) for name, value in content]


def _read_parameters(content: Any, _reading: Reading, _opened: Any) -> URLSearchParams:
    pairs = _pairs_of(content)
    if not all(well_formed(name) and well_formed(value) for name, value in pairs):
        raise Malformed("well-formed text", "a lone surrogate")
    return URLSearchParams(pairs)


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_HEADER_VALUE = re.compile(r"(?![ \t])[^\x00\r\n\u0100-\U0010ffff]*(?<![ \t])", re.DOTALL)


def _is_header_value(name: str, value: str) -> bool:
    end = len(value)
    # Several values of one name are one, with a comma and a space between; the last ones may be empty.
    while name != "set-cookie" and value.endswith(", ", 0, end):
        end -= 2
    return _HEADER_VALUE.fullmatch(value[:end]) is not None


def are_headers(pairs: List[Tuple[str, str]]) -> bool:
    names = [name for name, _ in pairs]
    once = [name for name in names if name != "set-cookie"]
    return (
        names == sorted(names)
        and len(set(once)) == len(once)
        and all(_HEADER_NAME.fullmatch(name) and _is_header_value(name, value) for name, value in pairs)
    )


def _read_headers(content: Any, _reading: Reading, _opened: Any) -> Headers:
    pairs = _pairs_of(content)
    if not are_headers(pairs):
        raise Malformed("names and values of HTTP's, in its order", describe(content))
    return Headers(pairs)


# Collections.


def _read_map(content: Any, _reading: Reading, opened: Any) -> Map[Any, Any]:
    made: Map[Any, Any] = opened
    for key, value in content:
        if type(key) is float and key == 0:
            key = 0
        made[key] = value
    if len(made) != len(content):
        raise Malformed("keys that differ", "a key twice")
    return made


_NESTED = (list, dict)


def _is_nested(cell: Any) -> bool:
    """Whether raw content holds something that a Python set cannot."""
    if type(cell) is dict:
        return not (looks_like_tag(cell) and cell[TYPE] in SCALAR_NAMES)
    return type(cell) is list


def _is_hashed(items: List[Any]) -> bool:
    try:
        return len(set(items)) == len(items)
    except Exception:  # noqa: BLE001 - whatever a hash of the user's raises
        return False


def _open_set(content: Any, is_final: bool) -> Any:
    if is_final:
        is_plain = not any(type(cell) in _NESTED for cell in content) and _is_hashed(content)
        return OrderedSet() if is_plain else Set()
    return Set() if any(map(_is_nested, content)) else None


def _read_set(content: Any, _reading: Reading, opened: Any) -> Any:
    items = [0 if type(item) is float and item == 0 else item for item in content]
    if isinstance(opened, OrderedSet) or (opened is None and _is_hashed(items)):
        made = OrderedSet() if opened is None else opened
        made.update(items)
        made.order = tuple(items)
        return made
    several: Set[Any] = Set() if opened is None else opened
    for item in items:
        several.add(item)
    if len(several) != len(items):
        raise Malformed("items that differ", "an item twice")
    return several


def _read_object(content: Any, _reading: Reading, opened: Any) -> Dict[Any, Any]:
    for key, value in content:
        if not (type(key) is str or type(key) is Symbol) or key in opened:
            raise Malformed("keys that differ, text or symbols", describe(key))
        opened[key] = value
    made: Dict[Any, Any] = opened
    return made


_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


def _read_array(content: Any, _reading: Reading, opened: Any) -> Sparse:
    made: Sparse = opened
    first = content[0] if content else [None, None]
    length = first[1]
    if type(length) is float and length.is_integer():
        length = int(length)
    if first[0] != "length" or type(length) is not int or not 0 <= length < 2**32:
        raise Malformed('an array\'s length first, as ["length", 5]', describe(length))
    made.length = length
    for key, value in content[1:]:
        if type(key) is str and _INDEX.fullmatch(key) and int(key) < 2**32 - 1:
            key = int(key)
        if type(key) is float and key.is_integer():
            key = int(key)
        if type(key) is int:
            if not 0 <= key < length:
                raise Malformed("items within the array's length", f"more than {length}")
            known: Dict[Any, Any] = made.items
        else:
            known = made.properties
        if not (type(key) in (int, str, Symbol)) or key in known or key == "length":
            raise Malformed("keys that differ, text or symbols", describe(key))
        known[key] = value
    return made


def _read_boxed(content: Any, _reading: Reading, _opened: Any) -> Boxed:
    if not (isinstance(content, (str, int, float, Symbol)) and not isinstance(content, Url)):
        raise Malformed("a primitive", describe(content))
    return Boxed(content)


# Errors.

_ERROR_PARTS = {"message", "stack", "cause", "errors"}


def _open_error(content: Any, _is_final: bool) -> WireError:
    name = content.get("name")
    if type(name) is not str or name not in ERROR_NAMES:
        raise Malformed(f"one of {', '.join(ERROR_NAMES)} as its name", describe(name))
    return WireError(name)


def _read_error(content: Any, reading: Reading, opened: Any) -> WireError:
    error: WireError = opened
    is_dom = error.name == "DOMException"
    for part, value in content.items():
        if part == "name":
            continue
        if part == "properties":
            error.properties = dict(reading.take(value, "properties"))
            if is_dom and ("message" in error.properties or "name" in error.properties):
                raise Malformed("no properties that hide its message or name", "one")
        elif part in _ERROR_PARTS or (part == "domName" and is_dom):
            if part in ("message", "stack", "domName"):
                check_text(value, f"text as its {part}")
            error.parts[part] = value
        else:
            raise Malformed("the parts of an error", describe(part))
    if is_dom and not ("message" in content and "domName" in content):
        raise Malformed("text as its message and domName", "neither")
    error.args = (error.name, error.parts.get("message"))
    return error


# Rows.


def is_bigint_node(value: Any) -> bool:
    return type(value) is dict and looks_like_tag(value) and value[TYPE] == "bigint"


def _has_tag_keys(value: Any) -> bool:
    return type(value) is dict and len(value) == 2 and TYPE in value and VALUE in value


def _read_part(part: Any, reading: Reading) -> Any:
    return read_bigint(part[VALUE], reading) if is_bigint_node(part) else part


def read_reference(content: Any, reading: Reading, _opened: Any = None) -> Union[Ref[Any], Lazy[Any]]:
    if type(content) is not dict:
        raise Malformed("an object", describe(content))
    details = dict(content)
    model = details.pop("model", None)
    given = details.pop("pk", None)
    lazy = details.pop("lazy", None)
    was = details.pop("was", None)
    if type(model) is not str:
        raise Malformed("a model's name", describe(model))
    if _has_tag_keys(given) and not is_bigint_node(given):
        raise Malformed("a key", "another tag")
    if type(given) is dict and not is_bigint_node(given):
        if "__proto__" in given:
            raise Malformed("a key", "a part named __proto__")
        pk: Any = {name: _read_part(part, reading) for name, part in given.items()}
    else:
        pk = _read_part(given, reading)
    if not is_key(pk):
        raise Malformed("a key of text, numbers and bigints", describe(pk))
    if "lazy" in content and lazy is not True:
        raise Malformed("true as its mark `lazy`", describe(lazy))
    fields = None
    if "was" in content:
        if reading.apart is None:
            raise Malformed("a reference without fields, in the fields of another", "one with `was`")
        fields = reading.apart(was)
        if type(fields) is not dict:
            raise Malformed("an object of fields as its was", describe(fields))
    problem = problem_of(details)
    if problem:
        raise Malformed(*problem)
    reference: Ref[Any] = Ref(model, pk, was=fields, **details)
    return Lazy(reference) if lazy else reference


def read_snapshot(content: Any, reading: Reading, _opened: Any = None) -> Snapshot[Any]:
    model, pk = content.get("model"), content.get("pk")
    if type(model) is not str:
        raise Malformed("a model's name", describe(model))
    if not is_key(pk):
        raise Malformed("a key of text, numbers and bigints", describe(pk))
    other = next((key for key in content if key not in ("model", "pk", "fields")), None)
    if other is not None:
        raise Malformed("a model, a pk and fields alone", f"also {describe(other)}")
    fields = reading.take(content.get("fields"), "fields")
    return Snapshot(model, pk, fields, reading.snapshot(model) if reading.snapshot else None)


def check_shape(tag: Tag, content: Any) -> None:
    """Raises :class:`Malformed` for content that is not of a tag's layout."""
    if tag.layout == "fields":
        if type(content) is not dict:
            raise Malformed("an object of fields", describe(content))
    elif tag.layout == "items":
        if type(content) is not list:
            raise Malformed("an array of items", describe(content))
    elif tag.layout == "entries" and (
        type(content) is not list or not all(type(pair) is list and len(pair) == 2 for pair in content)
    ):
        raise Malformed("an array of entries of two values each", describe(content))


def _scalar(name: str, read: Read, identity: bool = False) -> Tag:
    return Tag(name, "scalar", read, identity=identity)


REFERENCE = _scalar("ref", read_reference)
BASE64 = _scalar("base64", lambda content, _reading, _opened: bytes_of(content), True)

#: By name. ``same``, ``graph``, ``table``, ``refs`` and ``snapshots`` are the decoder's own.
TAGS: Dict[str, Tag] = {
    tag.name: tag
    for tag in [
        _scalar("number", _read_number),
        _scalar("bigint", read_bigint),
        _scalar("undefined", _read_undefined),
        _scalar("symbol", _read_symbol),
        _time("datetime", times.read_datetime),
        _time("date", times.read_date),
        _time("time", times.read_time),
        _time("decimal", times.read_decimal),
        _time("uuid", times.read_uuid),
        *(_foreign(name) for name in ("instant", "zoned", "local", "month", "day", "duration")),
        BASE64,
        _scalar("bytes", _read_utf8, True),
        _scalar("ArrayBuffer", _read_buffer, True),
        *(_view(name) for name in VIEWS if name != "Uint8Array"),
        Tag("Uint8Array", "items", _shared_view("Uint8Array").read),
        _scalar("regexp", _read_regexp, True),
        _scalar("url", _read_url, True),
        _scalar("urlsearchparams", _read_parameters, True),
        _scalar("headers", _read_headers, True),
        Tag("map", "entries", _read_map, open=lambda _content, _is_final: Map()),
        Tag("set", "items", _read_set, open=_open_set),
        Tag("object", "entries", _read_object, open=lambda _content, _is_final: {}),
        Tag("bare", "entries", _read_object, open=lambda _content, _is_final: Bare()),
        Tag("array", "entries", _read_array, open=lambda _content, _is_final: Sparse(0)),
        Tag("boxed", "value", _read_boxed),
        Tag("error", "fields", _read_error, open=_open_error),
        REFERENCE,
        Tag("snapshot", "fields", read_snapshot),
    ]
}

SCALAR_NAMES = frozenset(name for name, tag in TAGS.items() if tag.layout == "scalar")

#: Names that a value class cannot have, and a text cannot use but as this page has them.
RESERVED = frozenset([*TAGS, "same", "graph", "table", "refs", "snapshots"])
