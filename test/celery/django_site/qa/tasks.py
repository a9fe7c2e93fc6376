"""The tasks that Python runs, and stubs of those that TypeScript runs."""

from celery import shared_task
from django.core import serializers
from petiole import Snapshot
from petiole.django import snapshot

from .models import Comment
from .money import Money
from .queries import queries


def described(row):
    if row is None:
        return None
    return {"model": row._meta.label, "pk": row.pk, "body": row.body, "adding": row._state.adding}


@shared_task(name="qa.read")
def read(**rows):
    """What arrived, and the tables that were asked for it."""
    asked = queries.asked()
    return {
        "tables": asked,
        "rows": {
            name: [described(each) for each in value] if isinstance(value, list) else described(value)
            for name, value in rows.items()
        },
    }


@shared_task(name="qa.same")
def same(one, several):
    return [each is one for each in several]


@shared_task(name="qa.exact")
def exact(comment):
    """The row's values, as Python's own."""
    return {
        "likes": comment.likes,
        "tip": comment.tip,
        "written_at": comment.written_at,
        "day": comment.day,
        "token": comment.token,
        "picture": bytes(comment.picture),
        "tags": comment.tags,
    }


@shared_task(name="qa.was")
def was(flagged, comment):
    """A row as it was, and as it is."""
    made = flagged.object()
    return {
        "kinds": [isinstance(flagged, Snapshot), isinstance(made, Comment), made._state.adding],
        "was": {"body": made.body, "likes": made.likes, "tip": made.tip, "written_at": made.written_at,
                "answer": made.answer_id, "picture": bytes(made.picture), "token": made.token},
        "is": comment.body,
    }


@shared_task(name="qa.restore")
def restore(flagged):
    return flagged.save().body


@shared_task(name="qa.snapshot")
def take_snapshot(comment):
    """A snapshot as a result, and what Django's own serializer makes of the row."""
    return {"snapshot": snapshot(comment), "django": serializers.serialize("json", [comment])}


@shared_task(name="qa.load")
def load(text):
    """Writes what Django's own deserializer reads."""
    saved = [each.save() or each.object.pk for each in serializers.deserialize("json", text)]
    return saved


@shared_task(name="qa.row")
def row(comment):
    return [comment, comment.answer]


@shared_task(name="qa.add_up")
def add_up(prices):
    total = prices[0]
    for price in prices[1:]:
        total = total.plus(price)
    return {"total": total, "kinds": [type(each) is Money for each in prices]}


@shared_task(name="qa.echo")
def echo(value):
    return {"value": value, "text": repr(value)}


def _stub(*_args, **_kwargs):
    raise NotImplementedError("TypeScript runs it")


index = shared_task(name="ts.index")(_stub)
