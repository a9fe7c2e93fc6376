"""What the wire knows of value classes. ``petiole.value`` makes these."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from ..errors import PetioleError, describe
from .tags import Tag

_NAME = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)+", re.ASCII)
_RESERVED_NAME = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)

Upgrade = Callable[[Any], Any]


def check_name(name: object, of: str = "a value class") -> str:
    """The name, where it is one: a namespace, a dot, a name."""
    if type(name) is str and _NAME.fullmatch(name):
        return name
    why = "it is letters, digits, _ and -, in two parts or more with dots between"
    if type(name) is str and _RESERVED_NAME.fullmatch(name):
        why = "names without a dot are reserved for the wire format itself"
    message = f'{describe(name)} is not a name for {of}: {why}. Give it a namespace, "shop.Money" for example.'
    raise PetioleError(message, code="ERR_TYPE_NAME")


class ValueType:
    """How the instances of one class travel.

    ``layout`` is ``fields`` where ``encode`` gives a dict of fields, ``value`` where it gives any one value. ``decode``
    is given what travelled, decoded, and must check it.
    """

    def __init__(
        self,
        cls: Optional[type],
        name: str,
        encode: Callable[[Any], Any],
        decode: Callable[[Any], Any],
        *,
        layout: str = "fields",
        version: int = 1,
        upgrade: Optional[Mapping[int, Upgrade]] = None,
        aliases: Sequence[str] = (),
    ) -> None:
        self.cls = cls
        self.name = check_name(name)
        self.aliases = [check_name(alias) for alias in aliases]
        self.encode = encode
        self.decode = decode
        self.layout = layout
        self.upgrade: Dict[int, Upgrade] = dict(upgrade or {})
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            message = f"The version of {name} must be a whole number from 1 on, received {describe(version)}."
            raise PetioleError(message, code="ERR_VALUE_DEFINITION")
        self.version = version
        missing = [at for at in range(1, version) if not callable(self.upgrade.get(at))]
        other = [at for at in self.upgrade if at not in range(1, version)]
        if missing or other:
            problem = f"there is no upgrade from version {missing[0]}" if missing else f"there is no version {other[0]}"
            raise PetioleError(f"{name} is version {version}, but {problem}.", code="ERR_VALUE_DEFINITION")

    @property
    def written(self) -> str:
        """The name as its tag has it."""
        return self.name if self.version == 1 else f"{self.name}@{self.version}"

    def read(self, content: Any, version: int) -> Any:
        for at in range(version, self.version):
            content = self.upgrade[at](content)
        return self.decode(content)


class Registry:
    """The value classes that may travel."""

    def __init__(self) -> None:
        self._types: Dict[str, ValueType] = {}
        self._classes: Dict[type, ValueType] = {}
        self._tags: Dict[str, Tag] = {}

    def add(self, entry: ValueType) -> None:
        """Raises :class:`~petiole.errors.PetioleError` ``ERR_TYPE_NAME`` where two have one name."""
        for name in [entry.name, *entry.aliases]:
            known = self._types.get(name)
            if known is not None and not _is_again(known, entry):
                message = f"Two value classes are named {name}: each needs its own name."
                raise PetioleError(message, code="ERR_TYPE_NAME")
        if entry.cls is not None:
            before = self._classes.get(entry.cls)
            if before is not None and before.name != entry.name:
                message = f"{entry.cls.__name__} is registered twice, as {before.name} and {entry.name}."
                raise PetioleError(message, code="ERR_TYPE_NAME")
            self._classes[entry.cls] = entry
        for name in [entry.name, *entry.aliases]:
            self._types[name] = entry
            for version in range(1, entry.version + 1):
                written = name if version == 1 else f"{name}@{version}"
                self._tags[written] = Tag(
                    written, entry.layout, _reader(entry, version), columns=entry.layout == "fields"
                )

    def type_of(self, cls: type) -> Optional[ValueType]:
        return self._classes.get(cls)

    def tag(self, name: str) -> Optional[Tag]:
        return self._tags.get(name)

    def __iter__(self) -> Iterator[ValueType]:
        return iter(list(dict.fromkeys(self._types.values())))

    def names(self) -> List[str]:
        return sorted(self._tags)


def _is_again(known: ValueType, entry: ValueType) -> bool:
    """Whether a module was imported again: the same class by its name."""
    if known.cls is None or entry.cls is None or known.name != entry.name:
        return False
    return (known.cls.__module__, known.cls.__qualname__) == (entry.cls.__module__, entry.cls.__qualname__)


def _reader(entry: ValueType, version: int) -> Callable[[Any, Any, Any], Any]:
    return lambda content, _reading, _opened: entry.read(content, version)
