"""Its models."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=50)


class Visible(models.Manager):  # type: ignore[type-arg]
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(hidden=False)


class Comment(models.Model):
    body = models.TextField()
    author = models.ForeignKey(Author, models.CASCADE, null=True, related_name="comments")
    at = models.DateTimeField(null=True)
    price = models.DecimalField(max_digits=9, decimal_places=2, null=True)
    data = models.JSONField(null=True)
    raw = models.BinaryField(null=True)
    version = models.IntegerField(default=1)
    hidden = models.BooleanField(default=False)

    objects = Visible()


class Token(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
