"""Sending after the commit."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any, Dict, Iterator, Optional

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction

from ..errors import ModelError


def send_on_commit(
    task: Any, *args: Any, using: Optional[str] = None, options: Optional[Dict[str, Any]] = None, **kwargs: Any
) -> str:
    """Sends a task once the transaction is committed, and returns its id at once.

    Nothing is sent when the transaction is rolled back; without a transaction it is sent now. What cannot travel is
    refused here, and not after the commit. A broker that cannot be reached after the commit is an error of that
    request: the rows are there, and the task is not.

    :param task: a task of Celery's, or a signature without arguments of its own
    :param using: the database whose transaction it is; that of the rows among the arguments unless told
    :param options: as ``apply_async`` has them: ``{"queue": "mail", "countdown": 5}``
    """
    given = dict(options or {})
    identity: str = given.pop("task_id", None) or str(uuid.uuid4())
    alias = using or _alias_of([args, kwargs])
    _refuse_early(task, args, kwargs, given)
    send = partial(task.apply_async, args, kwargs, task_id=identity, **given)
    transaction.on_commit(send, using=alias)
    return identity


def _refuse_early(task: Any, args: Any, kwargs: Any, options: Dict[str, Any]) -> None:
    from ..celery.serializer import dumps

    body = (args, kwargs, {"callbacks": None, "errbacks": None, "chain": None, "chord": None})
    name = _serializer_of(task, options)
    if name in ("json", "application/json"):
        dumps(body)
    else:
        import kombu.serialization

        kombu.serialization.registry.dumps(body, name)


def _serializer_of(task: Any, options: Dict[str, Any]) -> str:
    """The serializer that a task will be sent with: told here, by its signature, by itself or by its app."""
    told = options.get("serializer")
    if not told and isinstance(task, dict):
        signature: Any = task
        told = (signature.get("options") or {}).get("serializer")
        try:
            task = signature.type
        except LookupError:
            # A task that only the other side has.
            told = told or signature.app.conf.task_serializer
    return str(told or getattr(task, "serializer", None) or "json")


def _alias_of(values: Any) -> str:
    """The database of the rows in some values, of those that are in a transaction."""
    found = {row._state.db or DEFAULT_DB_ALIAS for row in _rows_in(values)}
    pending = {alias for alias in found if connections[alias].in_atomic_block} or found
    if len(pending) > 1:
        names = ", ".join(sorted(pending))
        raise ModelError(
            f"The rows are in several databases, {names}: say whose commit is waited for, using=…",
            code="ERR_OPTION_INVALID",
        )
    return pending.pop() if pending else DEFAULT_DB_ALIAS


def _rows_in(values: Any) -> Iterator[models.Model]:
    stack = [values]
    seen = set()
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, models.Model):
            yield value
        elif isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack.extend(value)
