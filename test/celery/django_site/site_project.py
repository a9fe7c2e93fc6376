"""The site's Celery, as a Django project has it: `celery -A site_project worker`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

import petiole.celery
import petiole.django
from celery import Celery

app = Celery("site", broker=os.environ["BROKER"], backend=os.environ["BACKEND"])
app.conf.update(
    task_routes={"ts.*": {"queue": "ts"}},
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    imports=["qa.tasks"],
)
petiole.celery.setup(
    app,
    rows=petiole.django.rows(
        versions={"qa.Comment": "revision"},
        # What the properties of the tables in TypeScript are called.
        fields={
            "qa.Question": {"askedAt": "asked_at"},
            "qa.Answer": {"questionId": "question"},
            "qa.Comment": {"answerId": "answer", "writtenAt": "written_at"},
        },
    ),
)
