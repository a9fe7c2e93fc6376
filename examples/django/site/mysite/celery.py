"""The site's Celery. A worker: celery -A mysite worker -Q python"""

import os

import petiole.celery
import petiole.django
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

app = Celery("mysite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

petiole.celery.setup(
    app,
    rows=petiole.django.rows(
        # In snapshots: what the properties of the tables are called in TypeScript, and the fields here.
        fields={
            "qa.Answer": {"questionId": "question"},
            "qa.Comment": {"answerId": "answer", "writtenAt": "written_at"},
        },
    ),
)
