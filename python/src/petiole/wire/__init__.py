"""The wire format: from a value to text and back, exact or refused. See docs/wire.md of the project.

``encode(value)`` gives the text, ``decode(text)`` the value. Both know the classes that ``@petiole.value`` has named.
"""

from __future__ import annotations

from typing import Any, Iterable, List, Optional, Sequence, Tuple

from ..errors import DecodeError, EncodeError, LimitError, PetioleError
from .decoder import DecodeContext, Decoder, Resolve, is_plain_text, parse_text
from .encode_context import EncodeContext
from .encoder import Encoded
from .encoder import encode as _encode
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
    undefined,
)
from .limits import Limits
from .reference import Lazy, Ref, Snapshot
from .registry import Registry, ValueType

__all__ = [
    "ArrayBuffer",
    "Bare",
    "BigInt",
    "Boxed",
    "Bytes",
    "DecodeError",
    "EncodeError",
    "Encoded",
    "Foreign",
    "Headers",
    "Lazy",
    "LimitError",
    "Limits",
    "Map",
    "Opened",
    "OrderedSet",
    "Ref",
    "RegExp",
    "Registry",
    "Resolve",
    "Set",
    "Snapshot",
    "Sparse",
    "Symbol",
    "URLSearchParams",
    "UndefinedType",
    "Url",
    "ValueType",
    "View",
    "Wire",
    "WireError",
    "decode",
    "encode",
    "registry",
    "undefined",
]

#: The value classes that ``@petiole.value`` has named.
registry = Registry()


class Opened:
    """A text that was parsed and found within the limits; ``references`` are those that are to be loaded."""

    def __init__(self, tree: Any, decoder: Optional[Decoder]) -> None:
        self._tree = tree
        self._decoder = decoder
        self.references: List["Ref[Any]"] = decoder.references if decoder else []

    def decode(self, resolve: Resolve = Resolve()) -> Any:
        """The value, with what ``resolve`` gives in place of references. Once only: the parsed text is used up."""
        return self._decoder.decode(resolve) if self._decoder else self._tree


class Wire:
    """The codec, with options.

    :param values: the value classes that may travel; those of ``@petiole.value`` unless told
    :param limits: bounds on one payload
    :param dialect: ``"exact"``, or ``"portable"``: what a worker with plain Kombu reads
    :param understands: in the portable dialect, the tags beside Kombu's own that the reader was taught
    """

    def __init__(
        self,
        *,
        values: Optional[Iterable[ValueType]] = None,
        limits: Optional[Limits] = None,
        dialect: str = "exact",
        understands: Sequence[str] = (),
    ) -> None:
        known = registry
        if values is not None:
            known = Registry()
            for entry in values:
                known.add(entry)
        if dialect not in ("exact", "portable"):
            raise PetioleError('dialect must be "exact" or "portable".', code="ERR_OPTION_INVALID")
        limits = limits or Limits()
        self._decoding = DecodeContext(known, limits)
        portable = dialect == "portable"
        self._encoding = EncodeContext(
            known, limits, portable=portable, understands=tuple(understands), pointers=not portable
        )

    def encode(self, value: Any) -> str:
        """The text of a value. Raises :class:`EncodeError` or :class:`LimitError`."""
        return _encode(value, self._encoding).text

    def encode_with_types(self, value: Any) -> Tuple[str, List[str]]:
        """The text, and the names of the value classes in it."""
        return _encode(value, self._encoding)

    def decode(self, text: str) -> Any:
        """The value of a text. Raises :class:`DecodeError` or :class:`LimitError`, and nothing else."""
        return self.open(text).decode()

    def open(self, text: str, root: str = "value") -> Opened:
        """Parses a text and looks through it, so that rows can be loaded before it is decoded."""
        tree = parse_text(text, self._decoding, root)
        if is_plain_text(text, self._decoding.limits):
            return Opened(tree, None)
        return Opened(tree, Decoder(tree, self._decoding, root))


_wire = Wire()


def encode(value: Any) -> str:
    """The text of a value, with the classes that ``@petiole.value`` has named."""
    return _wire.encode(value)


def decode(text: str) -> Any:
    """The value of a text, with the classes that ``@petiole.value`` has named."""
    return _wire.decode(text)
