"""Rows of Django's in Celery tasks: model instances travel as references, and arrive as the rows as they are then.

::

    petiole.celery.setup(app, rows=petiole.django.rows())
    notify.delay(comment)                                   # a reference, qa.Comment 7
    petiole.django.send_on_commit(notify, comment)          # after the commit; the id at once
"""

from __future__ import annotations

from .rows import DjangoRows, ref, rows, snapshot
from .sending import send_on_commit

__all__ = ["DjangoRows", "ref", "rows", "send_on_commit", "snapshot"]
