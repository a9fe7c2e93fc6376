"""Model instances as references, references as rows, rows as they were."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type, Union
from uuid import UUID

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections, models, transaction

from ..errors import DatabaseUnreachable, ModelError, RowChanged, RowMissing, describe
from ..wire import Lazy, Ref, Snapshot
from ..wire.decoder import Resolve
from ..wire.kinds import ArrayBuffer, View
from ..wire.reference import Key, SnapshotBinding

Model = Type[models.Model]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_DEEPEST = 4
#: What a digest of ours begins with: only who made one can compare it.
_DIGEST = "django:"
#: A key that no row can have.
_IMPOSSIBLE = object()


class _Group(NamedTuple):
    """What one query loads: rows of one model, in one database, with the same relations."""

    model: Model
    alias: str
    relations: Tuple[str, ...]
    scope: str


class DjangoRows(SnapshotBinding):
    """What :func:`rows` makes. ``petiole.celery.setup`` takes it as ``rows``."""

    def __init__(
        self,
        names: Mapping[str, Any],
        versions: Mapping[str, str],
        fields: Mapping[str, Mapping[str, str]],
        aliases: Mapping[str, str],
        replica: Optional[str],
        if_missing: str,
    ) -> None:
        self._names = names
        self._versions = versions
        self._fields = fields
        self._aliases = aliases
        self._replica = replica
        self._if_missing = if_missing

    # Names.

    def model_of(self, name: str) -> Model:
        """The model of a name. Raises ModelError ``ERR_MODEL_UNKNOWN``."""
        named = self._names.get(name, name)
        if isinstance(named, type):
            return named
        try:
            model: Model = apps.get_model(named)
        except (LookupError, ValueError):
            raise ModelError(f"There is no model {describe(name)} here.") from None
        return model

    def name_of(self, model: Model) -> str:
        """The name that travels: of the map, or ``app_label.Model``."""
        label: str = model._meta.label
        for name, named in self._names.items():
            if named is model or (isinstance(named, str) and named.lower() == label.lower()):
                return name
        return label

    # Sending.

    def refer(self, value: Any) -> Optional["Ref[Any]"]:
        """The reference to a row; None for what is no model instance. Raises for one that was not saved."""
        if isinstance(value, models.QuerySet):
            raise ModelError("a QuerySet is a question, not rows: send list(queryset)", code="ERR_REFERENCE_KEY")
        return self.ref(value) if isinstance(value, models.Model) else None

    def ref(self, row: models.Model, **details: Any) -> "Ref[Any]":
        """A reference to a row, with what it says beside. ``if_changed`` takes the row's version, or a digest."""
        model = type(row)
        name = self.name_of(model)
        if row.pk is None or row._state.adding:
            raise ModelError(
                f"this {name} has no row yet: save it first, and send what was saved", code="ERR_REFERENCE_KEY"
            )
        alias = row._state.db
        if alias is not None and alias != DEFAULT_DB_ALIAS:
            details.setdefault("connection", self._connection_of(alias))
        changed = details.get("if_changed", details.get("ifChanged"))
        if changed in ("skip", "fail") and "version" not in details and "digest" not in details:
            details.update(self._state_of(name, row))
        return Ref(name, _key_of(row), **details)

    def snapshot(self, row: models.Model) -> "Snapshot[Any]":
        """A row as it is now. What was not loaded is not in it."""
        name = self.name_of(type(row))
        reference = self.ref(row)
        deferred = row.get_deferred_fields()
        attributes = {field: attribute for attribute, field in self._fields.get(name, {}).items()}
        fields = {
            attributes.get(field.name, field.name): _value_of(field, row)
            for field in row._meta.concrete_fields
            if field.attname not in deferred
        }
        return Snapshot(name, reference.pk, fields, self)

    def _connection_of(self, alias: str) -> str:
        return next((name for name, known in self._aliases.items() if known == alias), alias)

    def _state_of(self, name: str, row: models.Model) -> Dict[str, Any]:
        version = self._versions.get(name)
        if version is not None:
            return {"version": _version_text(getattr(row, version))}
        deferred = row.get_deferred_fields()
        names = sorted(field.attname for field in row._meta.concrete_fields if field.attname not in deferred)
        return {"digest": {"fields": names, "sha256": _digest(row, names)}}

    # Receiving.

    def resolve(self, references: Sequence["Ref[Any]"]) -> Resolve:
        """Loads the rows of a message, with one query for each model. Raises for what is missing or has changed."""
        loaded = _Loaded()
        if references:
            self._load(references, loaded)
        return Resolve(
            row=lambda reference: loaded.get(*self._place_of(reference)),
            lazy=lambda reference: Lazy(reference, lambda asked: self._load_one(asked, loaded)),
            snapshot=lambda _model: self,
        )

    def _place_of(self, reference: "Ref[Any]") -> Tuple[_Group, Any]:
        model = self.model_of(reference.model)
        details = reference.details
        connection = details.get("connection")
        if connection is not None:
            alias = self._aliases.get(connection, connection)
        elif details.get("from") == "replica" and self._replica is not None:
            alias = self._replica
        else:
            alias = DEFAULT_DB_ALIAS
        if alias not in connections:
            raise ModelError(f"There is no database {describe(alias)} here, which {reference} names.")
        relations = tuple(sorted(_relation(model, path) for path in details.get("with", ())))
        return _Group(model, alias, relations, details.get("scope", "")), _python_key(model, alias, reference.pk)

    def _load(self, references: Iterable["Ref[Any]"], loaded: "_Loaded") -> None:
        wanted: Dict[_Group, Dict[Any, None]] = {}
        placed = [(reference, *self._place_of(reference)) for reference in references]
        for _, group, key in placed:
            if key is not _IMPOSSIBLE and not loaded.has(group, key):
                wanted.setdefault(group, {})[key] = None
        # Before the task runs, and once: it may read by a cursor of the connection while a lazy reference is loaded.
        for alias in {group.alias for group in wanted}:
            if not connections[alias].in_atomic_block:
                connections[alias].close_if_unusable_or_obsolete()
        for group, keys in wanted.items():
            loaded.add(group, _fetch(group, list(keys)))
        self._check([(reference, loaded.get(group, key)) for reference, group, key in placed])

    def _load_one(self, reference: "Ref[Any]", loaded: "_Loaded") -> Any:
        group, key = self._place_of(reference)
        if key is not _IMPOSSIBLE and loaded.get(group, key) is None:
            loaded.add(group, _fetch(group, [key]))
        row = loaded.get(group, key)
        if row is None:
            raise RowMissing(f"{reference} is gone.")
        return row

    def _check(self, rows: List[Tuple["Ref[Any]", Any]]) -> None:
        """Raises for the rows that are not as expected: what fails first, then what waits, then what skips."""
        problems: Dict[str, Exception] = {}
        for reference, row in rows:
            if row is None:
                fate = reference.details.get("ifMissing", self._if_missing)
                if fate != "null" and fate not in problems:
                    missing = RowMissing(f"{reference} is gone.")
                    missing.fate = fate
                    problems[fate] = missing
                continue
            fate = reference.details.get("ifChanged", "run")
            if fate != "run" and fate not in problems and self._has_changed(reference, row):
                changed = RowChanged(f"{reference} has changed since the task was sent.")
                changed.fate = fate
                problems[fate] = changed
        for fate in ("fail", "wait", "skip"):
            if fate in problems:
                raise problems[fate]

    def _has_changed(self, reference: "Ref[Any]", row: models.Model) -> bool:
        version = reference.details.get("version")
        if isinstance(version, str):
            field = self._versions.get(reference.model)
            if field is None:
                raise ModelError(
                    f"{reference} has a version, and {reference.model} has none here: name its field in `versions`.",
                    code="ERR_MODEL_DEFINITION",
                )
            return _version_text(getattr(row, field)) != version
        digest: Dict[str, Any] = reference.details["digest"]
        if not digest["sha256"].startswith(_DIGEST):
            raise ModelError(
                f"{reference} has a digest, which only its maker can compare: give {reference.model} a version.",
                code="ERR_MODEL_UNSUPPORTED",
            )
        known = {field.attname for field in row._meta.concrete_fields}
        return not known.issuperset(digest["fields"]) or _digest(row, digest["fields"]) != str(digest["sha256"])

    # Rows as they were.

    def make(self, snapshot: "Snapshot[Any]") -> models.Model:
        """The row of a snapshot, not saved. Raises ModelError for fields that the model does not have."""
        model = self.model_of(snapshot.model)
        return model(**self._columns(snapshot, model))

    def save(self, snapshot: "Snapshot[Any]", using: Optional[str]) -> models.Model:
        """Writes a snapshot: an insert, or an update of the row with its key. As `loaddata`, without `save()`."""
        model = self.model_of(snapshot.model)
        columns = self._columns(snapshot, model)
        row = model(**columns)
        alias = using or DEFAULT_DB_ALIAS
        keys = {field.attname for field in _key_fields(model)}
        others = {name: value for name, value in columns.items() if name not in keys}
        with transaction.atomic(using=alias):
            found = model._base_manager.using(alias).filter(**{name: columns[name] for name in keys})
            if not (found.update(**others) if others else found.exists()):
                row.save_base(using=alias, raw=True, force_insert=True)
            saved: models.Model = model._base_manager.using(alias).get(**{name: columns[name] for name in keys})
        return saved

    def _columns(self, snapshot: "Snapshot[Any]", model: Model) -> Dict[str, Any]:
        names = self._fields.get(snapshot.model, {})
        key = _python_key(model, DEFAULT_DB_ALIAS, snapshot.pk)
        key_fields = _key_fields(model)
        parts = key if isinstance(key, tuple) else (key,)
        columns: Dict[str, Any] = {field.attname: part for field, part in zip(key_fields, parts)}
        if key is _IMPOSSIBLE:
            raise ModelError(f"{snapshot} has a key that no row has.", code="ERR_REFERENCE_KEY")
        by_name = {name: f for f in model._meta.concrete_fields for name in (f.name, f.attname)}
        for name, value in snapshot.fields.items():
            field = by_name.get(names.get(name, name)) if isinstance(name, str) else None
            if field is None:
                message = f"{snapshot.model} has no field {describe(name)}, which the snapshot has."
                raise ModelError(message, code="ERR_SNAPSHOT_FIELDS")
            held = _to_python(field, value, f"{snapshot.model}.{name}")
            if columns.get(field.attname, held) != held:
                message = f"{snapshot} has another key in its field {name}."
                raise ModelError(message, code="ERR_REFERENCE_KEY")
            columns[field.attname] = held
        return columns


class _Loaded:
    """The rows of one message: one object for one row."""

    def __init__(self) -> None:
        self._rows: Dict[Tuple[_Group, Any], Any] = {}

    def add(self, group: _Group, rows: Mapping[Any, Any]) -> None:
        for key, row in rows.items():
            self._rows.setdefault((group, key), row)

    def has(self, group: _Group, key: Any) -> bool:
        return (group, key) in self._rows

    def get(self, group: _Group, key: Any) -> Any:
        return None if key is _IMPOSSIBLE else self._rows.get((group, key))


def rows(
    names: Optional[Mapping[str, Union[str, Model]]] = None,
    *,
    versions: Optional[Mapping[str, str]] = None,
    fields: Optional[Mapping[str, Mapping[str, str]]] = None,
    aliases: Optional[Mapping[str, str]] = None,
    replica: Optional[str] = None,
    if_missing: str = "fail",
) -> DjangoRows:
    """What ``petiole.celery.setup`` takes as ``rows``.

    :param names: the names that travel, and their models: ``{"qa.Comment": "questions.Comment"}``; a model that is not
        here travels as ``app_label.Model``
    :param versions: by name, the field that is a row's version: a counter, or when it was updated
    :param fields: by name, what the other side calls the fields in snapshots: ``{"authorId": "author"}``
    :param aliases: the names of connections that travel, and Django's aliases of databases, where they differ
    :param replica: the alias of the database that is asked for references that say ``from: "replica"``
    :param if_missing: what a missing row means where the reference does not say: ``"fail"``, ``"skip"``, ``"wait"`` or
        ``"null"``
    """
    if if_missing not in ("fail", "skip", "wait", "null"):
        message = f'if_missing must be "fail", "skip", "wait" or "null", received {if_missing!r}.'
        raise ModelError(message, code="ERR_OPTION_INVALID")
    return DjangoRows(names or {}, versions or {}, fields or {}, aliases or {}, replica, if_missing)


def current() -> DjangoRows:
    """The rows that ``petiole.celery.setup`` was given; with all defaults where there are none."""
    try:
        from ..celery.serializer import settings
    except ImportError:
        return rows()
    given = settings().rows
    return given if isinstance(given, DjangoRows) else rows()


def ref(row: models.Model, **details: Any) -> "Ref[Any]":
    """A reference to a row that says more: ``ref(comment, if_missing="skip", if_changed="skip", with_=["author"])``."""
    return current().ref(row, **details)


def snapshot(row: models.Model) -> "Snapshot[Any]":
    """A row as it is now: it arrives as it was, whatever becomes of the row."""
    return current().snapshot(row)


# Keys.


def _key_fields(model: Model) -> List[Any]:
    fields = getattr(model._meta, "pk_fields", None)
    return list(fields) if fields else [model._meta.pk]


def _key_of(row: models.Model) -> Key:
    fields = _key_fields(type(row))
    parts = {field.attname: _part_of(getattr(row, field.attname)) for field in fields}
    return next(iter(parts.values())) if len(parts) == 1 else parts


def _part_of(part: Any) -> Any:
    if isinstance(part, models.Model):
        return _part_of(part.pk)
    return part if isinstance(part, (int, str)) and not isinstance(part, bool) else str(part)


def _python_key(model: Model, alias: str, pk: Any) -> Any:
    fields = _key_fields(model)
    if isinstance(pk, dict):
        if set(pk) != {field.attname for field in fields} and set(pk) != {field.name for field in fields}:
            return _IMPOSSIBLE
        parts = [pk[field.attname] if field.attname in pk else pk[field.name] for field in fields]
    elif len(fields) != 1:
        return _IMPOSSIBLE
    else:
        parts = [pk]
    made = tuple(_python_part(field, alias, part) for field, part in zip(fields, parts))
    if _IMPOSSIBLE in made:
        return _IMPOSSIBLE
    return made[0] if len(made) == 1 else made


def _python_part(field: Any, alias: str, part: Any) -> Any:
    while field.remote_field is not None:
        field = field.target_field
    if isinstance(part, float):
        if not part.is_integer():
            return _IMPOSSIBLE
        part = int(part)
    try:
        made = field.to_python(part)
        hash(made)
    except (ValidationError, TypeError, ValueError, OverflowError):
        return _IMPOSSIBLE
    if isinstance(made, int):
        lowest, highest = connections[alias].ops.integer_field_range(field.get_internal_type())
        # SQLite's does not say, and has 64 bits.
        if made < (-(2**63) if lowest is None else lowest) or made > (2**63 - 1 if highest is None else highest):
            return _IMPOSSIBLE
    if isinstance(made, str) and "\x00" in made:
        return _IMPOSSIBLE
    return made


def _relation(model: Model, path: str) -> str:
    """Django's name of a relation, ``author__company``. Raises for what is none."""
    steps = path.split(".")
    if len(steps) > _DEEPEST:
        raise ModelError(f"{path} goes over more than {_DEEPEST} relations.", code="ERR_MODEL_DEFINITION")
    at: Any = model
    names: List[str] = []
    for step in steps:
        try:
            field = at._meta.get_field(step)
            at = field.related_model
        except (FieldDoesNotExist, AttributeError):
            at = None
        if at is None:
            raise ModelError(f"{model._meta.label} has no relation {path}.", code="ERR_MODEL_DEFINITION")
        names.append(field.get_accessor_name() if hasattr(field, "get_accessor_name") else step)
    return "__".join(names)


def _fetch(group: _Group, keys: List[Any]) -> Dict[Any, Any]:
    """The rows with these keys. Raises DatabaseUnreachable when they cannot be asked for."""
    manager = group.model._base_manager if group.scope == "all" else group.model._default_manager
    try:
        found = manager.using(group.alias).prefetch_related(*group.relations)
        if len(_key_fields(group.model)) == 1:
            return dict(found.in_bulk(keys))
        return {row.pk: row for row in found.filter(pk__in=keys)}
    except (OperationalError, InterfaceError) as error:
        raise DatabaseUnreachable(f"The rows of {group.model._meta.label} cannot be loaded: {error}") from error


# Fields.


def _value_of(field: Any, row: models.Model) -> Any:
    value = field.value_from_object(row)
    if isinstance(field, models.FileField):
        return value.name if value else field.get_prep_value(value) or ""
    if isinstance(value, memoryview):
        return bytes(value)
    known = (str, int, float, bool, bytes, datetime, date, Decimal, UUID, list, dict, type(None))
    if isinstance(value, timedelta) or not isinstance(value, known):
        # As Django's own serializers have it.
        return str(field.value_to_string(row))
    return value


def _to_python(field: Any, value: Any, path: str) -> Any:
    while field.remote_field is not None:
        field = field.target_field
    if isinstance(value, (View, ArrayBuffer)):
        # A Buffer, for example: a column has bytes.
        value = bytes(value)
    try:
        return field.to_python(value)
    except (ValidationError, TypeError, ValueError) as error:
        raise ModelError(f"{path} cannot be {describe(value)}: {error}", code="ERR_SNAPSHOT_FIELDS") from error


def _version_text(value: Any) -> str:
    """A version, as TypeScript writes it: a time as its milliseconds."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=timezone.utc)
        return str((value - _EPOCH) // timedelta(milliseconds=1))
    return str(value)


def _digest(row: models.Model, names: Sequence[str]) -> str:
    fields = {field.attname: field for field in row._meta.concrete_fields}
    parts = [
        [name, None if getattr(row, name) is None else fields[name].value_to_string(row)] for name in sorted(names)
    ]
    text = json.dumps(parts, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return _DIGEST + base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
