"""The same site without the package petiole: Celery and Django as they are, with a stub of a task in TypeScript."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

import django
from celery import Celery, shared_task

app = Celery("site", broker=os.environ["BROKER"], backend=os.environ["BACKEND"])
app.config_from_object("django.conf:settings", namespace="CELERY")
django.setup()

from django.db import transaction  # noqa: E402
from qa.models import Comment  # noqa: E402


@shared_task(name="ts.echo")
def echo(value):
    raise NotImplementedError("TypeScript runs it")


def after_commit():
    """A task is sent about a row that is edited before the commit: by its key, which TypeScript looks up."""
    with transaction.atomic():
        row = Comment.objects.last()
        echo.delay_on_commit(value={"comment": row.pk})
        Comment.objects.filter(pk=row.pk).update(body="edited before the commit")
