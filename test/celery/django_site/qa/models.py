"""What both languages have: these tables are described in tables.ts, too."""

from django.db import models
from django.utils import timezone


class Question(models.Model):
    title = models.CharField(max_length=200)
    body = models.TextField()
    views = models.BigIntegerField(default=0)
    asked_at = models.DateTimeField(default=timezone.now)


class Answer(models.Model):
    question = models.ForeignKey(Question, models.CASCADE, related_name="answers")
    body = models.TextField()


class Comment(models.Model):
    answer = models.ForeignKey(Answer, models.CASCADE, related_name="comments")
    body = models.TextField()
    likes = models.BigIntegerField(default=0)
    tip = models.DecimalField(max_digits=30, decimal_places=4, null=True)
    written_at = models.DateTimeField(default=timezone.now)
    day = models.DateField(null=True)
    token = models.UUIDField(null=True)
    picture = models.BinaryField(null=True)
    tags = models.JSONField(default=list)
    revision = models.IntegerField(default=1)
