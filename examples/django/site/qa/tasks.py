"""What Python runs, and what it sends to TypeScript."""

from celery import shared_task

from .models import Comment, Review
from .values import Money


@shared_task(name="ts.index")
def index(post, fee):
    """A stub: ../../worker.ts runs it. CELERY_TASK_ROUTES sends it to the queue of TypeScript."""
    raise NotImplementedError


@shared_task(name="qa.review")
def review(flagged, comment: Comment, reward: Money):
    """Sent by ../../web.ts, when a comment is flagged there."""
    earned = reward.times(2 if flagged.fields["body"] != comment.body else 1)
    Review.objects.update_or_create(
        comment=comment,
        defaults={"said": flagged.fields["body"], "says": comment.body, "reward": str(earned)},
    )
    # The row goes back as a reference, the value as an instance.
    return {"comment": comment, "earned": earned}
