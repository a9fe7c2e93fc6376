"""The tables, which ../../tables.ts describes for TypeScript. Django makes and migrates them."""

from django.db import models
from django.utils import timezone


class Question(models.Model):
    title = models.CharField(max_length=200)
    body = models.TextField()


class Answer(models.Model):
    question = models.ForeignKey(Question, models.CASCADE, related_name="answers")
    body = models.TextField()


class Comment(models.Model):
    answer = models.ForeignKey(Answer, models.CASCADE, related_name="comments")
    body = models.TextField()
    written_at = models.DateTimeField(default=timezone.now)


class IndexEntry(models.Model):
    """Written by TypeScript: how many words a post has, and what their translation costs."""

    model = models.CharField(max_length=20)
    post_id = models.BigIntegerField()
    words = models.IntegerField()
    fee = models.CharField(max_length=50)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "post_id"], name="one_for_each_post")]


class Review(models.Model):
    """Written by Python: what a flagged comment said then, and what it said when it was reviewed."""

    comment = models.OneToOneField(Comment, models.CASCADE, primary_key=True)
    said = models.TextField()
    says = models.TextField()
    reward = models.CharField(max_length=50)
