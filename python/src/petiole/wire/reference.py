"""References to stored rows, and rows as they were: what travels in a row's place."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Generic, List, Mapping, Optional, Tuple, TypeVar, Union

from ..errors import ModelError, describe
from .kinds import BigInt

Row = TypeVar("Row")

KeyPart = Union[str, int, float]
#: A row's key: the value itself, or attribute to value where the key has several columns.
Key = Union[KeyPart, Mapping[str, KeyPart]]

_MOST_RELATIONS = 20
_LONGEST_NAME = 200

#: The names of the details in Python, and on the wire.
_PYTHON_NAMES = {"with_": "with", "from_": "from", "if_missing": "ifMissing", "if_changed": "ifChanged"}


def _utf16_length(text: str) -> int:
    return len(text) + sum(1 for unit in text if unit > "\uffff")


def _is_name(value: object) -> bool:
    return type(value) is str and value != "" and _utf16_length(value) <= _LONGEST_NAME


def _are_names(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(_is_name(name) for name in value)


def _is_one_of(*names: str) -> Callable[[object], bool]:
    return lambda value: type(value) is str and value in names


def _is_digest(value: object) -> bool:
    return (
        type(value) is dict
        and value.keys() == {"fields", "sha256"}
        and _are_names(value["fields"])
        and _is_name(value["sha256"])
    )


#: What each of the details may be, and how errors say it.
_DETAILS: Dict[str, Tuple[Callable[[object], bool], str]] = {
    "connection": (_is_name, f"a name of up to {_LONGEST_NAME} characters"),
    "with": (
        lambda value: _are_names(value) and len(value) <= _MOST_RELATIONS,  # type: ignore[arg-type]
        f"up to {_MOST_RELATIONS} names of relations",
    ),
    "scope": (_is_one_of("all"), '"all"'),
    "from": (_is_one_of("primary", "replica"), '"primary" or "replica"'),
    "ifMissing": (_is_one_of("fail", "skip", "wait", "null"), '"fail", "skip", "wait" or "null"'),
    "ifChanged": (_is_one_of("run", "skip", "fail"), '"run", "skip" or "fail"'),
    "version": (lambda value: type(value) is str, "a text"),
    "digest": (_is_digest, "a sha256 of fields"),
}


def problem_of(details: Mapping[str, Any]) -> Optional[Tuple[str, str]]:
    """What the details of a reference should be, and what is there; None when they are right."""
    for name, value in details.items():
        if name not in _DETAILS:
            return "a model, a pk and what a reference may say", f"also {describe(name)}"
        fits, expected = _DETAILS[name]
        if not fits(value):
            return f"{expected} as its {name}", describe(value)
    if details.get("ifChanged", "run") != "run" and "version" not in details and "digest" not in details:
        return "a version or a digest beside ifChanged", "neither"
    return None


def _is_part(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, float):
        return value - value == 0
    return isinstance(value, (str, int))


def is_key(value: object) -> bool:
    """Whether a value is a key of a row."""
    if type(value) is dict:
        return len(value) > 0 and all(type(name) is str and _is_part(part) for name, part in value.items())
    return _is_part(value)


def _text_of_part(part: KeyPart) -> str:
    if isinstance(part, float) and part.is_integer() and abs(part) < 1e21:
        part = int(part)
    return str(int(part)) if isinstance(part, BigInt) else str(part)


class Ref(Generic[Row]):
    """A reference to a stored row: the model's name, the row's key, and what else it says. Immutable.

    ``Ref("qa.Comment", 7, if_missing="skip", with_=["author"])``. Equal to another of the same row, whatever else
    they say; ``identity`` is the text by which they are compared.
    """

    __slots__ = ("model", "pk", "details", "was", "__weakref__")
    model: str
    pk: Key
    #: What it says beside, by the names of the wire.
    details: Mapping[str, Any]
    #: The row's fields when the reference was made, where they travel with it.
    was: Optional[Mapping[str, Any]]

    def __init__(self, model: str, pk: Key, *, was: Optional[Mapping[str, Any]] = None, **details: Any) -> None:
        pk = dict(pk) if isinstance(pk, Mapping) else pk
        if type(model) is not str:
            raise ModelError(f"A reference needs a model's name, received {describe(model)}.")
        if not is_key(pk):
            message = f"A reference to {model} needs a key of text and finite numbers, received {describe(pk)}."
            raise ModelError(message, code="ERR_REFERENCE_KEY")
        said = {_PYTHON_NAMES.get(name, name): value for name, value in details.items() if value is not None}
        for name, value in said.items():
            if isinstance(value, tuple):
                said[name] = list(value)
        problem = problem_of(said)
        if problem:
            message = f"A reference to {model} must have {problem[0]}, received {problem[1]}."
            raise ModelError(message, code="ERR_MODEL_DEFINITION")
        for name, value in (("model", model), ("pk", pk), ("details", said), ("was", was)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} of a reference cannot be set: detailed() makes another one")

    @property
    def identity(self) -> str:
        """The same text for the same row, whichever of text and number its key came as."""
        if isinstance(self.pk, dict):
            parts: List[Any] = [[name, _text_of_part(self.pk[name])] for name in sorted(self.pk)]
        else:
            parts = [_text_of_part(self.pk)]  # type: ignore[arg-type]
        return json.dumps([self.details.get("connection"), self.model, *parts])

    def detailed(self, **details: Any) -> "Ref[Row]":
        """The same, with more details, or others."""
        said = {_PYTHON_NAMES.get(name, name): value for name, value in details.items()}
        return Ref(self.model, self.pk, was=self.was, **{**self.details, **said})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and other.identity == self.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __repr__(self) -> str:
        more = "".join(f", {name}={value!r}" for name, value in self.details.items())
        return f"Ref({self.model!r}, {self.pk!r}{more})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return (_ref, (self.model, self.pk, dict(self.details), self.was))


def _ref(model: str, pk: Key, details: Dict[str, Any], was: Optional[Mapping[str, Any]]) -> "Ref[Any]":
    return Ref(model, pk, was=was, **details)


class Lazy(Generic[Row]):
    """A reference that arrives unloaded: :meth:`load` fetches the row when it is asked for."""

    __slots__ = ("reference", "_load", "_row", "__weakref__")

    def __init__(self, reference: "Ref[Row]", load: Optional[Callable[["Ref[Row]"], Row]] = None) -> None:
        self.reference = reference
        self._load = load
        self._row: List[Row] = []

    def load(self) -> Row:
        """The row as it is now. Asked for once; every call gives the same.

        Raises :class:`~petiole.errors.RowMissing` when it is gone, and :class:`~petiole.errors.ModelError` where the
        text was decoded without a database.
        """
        if not self._row:
            if self._load is None:
                raise ModelError(f"load() of a lazy reference to {self.reference.model}: there is no database here.")
            self._row.append(self._load(self.reference))
        return self._row[0]

    def __repr__(self) -> str:
        return f"Lazy({self.reference!r})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Lazy, (self.reference,))


class Snapshot(Generic[Row]):
    """A row as it was when it was sent: the model's name, its key, and its fields.

    ``object()`` and ``save()`` need a database: ``petiole.django`` gives them one.
    """

    __slots__ = ("model", "pk", "fields", "_bind", "__weakref__")

    def __init__(
        self, model: str, pk: Key, fields: Mapping[str, Any], bind: Optional["SnapshotBinding"] = None
    ) -> None:
        reference: Ref[Row] = Ref(model, pk)
        self.model = model
        self.pk = reference.pk
        self.fields: Dict[str, Any] = dict(fields)
        self._bind = bind

    @property
    def reference(self) -> "Ref[Row]":
        """A reference to the row, for what it is by now."""
        return Ref(self.model, self.pk)

    def object(self) -> Row:
        """The row as it was, as an instance of its model that is not saved; new each time."""
        made: Row = self._bound("object()").make(self)
        return made

    def save(self, using: Optional[str] = None) -> Row:
        """Writes it: an insert, or an update of the row that has its key. Fields that it has not are left alone."""
        saved: Row = self._bound("save()").save(self, using)
        return saved

    def _bound(self, what: str) -> "SnapshotBinding":
        if self._bind is None:
            raise ModelError(f"{what} of a snapshot of {self.model}: there is no database here.")
        return self._bind

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Snapshot) and (other.model, other.pk, other.fields) == (
            self.model,
            self.pk,
            self.fields,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Snapshot({self.model!r}, {self.pk!r}, {len(self.fields)} fields)"

    def __reduce__(self) -> Tuple[Any, ...]:
        return (Snapshot, (self.model, self.pk, self.fields))


class SnapshotBinding:
    """What makes rows of snapshots. ``petiole.django`` has one."""

    def make(self, snapshot: "Snapshot[Any]") -> Any:
        raise NotImplementedError

    def save(self, snapshot: "Snapshot[Any]", using: Optional[str]) -> Any:
        raise NotImplementedError
