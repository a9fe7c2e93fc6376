"""Kombu's JSON serializer, in our place: the bodies of tasks and their results carry the wire's tags.

What Kombu reads stays as it is: its own tags, those that ``register_type`` added, bare ``NaN``, integers beyond 2^53.
Messages that are neither a task nor a result are written by Kombu as before.
"""

from __future__ import annotations

import json
import threading
import time
from decimal import Decimal
from typing import Any, Callable, Dict, Iterator, List, MutableMapping, NamedTuple, Optional, Sequence, Tuple

import kombu.utils.json as kombu_json

from ..errors import DecodeError, EncodeError, PetioleError, Refusal
from ..wire import Limits, Ref, registry
from ..wire.decoder import DecodeContext, Decoder, Resolve, is_plain_text, parse_text
from ..wire.encode_context import EncodeContext, Marked
from ..wire.encoder import Encoder, run
from ..wire.json_text import integer, integer_within, parse, write
from ..wire.limits import check_bytes
from ..wire.plain import is_plain
from ..wire.tags import Tag

_EMBED = {"callbacks", "errbacks", "chain", "chord"}
_META = {"status", "result", "task_id"}
_STATES = {"SUCCESS", "FAILURE", "RETRY", "REVOKED", "STARTED", "PENDING", "RECEIVED", "REJECTED", "IGNORED"}

#: Kombu's own, whatever is registered later.
_kombu_dumps: Callable[[Any], Any] = kombu_json.dumps


class Rows:
    """What knows of stored rows: ``petiole.django`` has one."""

    def refer(self, value: Any) -> Optional["Ref[Any]"]:
        """The reference to a row; None for what is no row. Raises for a row that was not saved."""
        return None

    def resolve(self, references: Sequence["Ref[Any]"]) -> Resolve:
        """Loads the rows of a message. Raises for those that are missing."""
        return Resolve()


class Settings(NamedTuple):
    limits: Limits = Limits()
    portable: bool = False
    understands: Tuple[str, ...] = ()
    rows: Rows = Rows()
    park: bool = True
    #: Seconds.
    wait_for: float = 60
    #: Makes the tasks fail that are given what cannot be decoded.
    guard: Callable[[], Any] = lambda: None


class _State(threading.local):
    """What is about to be sent by this thread: its body, and the headers that will go with it."""

    body: Any = None
    headers: Optional[MutableMapping[str, Any]] = None
    #: Those of the task that is sent again.
    types: Sequence[str] = ()


_state = _State()
_settings = Settings()


def configure(settings: Settings) -> None:
    global _settings
    _settings = settings


def settings() -> Settings:
    return _settings


class Undecoded:
    """Stands as the one argument of a task whose body cannot be decoded. The task then fails with ``error``.

    It keeps the body: to send the task again sends the same arguments, byte for byte as far as JSON goes.
    """

    def __init__(self, error: Exception, text: str) -> None:
        self.error = error
        self.text = text

    def raw(self) -> Tuple[Any, Any]:
        """The trees of args and kwargs as they came."""
        args, kwargs, *_ = parse(self.text, integer, True)
        return args, kwargs

    def __repr__(self) -> str:
        return f"<undecoded: {self.error}>"


class ReceivedArgs(List[Any]):
    """Arguments where a message is received. The process that runs the task decodes its own, and gets none of these:
    what is deep, or of a class of the user's, may not be pickled.
    """

    def __reduce__(self) -> Any:
        return (list, ())


class ReceivedKwargs(Dict[str, Any]):
    """The same, by name."""

    def __reduce__(self) -> Any:
        return (dict, ())


class Body(List[Any]):
    """A task's body that is decoded when it is unpacked: in the process that runs the task, not in the one that
    receives it. It never raises: what cannot be decoded is :class:`Undecoded`.
    """

    def __init__(self, tree: Any, text: str, context: DecodeContext) -> None:
        super().__init__()
        self._tree = tree
        self._text = text
        self._context = context
        self._parts: Optional[List[Any]] = None
        self._is_received = False

    def tree_of_embed(self) -> Any:
        """Its third part as it came: nothing is decoded for it."""
        return self._parts[2] if self._parts is not None else self._tree[2]

    def _all(self) -> List[Any]:
        if self._parts is None:
            self._parts = self._decode()
            self._tree = None
        return self._parts

    def _decode(self) -> List[Any]:
        args, kwargs, embed = self._tree
        try:
            embed = Decoder(embed, self._context, "embed").decode()
            decoder = Decoder([args, kwargs], self._context, "body")
            if self._is_received:
                resolve = _lazily(_settings.rows)._replace(row=None)
            elif decoder.references:
                resolve = _settings.rows.resolve(decoder.references)
            else:
                resolve = _lazily(_settings.rows)
            args, kwargs = decoder.decode(resolve)
            if type(args) is not list or type(kwargs) is not dict:
                raise DecodeError(path="body", expected="an array of args and an object of kwargs", found="others")
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - it is raised where the task runs
            embed = embed if type(embed) is dict and embed.keys() <= _EMBED else {}
            args, kwargs = [Undecoded(error, self._text)], {}
        return [ReceivedArgs(args), ReceivedKwargs(kwargs), embed] if self._is_received else [args, kwargs, embed]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._all())

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: Any) -> Any:
        return self._all()[index]

    def __contains__(self, item: object) -> bool:
        # Celery asks whether "args" is in it, to tell an older form of messages, where it receives one. It unpacks the body
        # there, too, and runs the task with what it decodes anew: so no row is loaded there.
        self._is_received = self._is_received or item == "args"
        return not isinstance(item, str) and item in self._all()

    def __eq__(self, other: object) -> bool:
        return self._all() == other

    def __repr__(self) -> str:
        return "<the body of a task>"


def _lazily(rows: Rows) -> Resolve:
    """For messages without rows to be loaded at once: no query is made."""
    return rows.resolve(())


def _is_body(data: Any) -> bool:
    return (
        isinstance(data, (tuple, list))
        and len(data) == 3
        and isinstance(data[0], (tuple, list))
        and isinstance(data[1], dict)
        and isinstance(data[2], dict)
        and len(data[2]) > 0
        and data[2].keys() <= _EMBED
    )


def _is_call(data: Any) -> bool:
    """The arguments of a task that is run at once, where ``task_always_eager`` is set: Celery writes and reads them."""
    return type(data) is tuple and len(data) == 2 and isinstance(data[0], (tuple, list)) and isinstance(data[1], dict)


class _Call(str):
    """The text of such arguments. It is read where it was written, and as those of a task's body."""


def _is_meta(data: Any) -> bool:
    return isinstance(data, dict) and data.keys() >= _META and isinstance(data["status"], str)


def _is_part(data: Any) -> bool:
    """A result of a chord's member: ``[1, id, state, result]``."""
    if not isinstance(data, (tuple, list)) or len(data) != 4:
        return False
    return data[0] == 1 and isinstance(data[1], str) and isinstance(data[2], str) and data[2] in _STATES


# Writing.


def _is_kombus(part: Any) -> bool:
    """Whether an encoder or a decoder is Kombu's own."""
    module = getattr(part, "__module__", None)
    return module == kombu_json.__name__ or part in _KOMBUS


_KOMBUS: List[Any] = [
    part
    for part in [*(encoder for _, encoder in kombu_json._encoders.values()), *kombu_json._decoders.values()]
    if getattr(part, "__module__", None) in (None, kombu_json.__name__)
]
_KOMBUS += [str, Decimal]


def _written_by(cls: type, marker: Optional[str], encoder: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: encoder(value) if marker is None else Marked(marker, encoder(value))


def _registered() -> Dict[type, Callable[[Any], Any]]:
    """What the user's ``register_type`` has added, or replaced."""
    own = kombu_json._encoders.items()
    return {cls: _written_by(cls, *entry) for cls, entry in own if not _is_own(cls, *entry)}


_OWN = {cls.__name__: marker for cls, (marker, _) in kombu_json._encoders.items()}


def _is_own(cls: type, marker: Optional[str], encoder: Any) -> bool:
    return _OWN.get(cls.__name__) == marker and _is_kombus(encoder)


def _context(pointers: bool = True) -> EncodeContext:
    registered = _registered()

    def default(value: Any) -> Any:
        reducer = getattr(value, "__json__", None)
        if reducer is not None:
            return reducer()
        if isinstance(value, kombu_json.textual_types):
            return str(value)
        for cls, write_it in registered.items():
            if isinstance(value, cls):
                return write_it(value)
        return NotImplemented

    return EncodeContext(
        registry,
        _settings.limits,
        pythonic=True,
        portable=_settings.portable,
        understands=_settings.understands,
        pointers=pointers and not _settings.portable,
        refer=_settings.rows.refer,
        default=default,
        first=registered,
        loose_keys=True,
    )


def dumps(data: Any, **_options: Any) -> str:
    """The text of a message's body. Raises what cannot travel as an error that Kombu makes its EncodeError of."""
    if _is_body(data):
        text, types = _dump_body(data)
        if _state.body is data and _state.headers is not None:
            # What could not be decoded is sent as it came, and with the types that it came with.
            mark(_state.headers, _state.types if _is_undecoded(data[0], data[1]) else types)
            _state.body = _state.headers = None
        return text
    if _is_call(data):
        text = write(_dump_arguments(*data)[0], True)
        check_bytes(text, _settings.limits, "the arguments")
        return _Call(text)
    if _is_meta(data):
        return _dump_each(data)
    if _is_part(data):
        *head, result = data
        text = write([*head, run(result, _context(), "result", False)[0]], True)
        check_bytes(text, _settings.limits, "result")
        return text
    try:
        return str(_kombu_dumps(data))
    except (TypeError, ValueError):
        return write(run(data, _context(), "value", False)[0], True)


def _is_undecoded(args: Any, kwargs: Any) -> bool:
    return len(args) == 1 and not kwargs and type(args[0]) is Undecoded


def _dump_body(data: Any) -> Tuple[str, List[str]]:
    args, kwargs, embed = data
    trees, types = _dump_arguments(args, kwargs)
    if is_plain(embed, _settings.limits, True, True):
        written = embed
    else:
        written, inside = run(embed, _context(pointers=False), "embed", False)
        types += inside.types
    text = write([*trees, written], True)
    check_bytes(text, _settings.limits, "the body")
    return text, sorted({*types})


def _dump_arguments(args: Sequence[Any], kwargs: Dict[str, Any]) -> Tuple[List[Any], List[str]]:
    """The trees of both, and the types in them."""
    if _is_undecoded(args, kwargs):
        return list(args[0].raw()), []
    if is_plain([args, kwargs], _settings.limits, True) and not _settings.portable and not _registered():
        return [args, kwargs], []
    context = _context()
    tree, encoder = run([list(args), dict(kwargs)], context, "args", False)
    if encoder.way.graph:
        tree, types = _each_apart(args, kwargs, context)
        return list(tree), types
    return list(tree), [*encoder.types]


def _each_apart(args: Sequence[Any], kwargs: Dict[str, Any], context: EncodeContext) -> Tuple[Any, List[str]]:
    """Each argument by itself, where all of them together would be a graph, and no body."""
    types: List[str] = []
    seen: Dict[int, str] = {}
    kept: List[Encoder] = []

    def one(value: Any, path: str) -> Any:
        tree, encoder = run(value, context, path, False)
        for known in encoder.places:
            if known in seen:
                advice = f"it shares an object with {seen[known]}, and both are large: send them in one argument"
                raise EncodeError(refusals=[Refusal(path, "shared object", advice)])
            seen[known] = path
        kept.append(encoder)
        types.extend(encoder.types)
        return tree

    trees = [one(value, f"args[{at}]") for at, value in enumerate(args)]
    return [trees, {name: one(value, f"kwargs.{name}") for name, value in kwargs.items()}], types


def _dump_each(meta: Dict[str, Any]) -> str:
    """A result's meta data: each of its fields is a root of its own, and only the result has pointers."""
    trees = {name: run(value, _context(pointers=name == "result"), name, False)[0] for name, value in meta.items()}
    text = write(trees, True)
    check_bytes(text, _settings.limits, "the result")
    return text


def expect(body: Any, headers: MutableMapping[str, Any]) -> None:
    """Notes what this thread is about to send, so that its types get into the headers."""
    types = headers_of(headers.get("petiole")).get("types")
    _state.types = types if isinstance(types, list) and all(isinstance(each, str) for each in types) else ()
    mark(headers, [])
    _state.body, _state.headers = body, headers


#: Deeper headers, and longer integers in them, are nobody's.
_HEADER_LEVELS = 100
_HEADER_DIGITS = 300


def headers_of(text: Any) -> Dict[str, Any]:
    """What the header ``petiole`` says; nothing where it is none of ours."""
    if not isinstance(text, str):
        return {}
    try:
        said = json.loads(text, parse_int=integer_within(_HEADER_DIGITS))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) and not _is_deep(said) else {}


def _is_deep(tree: Any) -> bool:
    """Whether what is read here might be too deep to be written elsewhere."""
    level = [tree]
    for _ in range(_HEADER_LEVELS):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def mark(headers: MutableMapping[str, Any], types: Sequence[str]) -> None:
    """Writes the header ``petiole``; what a task that is sent again has in it is kept."""
    said = headers_of(headers.get("petiole"))
    said["wire"] = 1
    if types:
        said["types"] = list(types)
    else:
        said.pop("types", None)
    said.setdefault("sentAt", int(time.time() * 1000))
    headers["petiole"] = json.dumps(said, separators=(",", ":"))


# Reading.


def _others(name: str) -> Optional[Tag]:
    decoder = kombu_json._decoders.get(name)
    if decoder is None or _is_kombus(decoder):
        return None
    return Tag(name, "value", lambda content, _reading, _opened: decoder(content))


def loads(text: Any, **_options: Any) -> Any:
    """What a message's body stands for. Raises DecodeError for what is no JSON, and for tags outside of a task."""
    if isinstance(text, memoryview):
        text = text.tobytes()
    if isinstance(text, (bytes, bytearray)):
        try:
            text = bytes(text).decode("utf-8")
        except UnicodeDecodeError:
            raise DecodeError(path="body", expected="UTF-8", found="other bytes") from None
    limits = _settings.limits
    context = DecodeContext(registry, limits, True, _others)
    tree = parse_text(text, context, "body")
    if type(text) is _Call:
        args, kwargs, _ = Body([*tree, {}], text, context)
        if _is_undecoded(args, kwargs):
            _settings.guard()
        return args, kwargs
    if is_plain_text(text, limits):
        return tree
    if _is_body(tree):
        return Body(tree, text, context)
    if _is_meta(tree):
        return {name: _decode(value, context, name) for name, value in tree.items()}
    if _is_part(tree):
        return [*tree[:3], _decode(tree[3], context, "result")]
    return _decode(tree, context, "body")


def _decode(tree: Any, context: DecodeContext, root: str) -> Any:
    """What is no task's body: references stay references, and no row is asked for before somebody does."""
    return Decoder(tree, context, root).decode(_lazily(_settings.rows)._replace(row=None))


__all__ = ["Body", "PetioleError", "Rows", "Settings", "Undecoded", "configure", "dumps", "loads", "settings"]
