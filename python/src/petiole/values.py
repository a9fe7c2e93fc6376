"""Value classes: classes for data that travel whole, made again by their own constructor from checked fields."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import sys
import types
import typing
from datetime import date, datetime
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar, Union

from .errors import PetioleError, ValueInvalid, describe
from .wire import registry
from .wire.kinds import BigInt, OrderedSet, Set, undefined
from .wire.registry import Upgrade, ValueType

__all__ = ["retired", "value"]

C = TypeVar("C", bound=type)
Issue = Tuple[str, str]

_UNIONS: Tuple[Any, ...] = (Union, getattr(types, "UnionType", Union))
_MISSING = object()


def value(
    name: str,
    *,
    version: int = 1,
    upgrade: Optional[Mapping[int, Upgrade]] = None,
    aliases: Sequence[str] = (),
    fields: Optional[Mapping[str, Any]] = None,
    create: Optional[Callable[..., Any]] = None,
    encode: Optional[Callable[[Any], Any]] = None,
    decode: Optional[Callable[[Any], Any]] = None,
) -> Callable[[C], C]:
    """Makes the instances of a class travel, by a name that is chosen for good: ``@petiole.value("shop.Money")``.

    The class may be a dataclass, of attrs, a pydantic model, or any class with ``fields`` or with ``encode`` and
    ``decode``. Fields are checked by their annotations when an instance is sent and before one is made.

    :param name: two parts or more with dots between, of letters, digits, ``_`` and ``-``
    :param version: of what is written, from 1 on; from 2 on it stands behind the name
    :param upgrade: for every version before, a function from its fields to those of the next
    :param aliases: names that the class had before: they are read, and never written
    :param fields: of a plain class: what makes an instance, by attribute, and of which type it is
    :param create: makes an instance of fields, given by keyword; the class itself unless told
    :param encode: what stands for an instance: any value that can travel
    :param decode: the instance for that; it must refuse what ``encode`` cannot have made
    :raises PetioleError: ``ERR_TYPE_NAME`` for a name that is none or taken, ``ERR_VALUE_DEFINITION``
    """

    def register(cls: C) -> C:
        if not isinstance(cls, type):
            raise PetioleError(f"@petiole.value is for classes, received {describe(cls)}.", code="ERR_VALUE_DEFINITION")
        if (encode is None) != (decode is None):
            raise PetioleError(f"{name} needs both encode and decode, or none.", code="ERR_VALUE_DEFINITION")
        layout = "value" if encode else "fields"
        if encode and decode:
            reads, writes = _exactly(cls, name, decode), encode
        else:
            shape = _shape_of(cls, name, fields, create)
            reads, writes = shape.decode, shape.encode
        entry = ValueType(cls, name, writes, reads, layout=layout, version=version, upgrade=upgrade, aliases=aliases)
        registry.add(entry)
        return cls

    return register


def retired(
    name: str,
    *,
    use: Optional[Callable[[Any, int], Any]] = None,
    version: int = 1,
    aliases: Sequence[str] = (),
    layout: str = "fields",
) -> None:
    """Says that a class is no more: a text that has an instance of it is refused, or ``use(fields, version)`` gives
    what takes its place.
    """

    def decode(given: Tuple[int, Any]) -> Any:
        number, content = given
        if use is None:
            raise ValueInvalid(f"{name} is retired, and nothing takes its place")
        return use(content, number)

    def at(number: int) -> Upgrade:
        return lambda content: content if isinstance(content, _At) else _At(number, content)

    steps = {number: at(number) for number in range(1, version)}
    entry = ValueType(
        None,
        name,
        lambda _: None,
        lambda content: decode(content if isinstance(content, _At) else (version, content)),
        layout=layout,
        version=version,
        upgrade=steps,
        aliases=aliases,
    )
    registry.add(entry)


class _At(NamedTuple):
    version: int
    content: Any


def _exactly(cls: type, name: str, decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def reads(content: Any) -> Any:
        made = decode(content)
        if type(made) is not cls:
            raise ValueInvalid(f"decode of {name} gave {describe(made)}")
        return made

    return reads


class _Field(NamedTuple):
    name: str
    #: The parameter of the constructor.
    argument: str
    default: Any


class _Shape:
    """How the instances of a class become fields and come back."""

    def __init__(
        self, cls: type, name: str, fields: Sequence[_Field], types: Optional[Mapping[str, Any]], create: Any
    ) -> None:
        self.cls = cls
        self.name = name
        self.fields = {field.name: field for field in fields}
        self._types = types
        self.create = create or cls

    def type_of(self, field: str) -> Any:
        if self._types is None:
            # Not before it is needed: classes may name each other.
            try:
                self._types = typing.get_type_hints(self.cls)
            except Exception as error:
                message = f"The annotations of {self.name} cannot be read: {error}."
                raise PetioleError(message, code="ERR_VALUE_DEFINITION") from error
        return self._types.get(field, Any)

    def encode(self, instance: Any) -> Dict[str, Any]:
        given: Dict[str, Any] = {}
        for field in self.fields.values():
            held = getattr(instance, field.name)
            if held is undefined or (held is None and field.default is None):
                # Left out, as an optional field of TypeScript's.
                continue
            given[field.name] = held
        return {name: _out(held, self.type_of(name), name) for name, held in self.checked(given).items()}

    def decode(self, content: Any) -> Any:
        if type(content) is not dict:
            raise ValueInvalid(f"expected an object of fields, received {describe(content)}")
        fields = self.checked(content)
        made = self.create(**{self.fields[name].argument: held for name, held in fields.items()})
        if type(made) is not self.cls:
            raise ValueInvalid(f"what makes {self.name} gave {describe(made)}")
        return made

    def checked(self, given: Mapping[str, Any]) -> Dict[str, Any]:
        """The fields, each of its type. Raises :class:`ValueInvalid` with all issues."""
        issues: List[Issue] = []
        checked: Dict[str, Any] = {}
        for name, held in given.items():
            if type(name) is not str or name not in self.fields:
                issues.append((str(name), f"not a field; there are {', '.join(self.fields)}"))
            elif held is not undefined:
                checked[name] = _fit(held, self.type_of(name), name, issues)
        for name, field in self.fields.items():
            if name not in given and field.default is _MISSING:
                issues.append((name, "missing"))
        if issues:
            raise ValueInvalid("; ".join(f"{path}: {message}" for path, message in issues[:20]))
        return checked


def _shape_of(cls: type, name: str, fields: Optional[Mapping[str, Any]], create: Any) -> Any:
    if fields is not None:
        listed = [_Field(field, field, None if _takes_none(kind) else _MISSING) for field, kind in fields.items()]
        return _Shape(cls, name, listed, dict(fields), create)
    if hasattr(cls, "model_fields") and hasattr(cls, "model_validate"):
        return _Pydantic(cls, name)
    known = getattr(cls, "__attrs_attrs__", None)
    if known is not None:
        listed = [_Field(each.name, each.alias, _default(each.default)) for each in known if each.init]
        return _Shape(cls, name, listed, None, create)
    if dataclasses.is_dataclass(cls):
        listed = []
        for each in dataclasses.fields(cls):
            is_made = each.default_factory is not dataclasses.MISSING
            default = object() if is_made else each.default
            if each.init:
                listed.append(_Field(each.name, each.name, _MISSING if default is dataclasses.MISSING else default))
        return _Shape(cls, name, listed, None, create)
    raise PetioleError(
        f"{cls.__name__} is no dataclass, no class of attrs and no pydantic model: "
        f'tell what makes an instance, @petiole.value("{name}", fields={{…}}), or give it encode and decode.',
        code="ERR_VALUE_DEFINITION",
    )


def _default(default: Any) -> Any:
    attr = sys.modules.get("attr")
    return _MISSING if attr is not None and default is attr.NOTHING else default


class _Pydantic:
    """The model checks its fields itself; what it does not declare is refused before it is asked."""

    def __init__(self, cls: Any, name: str) -> None:
        self.cls = cls
        self.name = name
        self._has_room = False

    def encode(self, instance: Any) -> Dict[str, Any]:
        self._check_aliases()
        given: Dict[str, Any] = {}
        for name, field in self.cls.model_fields.items():
            held = getattr(instance, name)
            if held is undefined or (held is None and not field.is_required() and field.default is None):
                continue
            given[name] = _out(held, field.annotation, name)
        given.update(getattr(instance, "model_extra", None) or {})
        return given

    def _check_aliases(self) -> None:
        """Raises for a model that would refuse what is sent: two of its fields are in one place."""
        if not self._has_room:
            tree: Any = {}
            for name, field in self.cls.model_fields.items():
                tree = _put(tree, _path_of(field.validation_alias, name), ...)
            self._has_room = True

    def decode(self, content: Any) -> Any:
        if type(content) is not dict:
            raise ValueInvalid(f"expected an object of fields, received {describe(content)}")
        fields = self.cls.model_fields
        takes_more = self.cls.model_config.get("extra") == "allow"
        given: Any = {}
        for name, held in content.items():
            if type(name) is not str or (name not in fields and not takes_more):
                raise ValueInvalid(f"{name}: not a field; there are {', '.join(fields)}")
            if held is not undefined:
                given = _put(given, _path_of(fields[name].validation_alias if name in fields else None, name), held)
        return self.cls.model_validate(given)


def _path_of(alias: Any, name: str) -> List[Any]:
    """Where a model of pydantic's looks for a field: under its name, an alias, the first of several, or a path."""
    choices = getattr(alias, "choices", None)
    if choices:
        alias = choices[0]
    if alias is None:
        return [name]
    path = getattr(alias, "path", None)
    return list(path) if path else [alias]


def _put(around: Any, path: List[Any], held: Any) -> Any:
    """Puts a value where a path leads, and makes what is missing on the way."""
    if not path:
        if around is not None:
            raise ValueInvalid(f"two fields of the alias that leads to {describe(around)}")
        return held
    step, *rest = path
    if around is None:
        around = [] if isinstance(step, int) else {}
    if isinstance(step, int):
        if not isinstance(around, list) or step < 0:
            raise ValueInvalid(f"an alias that leads to item {step} of {describe(around)}")
        around.extend([None] * (step + 1 - len(around)))
        around[step] = _put(around[step], rest, held)
    elif isinstance(around, dict):
        around[step] = _put(around.get(step), rest, held)
    else:
        raise ValueInvalid(f"an alias that leads to {step} of {describe(around)}")
    return around


# Types of fields.


def _takes_none(kind: Any) -> bool:
    return typing.get_origin(kind) in _UNIONS and type(None) in typing.get_args(kind)


def _fit(held: Any, kind: Any, path: str, issues: List[Issue]) -> Any:
    """A value as its annotation has it: what travels as another type becomes that again. Notes what does not fit."""
    if kind is Any or isinstance(kind, TypeVar) or kind is object:
        return held
    origin = typing.get_origin(kind)
    if origin is not None:
        return _fit_form(held, kind, origin, path, issues)
    if kind is None or kind is type(None):
        return held if held is None else _wrong(held, "null", path, issues)
    if not isinstance(kind, type):
        supertype = getattr(kind, "__supertype__", None)
        # What is no type of ours to check is left to the class.
        return _fit(held, supertype, path, issues) if supertype is not None else held
    if issubclass(kind, enum.Enum):
        try:
            # A value that is a tuple arrives as a list.
            return held if isinstance(held, kind) else kind(tuple(held) if type(held) is list else held)
        except ValueError:
            return _wrong(held, f"one of {', '.join(repr(each.value) for each in kind)}", path, issues)
    if kind is bool:
        return held if isinstance(held, bool) else _wrong(held, "a boolean", path, issues)
    if kind is BigInt:
        return BigInt(held) if _is_int(held) else _wrong(held, "an integer", path, issues)
    if kind is int:
        return held if _is_int(held) else _wrong(held, "an integer", path, issues)
    if kind is float:
        # JavaScript has one kind of number, and writes 5.0 as 5.
        if isinstance(held, float):
            return held
        is_number = _is_int(held) and not isinstance(held, BigInt) and abs(held) < 2**53
        return float(held) if is_number else _wrong(held, "a number", path, issues)
    if kind is date and isinstance(held, datetime):
        return _wrong(held, "a date without a time", path, issues)
    if kind is tuple and isinstance(held, list):
        return tuple(held)
    if kind in (set, frozenset) and isinstance(held, (set, frozenset)):
        return held if isinstance(held, kind) else kind(held)
    if isinstance(held, kind) or _is_protocol(kind):
        return held
    entry = registry.type_of(kind)
    return _wrong(held, entry.name if entry else kind.__name__, path, issues)


def _fit_form(held: Any, kind: Any, origin: Any, path: str, issues: List[Issue]) -> Any:
    arguments = typing.get_args(kind)
    if origin in _UNIONS:
        # The value of a member of an Enum may be another alternative's, too: it is that one's.
        for each in sorted(arguments, key=_is_enum):
            found: List[Issue] = []
            fitting = _fit(held, each, path, found)
            if not found:
                return fitting
        return _wrong(held, " or ".join(map(_name_of, arguments)), path, issues)
    if origin is typing.Literal:
        is_one = any(type(held) is type(each) and held == each for each in arguments)
        return held if is_one else _wrong(held, f"one of {', '.join(map(repr, arguments))}", path, issues)
    if origin is getattr(typing, "Annotated", None) or hasattr(kind, "__metadata__"):
        return _fit(held, arguments[0] if origin is not None else Any, path, issues)
    if origin is typing.ClassVar:
        return held
    if origin in (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection):
        if not isinstance(held, (list, tuple)):
            return _wrong(held, "an array", path, issues)
        return _each(held, arguments[0] if arguments else Any, path, issues, keep=origin is list)
    if origin is tuple:
        if not isinstance(held, (list, tuple)):
            return _wrong(held, "an array", path, issues)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_each(held, arguments[0], path, issues))
        arguments = () if arguments == ((),) else arguments
        if len(arguments) != len(held):
            return _wrong(held, f"an array of {len(arguments)}", path, issues)
        return tuple(_fit(one, each, f"{path}.{at}", issues) for at, (one, each) in enumerate(zip(held, arguments)))
    if origin in (set, frozenset, collections.abc.Set, collections.abc.MutableSet):
        if not isinstance(held, (set, frozenset, collections.abc.Set)):
            return _wrong(held, "a set", path, issues)
        items = _items(held)
        made = _each(items, arguments[0] if arguments else Any, path, issues)
        is_same = all(one is other for one, other in zip(made, items))
        if is_same and (origin is not frozenset or isinstance(held, frozenset)):
            return held
        return _set_of(made, held, frozenset if origin is frozenset else set, path, issues)
    if origin in (dict, collections.abc.Mapping, collections.abc.MutableMapping):
        if not isinstance(held, collections.abc.Mapping):
            return _wrong(held, "an object", path, issues)
        kinds = arguments or (Any, Any)
        pairs = [
            (_fit(key, kinds[0], f"{path}.{key}", issues), _fit(one, kinds[1], f"{path}.{key}", issues))
            for key, one in held.items()
        ]
        is_same = all(a is c and b is d for (a, b), (c, d) in zip(pairs, held.items()))
        return held if is_same else _dict_of(pairs, path, issues)
    if isinstance(origin, type):
        return held if isinstance(held, origin) else _wrong(held, origin.__name__, path, issues)
    return held


def _each(held: Any, kind: Any, path: str, issues: List[Issue], keep: bool = False) -> Any:
    """The items, each of a type; the very list where nothing is another."""
    made = [_fit(one, kind, f"{path}.{at}", issues) for at, one in enumerate(held)]
    is_same = type(held) is list and all(one is other for one, other in zip(made, held))
    return held if keep and is_same else made


def _is_int(held: Any) -> bool:
    return isinstance(held, int) and not isinstance(held, bool)


def _is_protocol(kind: Any) -> bool:
    return bool(getattr(kind, "_is_protocol", False))


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


def _items(held: Any) -> List[Any]:
    return held.in_order() if isinstance(held, OrderedSet) else list(held)


def _set_of(items: List[Any], held: Any, kind: Any, path: str, issues: List[Issue]) -> Any:
    """A set of what its items have become, which must be as many."""
    made: Any
    try:
        made = frozenset(items) if kind is frozenset else OrderedSet.of(items)
    except TypeError:
        if kind is frozenset:
            return _wrong(held, "items that can be hashed", path, issues)
        made = Set(items)
    return made if len(made) == len(held) else _wrong(held, "items that differ", path, issues)


def _dict_of(pairs: List[Tuple[Any, Any]], path: str, issues: List[Issue]) -> Any:
    try:
        made = dict(pairs)
    except TypeError:
        return _wrong(dict(), "keys that can be hashed", path, issues)
    return made if len(made) == len(pairs) else _wrong(made, "keys that differ", path, issues)


def _out(held: Any, kind: Any, path: str) -> Any:
    """What travels of a value that fits: the values of members of an Enum, where the annotation makes members of them
    again. Raises :class:`ValueInvalid` where it would make something else.
    """
    origin = typing.get_origin(kind)
    if origin is None:
        supertype = getattr(kind, "__supertype__", None)
        if supertype is not None:
            return _out(held, supertype, path)
        return held.value if isinstance(held, enum.Enum) and _is_enum(kind) else held
    issues: List[Issue] = []
    made = _out_of_form(held, kind, origin, path, issues)
    if issues:
        raise ValueInvalid("; ".join(f"{place}: {message}" for place, message in issues[:20]))
    return made


def _out_of_form(held: Any, kind: Any, origin: Any, path: str, issues: List[Issue]) -> Any:
    arguments = typing.get_args(kind)
    if origin in _UNIONS:
        return _out_of_union(held, kind, arguments, path, issues)
    if origin is getattr(typing, "Annotated", None) or hasattr(kind, "__metadata__"):
        return _out(held, arguments[0], path)
    if isinstance(held, collections.abc.Mapping) and len(arguments) == 2:
        pairs = [
            (_out(key, arguments[0], f"{path}.{key}"), _out(one, arguments[1], f"{path}.{key}"))
            for key, one in held.items()
        ]
        is_same = all(a is c and b is d for (a, b), (c, d) in zip(pairs, held.items()))
        return held if is_same else _dict_of(pairs, path, issues)
    is_set = isinstance(held, collections.abc.Set)
    if not arguments or not (is_set or isinstance(held, (list, tuple))):
        return held
    items = _items(held)
    several = len(arguments) == len(items) and origin is tuple and Ellipsis not in arguments
    kinds = arguments if several else [arguments[0]] * len(items)
    made = [_out(one, each, f"{path}.{at}") for at, (one, each) in enumerate(zip(items, kinds))]
    if all(one is other for one, other in zip(made, items)):
        return held
    return _set_of(made, held, set, path, issues) if is_set else made


def _out_of_union(held: Any, kind: Any, arguments: Sequence[Any], path: str, issues: List[Issue]) -> Any:
    is_member = isinstance(held, enum.Enum)
    for each in sorted(arguments, key=_is_enum, reverse=is_member):
        unfit: List[Issue] = []
        _fit(held, each, path, unfit)
        if unfit:
            continue
        made = _out(held, each, path)
        if made is held:
            return held
        arrived = _fit(list(made) if type(made) is tuple else made, kind, path, unfit)
        if not unfit and type(arrived) is type(held) and arrived == held:
            return made
        return _wrong(held, "what only one alternative of its annotation takes", path, issues)
    return held


def _name_of(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def _wrong(held: Any, expected: str, path: str, issues: List[Issue]) -> Any:
    issues.append((path, f"expected {expected}, received {describe(held)}"))
    return held
