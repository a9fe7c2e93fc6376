"""Python objects in Celery tasks, exactly: the same values, rows and classes as in TypeScript.

``petiole.celery`` and ``petiole.django`` are imported by those who use them, and need Celery and Django.
"""

from .errors import (
    DecodeError,
    EncodeError,
    LimitError,
    ModelError,
    PetioleError,
    RowChanged,
    RowMissing,
    ValueInvalid,
)
from .values import retired, value
from .wire import (
    BigInt,
    Foreign,
    Lazy,
    Limits,
    Map,
    Ref,
    Set,
    Snapshot,
    Symbol,
    Wire,
    WireError,
    decode,
    encode,
    undefined,
)

__all__ = [
    "BigInt",
    "DecodeError",
    "EncodeError",
    "Foreign",
    "Lazy",
    "LimitError",
    "Limits",
    "Map",
    "ModelError",
    "PetioleError",
    "Ref",
    "RowChanged",
    "RowMissing",
    "Set",
    "Snapshot",
    "Symbol",
    "ValueInvalid",
    "Wire",
    "WireError",
    "decode",
    "encode",
    "retired",
    "undefined",
    "value",
]

__version__ = "0.1.0"
