"""How each class of Python's is written."""

from __future__ import annotations

import enum
import re
import traceback
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple, Type
from uuid import UUID

from ..errors import describe, shortened
from . import kinds, times
from .encode_context import Unportable
from .json_text import int_to_digits, write
from .kinds import (
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
from .place import Place
from .reference import Lazy, Ref, Snapshot
from .row_writers import write_list, write_reference, write_snapshot
from .tags import TYPE, VALUE, are_headers, is_source, is_url, to_base64, well_formed

if TYPE_CHECKING:
    from .encoder import Encoder

_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


def is_no_index(key: str) -> bool:
    return not (_INDEX.fullmatch(key) and int(key) < 2**32 - 1)


def in_js_order(content: Dict[str, Any]) -> Dict[str, Any]:
    """The same object with its keys in the order that JavaScript gives them."""
    if all(is_no_index(key) for key in content):
        return content
    indices = sorted((key for key in content if not is_no_index(key)), key=int)
    return {key: content[key] for key in [*indices, *(key for key in content if is_no_index(key))]}


def kind_name(kind: type) -> str:
    return "function" if kind.__name__ in ("function", "method", "builtin_function_or_method") else kind.__name__


Writer = Callable[["Encoder", Any, Place, Any], Optional[Place]]


def _write_plain(name: str, content_of: Callable[[Any], Any]) -> Writer:
    """A value without identity."""

    def write_it(encoder: "Encoder", value: Any, above: Place, key: Any) -> None:
        encoder.scalar(name, content_of(value), above, key)

    return write_it


def _write_identity(name: str, content_of: Callable[[Any], Any]) -> Writer:
    def write_it(encoder: "Encoder", value: Any, above: Place, key: Any) -> Optional[Place]:
        return encoder.tag(name, "scalar", value, content_of(value), above, key)

    return write_it


def _write_foreign(encoder: "Encoder", value: Foreign, above: Place, key: Any) -> None:
    content = list(value.content) if type(value.content) is tuple else value.content
    encoder.scalar(value.tag, content, above, key)


def _write_dict(encoder: "Encoder", value: Any, above: Place, key: Any) -> Optional[Place]:
    return _write_object(encoder, value, dict(value), above, key)


def _write_object(
    encoder: "Encoder", value: Any, content: Dict[Any, Any], above: Place, key: Any
) -> Optional[Place]:
    has_tag_keys = len(content) == 2 and TYPE in content and VALUE in content
    if has_tag_keys and encoder.context.portable:
        raise Unportable("a worker would take it for a tag; name its keys otherwise")
    is_odd = "__proto__" in content or (has_tag_keys and isinstance(content[TYPE], str))
    for name in content:
        if type(name) is str:
            if not encoder.has_indices and name[:1].isdigit() and not is_no_index(name):
                encoder.has_indices = True
        elif type(name) is Symbol:
            is_odd = True
        else:
            return _write_object(encoder, value, _with_text_keys(encoder, content), above, key)
    if is_odd:
        pairs = [[name, inside] for name, inside in content.items()]
        return encoder.tag("object", "entries", value, pairs, above, key)
    if encoder.way.ordered:
        content = in_js_order(content)
    return encoder.container(value, content, above, key)


def _with_text_keys(encoder: "Encoder", content: Dict[Any, Any]) -> Dict[Any, Any]:
    made: Dict[Any, Any] = {}
    for name, inside in content.items():
        if isinstance(name, str) or type(name) is Symbol:
            # Not what its class makes of it: an Enum of texts gives the names of its members.
            name = str.__str__(name) if isinstance(name, str) else name
        elif encoder.context.loose_keys and (name is None or isinstance(name, (bool, int, float))):
            words: Dict[Any, str] = {None: "null", True: "true", False: "false"}
            name = _number_text(name) if _is_number(name) else words[name]
        else:
            raise Unportable(f"a dict has text as its keys, this one has {describe(name)}: send a petiole.Map")
        if name in made:
            raise Unportable(f"it has two keys that are written {describe(name)}: send a petiole.Map")
        made[name] = inside
    return made


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float))


def _number_text(value: Any) -> str:
    return write(float(value), True) if isinstance(value, float) else int_to_digits(int(value))


def _write_bare(encoder: "Encoder", value: Bare, above: Place, key: Any) -> Optional[Place]:
    for name in value:
        if type(name) is not str and type(name) is not Symbol:
            raise Unportable(f"an object has text as its keys, this one has {describe(name)}")
    pairs = [[name, inside] for name, inside in value.items()]
    return encoder.tag("bare", "entries", value, pairs, above, key)


def _write_map(encoder: "Encoder", value: Map[Any, Any], above: Place, key: Any) -> Optional[Place]:
    pairs = [[known, inside] for known, inside in value._entries.values()]
    return encoder.tag("map", "entries", value, pairs, above, key)


def _write_set(encoder: "Encoder", value: Any, above: Place, key: Any) -> Optional[Place]:
    items = value.in_order() if isinstance(value, OrderedSet) else list(value)
    return encoder.tag("set", "items", value, items, above, key)


def _write_sparse(encoder: "Encoder", value: Sparse, above: Place, key: Any) -> Optional[Place]:
    if type(value.length) is not int or not 0 <= value.length < 2**32:
        raise Unportable(f"its length must be a whole number below 2^32, and is {describe(value.length)}")
    pairs: List[Any] = [["length", value.length]]
    for index in sorted(value.items):
        if type(index) is not int or not 0 <= index < value.length:
            raise Unportable(f"an item is at {describe(index)}, outside of its length of {value.length}")
        pairs.append([index, value.items[index]])
    for name, inside in value.properties.items():
        if type(name) is not Symbol and (type(name) is not str or name == "length" or not is_no_index(name)):
            raise Unportable(f"a property has a name of text or a Symbol, this one has {describe(name)}")
        pairs.append([name, inside])
    return encoder.tag("array", "entries", value, pairs, above, key)


def _write_boxed(encoder: "Encoder", value: Boxed, above: Place, key: Any) -> Optional[Place]:
    if type(value.value) not in (str, bool, int, float, BigInt, Symbol):
        raise Unportable("a primitive is in it, text, a number, a boolean or a symbol")
    return encoder.tag("boxed", "value", value, value.value, above, key, opens=False)


def _write_buffer(encoder: "Encoder", value: ArrayBuffer, above: Place, key: Any) -> Optional[Place]:
    text = to_base64(value.data)
    if value.max_byte_length is None:
        return encoder.tag("ArrayBuffer", "scalar", value, text, above, key)
    encoder.reserve(value.max_byte_length)
    return encoder.tag("ArrayBuffer", "scalar", value, [text, value.max_byte_length], above, key)


def _write_view(encoder: "Encoder", value: View, above: Place, key: Any) -> Optional[Place]:
    if value.shared:
        content = [value.buffer, value.offset, value.length]
        return encoder.tag(value.kind, "items", value, content, above, key, opens=False)
    name = "base64" if value.kind == "Uint8Array" else value.kind
    return encoder.tag(name, "scalar", value, to_base64(bytes(value)), above, key)


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


def _write_error(encoder: "Encoder", value: WireError, above: Place, key: Any) -> Optional[Place]:
    content: Dict[str, Any] = {"name": value.name}
    for part in ("message", "domName", "stack", "cause", "errors"):
        if part in value.parts:
            content[part] = value.parts[part]
    for part in ("message", "stack"):
        if part in content and type(content[part]) is not str:
            raise Unportable(f"its {part} is no text: {describe(content[part])}")
    if value.properties:
        content["properties"] = dict(value.properties)
    return encoder.tag("error", "fields", value, content, above, key)


#: What the standard library's JSON writes without asking anybody.
NATIVE = (str, int, float, list, tuple, dict)

#: Which error of JavaScript's an exception is; all others are an Error with their own name.
_ERRORS: List[Tuple[Type[BaseException], str]] = [
    (TypeError, "TypeError"),
    (SyntaxError, "SyntaxError"),
    (NameError, "ReferenceError"),
]
_SCALARS = (str, int, float, bool, type(None))


def _write_exception(encoder: "Encoder", value: BaseException, above: Place, key: Any) -> Optional[Place]:
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
    return encoder.tag("error", "fields", value, content, above, key)


def _replaced(by: Callable[[Any], Any]) -> Writer:
    """What is written as another value is, which has its place."""

    def write_it(encoder: "Encoder", value: Any, above: Place, key: Any) -> None:
        above.container[key] = by(value)
        # It comes again, as that.
        above.position -= 1

    return write_it


def _of_form(tag: str, text_of: Callable[[Any], str]) -> Callable[[Any], str]:
    """The text of a subclass's instance, which may be of no time at all: NaT of pandas is a datetime."""

    def checked(value: Any) -> str:
        text = text_of(value)
        if not times.is_form(tag, text):
            raise Unportable(f"its text is no {tag}: {describe(text)}")
        return text

    return checked


def _hex(value: UUID) -> Any:
    return {"hex": value.hex}


WRITERS: Dict[type, Writer] = {
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
    list: write_list,
    tuple: write_list,
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
    Ref: write_reference,
    Lazy: write_reference,
    Snapshot: write_snapshot,
}

#: Subclasses of what Python has travel as that: a StrEnum as its text, an OrderedDict as a dict.
SUBCLASSES: List[Tuple[type, Writer]] = [
    (BaseException, _write_exception),
    (str, _replaced(lambda value: str.__str__(value.value) if isinstance(value, enum.Enum) else str.__str__(value))),
    (int, _replaced(lambda value: int(value))),
    (float, _replaced(lambda value: float(value))),
    (dict, _write_dict),
    (list, write_list),
    (tuple, write_list),
    (set, _write_set),
    (frozenset, _write_set),
    (bytes, _write_plain("base64", to_base64)),
    (datetime, _write_plain("datetime", _of_form("datetime", times.write_datetime))),
    (date, _write_plain("date", _of_form("date", lambda value: value.isoformat()))),
    (time, _write_plain("time", _of_form("time", times.write_kept))),
    (Decimal, _write_plain("decimal", Decimal.__str__)),
    (UUID, _write_plain("uuid", _hex)),
]
