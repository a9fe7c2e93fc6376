from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST
from petiole import BigInt
from petiole.django import send_on_commit

from .models import Answer, Comment, IndexEntry, Question, Review
from .tasks import index
from .values import Money

#: For each word.
FEE = Money(BigInt(120_000), "EUR")


@require_GET
def page(request):
    return render(
        request,
        "qa/page.html",
        {
            "questions": Question.objects.prefetch_related("answers__comments"),
            "entries": IndexEntry.objects.order_by("model", "post_id"),
            "reviews": Review.objects.all(),
        },
    )


@require_POST
def ask(request):
    return _saved(Question(title=request.POST["title"], body=request.POST["body"]))


@require_POST
def answer(request, pk):
    return _saved(Answer(question=get_object_or_404(Question, pk=pk), body=request.POST["body"]))


@require_POST
def comment(request, pk):
    return _saved(Comment(answer=get_object_or_404(Answer, pk=pk), body=request.POST["body"]))


@require_POST
def edit(request, pk):
    row = get_object_or_404(Comment, pk=pk)
    row.body = request.POST["body"]
    return _saved(row)


def _saved(post):
    """Saves a post of any model, and has it indexed: after the commit, and not at all where there is none."""
    with transaction.atomic():
        post.save()
        send_on_commit(index, post=post, fee=FEE)
    return HttpResponseRedirect(f"/#{post._meta.model_name}-{post.pk}")
