"""What the views of a site do, for the expressions of the tests."""

import datetime
import decimal
import uuid

import petiole
import petiole.django
from celery.exceptions import Ignore  # noqa: F401
from django.core import serializers  # noqa: F401
from django.db import transaction
from petiole import Lazy, Ref, Snapshot  # noqa: F401
from petiole.django import ref, send_on_commit, snapshot  # noqa: F401
from qa.models import Answer, Comment, Question
from qa.money import Money  # noqa: F401
from qa.tasks import index  # noqa: F401

BigInt = petiole.BigInt
WRITTEN = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)


def thread(comments=1):
    """A question with an answer and comments on it. The last comment."""
    question = Question.objects.create(title="Why?", body="the question", views=2**60 + 1, asked_at=WRITTEN)
    answer = Answer.objects.create(question=question, body="the answer")
    for number in range(comments):
        last = comment(answer, f"comment {number}")
    return last


def comment(answer, body):
    return Comment.objects.create(
        answer=answer,
        body=body,
        likes=2**60 + 1,
        tip=decimal.Decimal("12345678901234567890.1250"),
        written_at=WRITTEN,
        day=datetime.date(2026, 1, 2),
        token=uuid.UUID(int=7),
        picture=b"\x00\xff",
        tags=["a", {"b": None}],
    )


def edit(row, body):
    type(row)._base_manager.filter(pk=row.pk).update(body=body)
    return row


def in_transaction(commit):
    """A comment is written, a task is sent about it, it is edited, and then it is committed or not. The id."""
    try:
        with transaction.atomic():
            last = thread()
            identity = send_on_commit(index, post=last)
            edit(last, "edited before the commit")
            if not commit:
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    return identity


def meanwhile(reference_of, change):
    """A task is sent about a row to which something happens before it is run. Its result."""
    row = thread()
    with transaction.atomic():
        identity = send_on_commit(index, post=reference_of(row))
        change(row)
    return result(identity)


def later(reference_of):
    return meanwhile(reference_of, lambda row: edit(reference_of(row), "edited"))


def gone(**details):
    return meanwhile(lambda row: ref(row, **details), lambda row: row.delete())


def changed(fate):
    newer = Comment.objects.filter
    return meanwhile(lambda row: ref(row, if_changed=fate), lambda row: newer(pk=row.pk).update(revision=2))


def late():
    """A task waits for a row that is written after it was sent. Its result."""
    before = thread()
    number = before.pk + 1000
    sent = index.apply_async(kwargs={"post": Ref("qa.Comment", number, if_missing="wait")})
    before.pk = number
    before.body = "late"
    before.save(force_insert=True)
    return sent.get(timeout=20)


def result(identity, timeout=20):
    return index.AsyncResult(identity).get(timeout=timeout)
