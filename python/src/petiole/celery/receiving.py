"""Whether a message is a task of Celery's: what Celery itself finds out by an error that ends its worker.

Looked at before Celery looks, and only at what it relies on: headers of others, and those that it does not read, may be
anything.
"""

from __future__ import annotations

import json
import math
import pickle
from typing import Any, Dict, List, Mapping

from celery.canvas import Signature
from kombu.exceptions import ContentDisallowed
from kombu.exceptions import DecodeError as KombuDecodeError

from ..errors import DecodeError, describe
from .serializer import Body, ReceivedArgs, ReceivedKwargs

#: An older form of a message goes to the process that runs the task as a pickle, which recurses.
_PICKLED_LEVELS = 100

#: Other serializers than JSON give tuples.
_ARRAYS = (list, tuple)

#: The parts of a body's third part that are lists of signatures.
_LISTS = ("callbacks", "errbacks", "chain")


def check(message: Any) -> None:
    """Raises :class:`DecodeError` for a message that is no task.

    Text that cannot be decoded, and content that is not accepted, are left to Celery, which has names for them.
    """
    headers = message.headers
    if not isinstance(headers, dict):
        raise _wrong("headers", "an object", headers)
    _content(message)
    try:
        payload = message.payload
    except (KombuDecodeError, ContentDisallowed):
        # Which task it is of, and whose, is told with them.
        if "task" in headers:
            _names(headers)
        return
    if isinstance(payload, dict) and ("args" if "task" in headers else "task") in payload:
        # An older form: all in one object, and what the headers have instead.
        _head({**payload, **headers})
        _whole(payload)
        if message.content_type == "application/json":
            _pickled(message.body, payload)
    elif "task" in headers:
        _head(headers)
        _body(payload)
        if type(payload) is list:
            args, kwargs, embed = payload
            message._decoded_cache = [ReceivedArgs(args), ReceivedKwargs(kwargs), embed]
    else:
        raise _wrong("headers.task", "the name of a task", None)


def embed_of(message: Any) -> Dict[str, Any]:
    """The callbacks and the chord of a message; none where its body, or its group, is too wrong to tell."""
    try:
        payload = message.payload
        if type(payload) is Body:
            embed: Any = payload.tree_of_embed()
        elif isinstance(payload, _ARRAYS):
            embed = payload[2] if len(payload) == 3 else None
        else:
            embed = {name: payload.get(name) for name in (*_LISTS, "chord")}
        _embed(embed)
        _group(message.headers)
    except Exception:  # noqa: BLE001 - there are none that could be told
        return {}
    return {name: embed[name] for name in (*_LISTS, "chord") if embed and embed.get(name)}


def _content(message: Any) -> None:
    kind, encoding = message.content_type, message.content_encoding
    if not isinstance(kind, str) or not kind:
        raise _wrong("content_type", "one of a task's", kind)
    if encoding is not None and not isinstance(encoding, str):
        raise _wrong("content_encoding", "text", encoding)


def _names(head: Mapping[str, Any], where: str = "headers") -> None:
    for name in ("task", "id"):
        if not isinstance(head.get(name), str) or not head[name]:
            raise _wrong(f"{where}.{name}", "text", head.get(name))


def _head(head: Mapping[str, Any]) -> None:
    _names(head)
    if head.get("retries") is not None and not _is_int(head["retries"]):
        raise _wrong("headers.retries", "an integer", head["retries"])
    _group(head)
    if head.get("shadow") and not isinstance(head["shadow"], str):
        raise _wrong("headers.shadow", "text", head["shadow"])
    limits = head.get("timelimit")
    if limits and not (isinstance(limits, (list, tuple)) and len(limits) == 2 and all(map(_is_limit, limits))):
        raise _wrong("headers.timelimit", "two numbers of seconds, or null", limits)
    _stamps(head.get("stamped_headers") or [], head.get("stamps") or {})


def _group(head: Mapping[str, Any]) -> None:
    if head.get("group") is not None and not isinstance(head["group"], str):
        raise _wrong("headers.group", "text", head["group"])
    if head.get("group_index") is not None and not _is_int(head["group_index"]):
        raise _wrong("headers.group_index", "an integer", head["group_index"])


def _stamps(names: Any, stamps: Any) -> None:
    if not isinstance(names, _ARRAYS) or not all(isinstance(name, str) for name in names):
        raise _wrong("headers.stamped_headers", "names", names)
    if not isinstance(stamps, dict):
        raise _wrong("headers.stamps", "an object", stamps)
    for name in names:
        if name not in stamps:
            raise _wrong(f"headers.stamps.{name}", "the stamp that stamped_headers names", None)


def _body(payload: Any) -> None:
    if type(payload) is Body:
        return _embed(payload.tree_of_embed())
    if not isinstance(payload, _ARRAYS) or len(payload) != 3:
        raise _wrong("body", "args, kwargs and an object of callbacks", payload)
    args, kwargs, embed = payload
    _arguments(args, kwargs)
    _embed(embed)


def _whole(payload: Dict[str, Any]) -> None:
    _arguments(payload.get("args", []), payload.get("kwargs", {}))
    _embed({name: payload.get(name) for name in (*_LISTS, "chord")})


def _pickled(text: Any, payload: Any) -> None:
    level: List[Any] = [json.loads(text)]
    for _ in range(_PICKLED_LEVELS):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            break
    else:
        raise _wrong("body", f"at most {_PICKLED_LEVELS} levels in this form of a message", "more")
    try:
        pickle.dumps(payload)
    except Exception as error:
        raise _wrong("body", "what can be pickled, in this form of a message", error) from error


def _arguments(args: Any, kwargs: Any) -> None:
    if not isinstance(args, _ARRAYS):
        raise _wrong("args", "an array", args)
    if not isinstance(kwargs, dict):
        raise _wrong("kwargs", "an object", kwargs)


def _embed(embed: Any) -> None:
    if embed is None:
        return
    if not isinstance(embed, dict):
        raise _wrong("embed", "an object of callbacks", embed)
    for name in _LISTS:
        signatures = embed.get(name)
        if signatures is None:
            continue
        if not isinstance(signatures, _ARRAYS):
            raise _wrong(f"embed.{name}", "an array of signatures", signatures)
        for at, signature in enumerate(signatures):
            _signature(signature, f"embed.{name}[{at}]")
    if embed.get("chord") is not None:
        _signature(embed["chord"], "embed.chord")


def _signature(signature: Any, path: str) -> None:
    if not isinstance(signature, dict):
        raise _wrong(path, "a signature", signature)
    if not isinstance(signature.get("task"), str) or not signature["task"]:
        raise _wrong(f"{path}.task", "text", signature.get("task"))
    parts: Any = (("args", _ARRAYS, "an array"), ("kwargs", dict, "an object"), ("options", dict, "an object"))
    for name, kind, said in parts:
        part = signature.get(name)
        if part is not None and not isinstance(part, kind):
            raise _wrong(f"{path}.{name}", said, part)
    known: List[Any] = list(Signature.TYPES)
    if signature.get("subtask_type") and signature["subtask_type"] not in known:
        raise _wrong(f"{path}.subtask_type", "one of Celery's", signature["subtask_type"])


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_limit(value: Any) -> bool:
    return value is None or _is_int(value) or (isinstance(value, float) and math.isfinite(value))


def _wrong(path: str, expected: str, found: Any) -> DecodeError:
    return DecodeError(path=path, expected=expected, found="nothing" if found is None else describe(found))
