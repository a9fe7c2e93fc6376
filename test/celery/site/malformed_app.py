"""The site's app, with the task that malformed messages are of: it notes what it was run for."""

import os

from site_app import app, note


@app.task(name="ts.mark", bind=True)
def mark(self, *_, marker=None, **__):
    note(os.environ["MARKS"], f"{self.request.id} {marker}")
    return marker
