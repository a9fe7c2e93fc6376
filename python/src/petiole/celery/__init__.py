"""Celery tasks whose arguments and results are Python objects, exact in both languages.

::

    from celery import Celery
    import petiole.celery

    app = Celery("shop", broker="redis://")
    petiole.celery.setup(app)

Both sides of a queue must have this, TypeScript or Python, before values that plain Kombu does not know are sent; until
then, ``dialect="portable"`` writes only what it knows.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence

import kombu.serialization
from celery import signals

from ..errors import PetioleError
from ..wire import Limits
from .parking import Receiving, guard, parked_queue
from .serializer import Body, Rows, Settings, Undecoded, configure, dumps, expect, loads

__all__ = ["Body", "Rows", "Undecoded", "dumps", "loads", "parked_queue", "setup"]


def setup(
    app: Any,
    *,
    dialect: str = "exact",
    understands: Sequence[str] = (),
    limits: Optional[Limits] = None,
    rows: Optional[Rows] = None,
    park: bool = True,
    wait_for: float = 60,
) -> None:
    """Makes Kombu's JSON serializer ours, and the app's tasks fail when they cannot be decoded.

    To be called where the app is made, before it sends or works. The serializer is one for the process, as Kombu's own
    is; the options of the last call hold for it.

    :param app: the Celery app
    :param dialect: ``"exact"``: all that can travel. ``"portable"``: what a worker with plain Kombu reads, all else is
        refused when it is sent
    :param understands: in the portable dialect, the names beside Kombu's own that the other side was taught
    :param limits: bounds on one message
    :param rows: what knows of stored rows: ``petiole.django.rows()``
    :param park: whether the message of a task that cannot be decoded is kept in the queue ``<queue>.parked``
    :param wait_for: seconds that a task waits for a row that is missing, where its reference says ``wait``
    """
    if dialect not in ("exact", "portable"):
        raise PetioleError(f'dialect must be "exact" or "portable", received {dialect!r}.', code="ERR_OPTION_INVALID")
    if app.conf.task_serializer not in ("json", "application/json"):
        raise PetioleError(
            f"task_serializer must be json, and is {app.conf.task_serializer!r}: this package works through it.",
            code="ERR_OPTION_INVALID",
        )

    def guard_all(*_arguments: Any, **_options: Any) -> None:
        # Celery's own, too: a map, a chunk or a chord has the arguments of other tasks among its own.
        for task in list(app.tasks.values()):
            guard(task)

    is_portable = dialect == "portable"
    configure(Settings(limits or Limits(), is_portable, tuple(understands), rows or Rows(), park, wait_for, guard_all))
    register: Any = kombu.serialization.register
    register("json", dumps, loads, content_type="application/json", content_encoding="utf-8")
    if getattr(app, "_petiole", False):
        return
    app._petiole = True
    app.steps["consumer"].add(Receiving)
    if app.finalized:
        guard_all()
    app.on_after_finalize.connect(guard_all, weak=False)
    # Tasks may be registered after that, by modules that the worker imports.
    signals.worker_init.connect(guard_all, weak=False)
    signals.before_task_publish.connect(_before_publish, weak=False, dispatch_uid="petiole.celery")


def _before_publish(
    sender: Any = None, body: Any = None, headers: Any = None, properties: Any = None, **_options: Any
) -> None:
    if isinstance(headers, dict) and isinstance(body, tuple) and len(body) == 3:
        expect(body, headers)
