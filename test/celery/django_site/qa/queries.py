"""Which tables were asked for, since the task before."""

import re

from celery.signals import task_postrun
from django.db.backends.signals import connection_created


class Queries:
    def __init__(self):
        self._asked = []

    def asked(self):
        return sorted(self._asked)

    def forget(self, **_signal):
        self._asked.clear()

    def watch(self, connection, **_signal):
        # Once, however often it connects.
        if self._note not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._note)

    def _note(self, execute, sql, params, many, context):
        found = re.match(r'SELECT .* FROM "(\w+)"', sql)
        if found:
            self._asked.append(found.group(1))
        return execute(sql, params, many, context)


queries = Queries()
connection_created.connect(queries.watch, weak=False)
task_postrun.connect(queries.forget, weak=False)
