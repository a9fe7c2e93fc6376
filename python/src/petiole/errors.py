"""What this package raises. Every error has a stable ``code``, the same as in TypeScript."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional, Sequence

__all__ = [
    "DatabaseUnreachable",
    "DecodeError",
    "EncodeError",
    "LimitError",
    "ModelError",
    "PetioleError",
    "Refusal",
    "RowChanged",
    "RowMissing",
    "ValueInvalid",
    "describe",
    "shortened",
]


class PetioleError(Exception):
    """The base of all errors of this package.

    Its parts are keyword arguments with defaults, so that every one of them can be pickled: Celery sends exceptions
    between processes.
    """

    code: str = "ERR_PETIOLE"

    def __init__(self, message: str = "", *, code: Optional[str] = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    @property
    def message(self) -> str:
        return str(self.args[0]) if self.args else ""


class DecodeError(PetioleError, ValueError):
    """A text that cannot be decoded.

    ``code`` is ``ERR_TYPE_UNKNOWN`` where it names a type that is not known here (``type``), otherwise
    ``ERR_TEXT_UNDECODABLE``.
    """

    code = "ERR_TEXT_UNDECODABLE"

    def __init__(
        self,
        message: str = "",
        *,
        path: str = "value",
        expected: str = "",
        found: str = "",
        type: Optional[str] = None,
    ) -> None:
        if not message:
            message = f"Cannot decode {path}: expected {expected}, found {found}."
        super().__init__(message, code="ERR_TYPE_UNKNOWN" if type is not None else None)
        self.path = path
        self.expected = expected
        self.found = found
        self.type = type


class Refusal(NamedTuple):
    """One place of a value that cannot travel."""

    path: str
    kind: str
    advice: str


class EncodeError(PetioleError, TypeError):
    """A value that cannot be sent. ``refusals`` has every place of it, up to a hundred."""

    code = "ERR_PAYLOAD_REFUSED"

    def __init__(self, message: str = "", *, refusals: Sequence[Refusal] = (), count: int = 0) -> None:
        self.refusals: List[Refusal] = list(refusals)
        if not message:
            count = max(count, len(self.refusals))
            head = "1 value" if count == 1 else f"{count} values"
            width = max((len(path) for path, _, _ in self.refusals[:20]), default=0)
            lines = [f"  {path:{width}}   {kind}   {advice}" for path, kind, advice in self.refusals[:20]]
            if count > len(lines):
                lines.append(f"  … and {count - len(lines)} more")
            message = "\n".join([f"Cannot send this value: {head} cannot travel.", *lines])
        super().__init__(message)


class LimitError(PetioleError, ValueError):
    """A value or a text over a limit, in either direction."""

    code = "ERR_PAYLOAD_LIMIT"

    def __init__(
        self, message: str = "", *, what: str = "value", limit: str = "", allowed: float = 0, received: float = 0
    ) -> None:
        super().__init__(message or f"{what} is over the limit of {limit}: {allowed} are allowed, received {received}.")
        self.limit = limit
        self.allowed = allowed
        self.received = received


class ValueInvalid(PetioleError, ValueError):
    """Fields that are not as a value class declares them."""

    code = "ERR_VALUE_INVALID"


class ModelError(PetioleError):
    """A model that is not known, a key that is none, a row that was not saved, a snapshot that does not fit."""

    code = "ERR_MODEL_UNKNOWN"


class RowMissing(PetioleError):
    """A row that a message refers to is gone."""

    code = "ERR_ROW_MISSING"
    #: What becomes of the task: ``fail``, ``skip`` or ``wait``.
    fate = "fail"


class DatabaseUnreachable(PetioleError):
    """A database that could not be asked for rows: the task is tried again later."""

    code = "ERR_DATABASE_UNREACHABLE"
    fate = "wait"


class RowChanged(PetioleError):
    """A row that a message refers to has changed since, and the reference says that this matters."""

    code = "ERR_ROW_CHANGED"
    fate = "fail"


def shortened(text: str, longest: int = 2000) -> str:
    """A text for an error, its middle left out where it is long: that of a hostile text may be as long as the text."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def describe(value: Any) -> str:
    """A value, as errors speak of it. Never runs code of the user's, and never quotes much."""
    if value is None:
        return "null"
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is str:
        text: str = value if len(value) <= 80 else value[:80] + "…"
        return "string " + '"' + text.encode("utf-8", "backslashreplace").decode("utf-8") + '"'
    if kind in (int, float):
        if kind is int and value.bit_length() > 256:
            return "an integer of many digits"
        return f"number {value!r}"
    if kind is list:
        return f"an array of {len(value)}"
    if kind is dict:
        return "an object"
    return f"a {kind.__name__}"
