"""JSON text of any depth, read and written. The standard library's own is used as far as its stack goes."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, Callable, List, Tuple, Union

from .kinds import MAX_SAFE

#: So many digits are converted without a thought; Python refuses more than 4,300 at once.
_AT_ONCE = 4000

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS = {"n": ("null", None), "t": ("true", True), "f": ("false", False)}
_LOOSE_WORDS = {"N": ("NaN", math.nan), "I": ("Infinity", math.inf)}
_SURROGATE = re.compile("[\ud800-\udfff]")


def digits_to_int(text: str) -> int:
    """An integer of any number of digits, whatever Python's limit."""
    if len(text) <= _AT_ONCE:
        return int(text)
    if text.startswith("-"):
        return -digits_to_int(text[1:])
    middle = len(text) // 2
    shift: int = 10**middle
    return digits_to_int(text[:-middle]) * shift + digits_to_int(text[-middle:])


def is_short(value: int, most: float) -> bool:
    """Whether an integer may stand bare in a text: it has no more digits than these, nor than Python converts."""
    # A digit has more than three bits.
    return value.bit_length() < min(12_000, most * 3)


def int_to_digits(value: int) -> str:
    """The digits of an integer of any size."""
    if value.bit_length() <= 12_000:
        return int.__repr__(value)
    if value < 0:
        return "-" + int_to_digits(-value)
    middle = int(value.bit_length() * 0.30103) // 2
    high, low = divmod(value, 10**middle)
    return int_to_digits(high) + int_to_digits(low).rjust(middle, "0")


def number_of_integer(text: str) -> Union[int, float]:
    """An integer literal, as JavaScript reads it: beyond 2^53 it is a double, and so a float."""
    if len(text) < 16:
        return -0.0 if text == "-0" else int(text)
    if len(text) < 20:
        value = int(text)
        if -MAX_SAFE <= value <= MAX_SAFE:
            return value
    return float(text)


def integer(text: str) -> Union[int, float]:
    """An integer literal, as Python reads it."""
    if text == "-0":
        return -0.0
    return int(text) if len(text) <= _AT_ONCE else digits_to_int(text)


class TooManyDigits(ValueError):
    """An integer of more digits than are allowed."""

    def __init__(self, received: int) -> None:
        super().__init__(f"an integer of {received} digits")
        self.received = received


def integer_within(most: float) -> Callable[[str], Union[int, float]]:
    """What reads an integer literal, as Python reads it, of so many digits at most: to convert more takes long.

    Those of numbers of JavaScript's are always allowed.
    """
    most = max(most, len(str(MAX_SAFE)))

    def read(text: str) -> Union[int, float]:
        if len(text) > most:
            digits = len(text) - text.startswith("-")
            if digits > most:
                raise TooManyDigits(digits)
        return integer(text)

    return read


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


class TooDeep(ValueError):
    """A text of more levels than are allowed."""


def parse(text: str, parse_int: Callable[[str], Any], loose: bool = False, depth: float = math.inf) -> Any:
    """The tree of a text. ``loose`` reads Python's ``NaN`` and ``Infinity`` too. Raises ValueError.

    ``depth`` bounds the levels of what the standard library is not able to read; of all else, the decoder does.
    """
    try:
        return json.loads(text, parse_int=parse_int, parse_constant=None if loose else _no_constant)
    except RecursionError:
        return _parse_deep(text, parse_int, loose, depth)


def _parse_deep(text: str, parse_int: Callable[[str], Any], loose: bool, depth: float) -> Any:
    space = _SPACE.match
    words = {**_WORDS, **(_LOOSE_WORDS if loose else {})}
    stack: List[Tuple[Any, Any]] = []
    container: Any = None
    key: Any = None
    at = space(text, 0).end()  # type: ignore[union-attr]
    while True:
        # A value begins here.
        first = text[at : at + 1]
        if first == '"':
            value, at = scanstring(text, at + 1, True)
        elif first in ("[", "{") and first:
            stack.append((container, key))
            if len(stack) > depth:
                raise TooDeep("too deep")
            container, key = ([], None) if first == "[" else ({}, None)
            at = space(text, at + 1).end()  # type: ignore[union-attr]
            if text[at : at + 1] == ("]" if first == "[" else "}"):
                value, at = container, at + 1
                container, key = stack.pop()
            else:
                if first == "{":
                    key, at = _key(text, at)
                continue
        elif first in words:
            word, value = words[first]
            if not text.startswith(word, at):
                raise ValueError("no JSON")
            at += len(word)
        elif loose and text.startswith("-Infinity", at):
            value, at = -math.inf, at + 9
        else:
            match = _NUMBER.match(text, at)
            if not match:
                raise ValueError("no JSON")
            value = float(match[0]) if match[2] or match[3] else parse_int(match[1])
            at = match.end()
        # A value ended here.
        while True:
            at = space(text, at).end()  # type: ignore[union-attr]
            if container is None:
                if at != len(text):
                    raise ValueError("more than one value")
                return value
            is_list = type(container) is list
            if is_list:
                container.append(value)
            else:
                container[key] = value
            mark = text[at : at + 1]
            if mark == ",":
                at = space(text, at + 1).end()  # type: ignore[union-attr]
                if not is_list:
                    key, at = _key(text, at)
                break
            if mark != ("]" if is_list else "}"):
                raise ValueError("no JSON")
            value, at = container, at + 1
            container, key = stack.pop()


def _key(text: str, at: int) -> Tuple[str, int]:
    if text[at : at + 1] != '"':
        raise ValueError("no key")
    key, at = scanstring(text, at + 1, True)
    at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
    if text[at : at + 1] != ":":
        raise ValueError("no value")
    return key, _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]


def float_for_text(value: float) -> Union[int, float]:
    """A float beyond 2^53 as the integer whose digits JavaScript writes; any other as it is, with its point."""
    if MAX_SAFE < abs(value) < 1e21:
        return int(Decimal(repr(value)))
    return value


def _escape(match: "re.Match[str]") -> str:
    return f"\\u{ord(match[0]):04x}"


def write(tree: Any, loose: bool = False) -> str:
    """The text of a tree of dicts with text keys, lists and scalars."""
    try:
        text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=loose, check_circular=False)
    except RecursionError:
        text = _write_deep(tree, loose)
    return _SURROGATE.sub(_escape, text)


def _write_deep(tree: Any, loose: bool) -> str:
    dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=loose, check_circular=False).encode
    parts: List[str] = []
    stack: List[Tuple[str, Any, bool]] = []

    def start(value: Any) -> None:
        if type(value) is list or type(value) is tuple:
            parts.append("[")
            stack.append(("]", iter(value), True))
        elif type(value) is dict:
            parts.append("{")
            stack.append(("}", iter(value.items()), True))
        else:
            parts.append(dumps(value))

    start(tree)
    while stack:
        closer, rest, is_first = stack.pop()
        for item in rest:
            if not is_first:
                parts.append(",")
            stack.append((closer, rest, False))
            if closer == "}":
                parts.append(dumps(item[0]) + ":")
                item = item[1]
            start(item)
            break
        else:
            parts.append(closer)
    return "".join(parts)
