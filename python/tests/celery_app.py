"""An app of Celery's, for a worker that is a program of its own."""

from __future__ import annotations

import os
from typing import Any

import celery
import wire_classes  # noqa: F401

import petiole.celery

app = celery.Celery("tests", broker=os.environ["TEST_REDIS"], backend=os.environ["TEST_REDIS"])
petiole.celery.setup(app)


@app.task(name="apart.kinds")
def kinds(*args: Any, **kwargs: Any) -> Any:
    return [[type(each).__name__ for each in args], args, kwargs]
