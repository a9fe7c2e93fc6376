"""What encoding needs to know."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Optional, Tuple

from .limits import Limits
from .reference import Ref
from .registry import Registry


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
