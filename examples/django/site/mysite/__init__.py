# So that shared_task uses this app, as Celery's guide to Django has it.
from .celery import app as celery_app

__all__ = ("celery_app",)
