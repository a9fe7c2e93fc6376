"""Celery as its documentation has it: Redis as broker and as backend, results kept."""

import os
import time

from celery import Celery

app = Celery("bench", broker=os.environ["BENCH_URL"], backend=os.environ["BENCH_URL"])
app.conf.update(worker_redirect_stdouts=False, broker_connection_retry_on_startup=True)
count = int(os.environ["BENCH_COUNT"])
ran = 0
began = 0.0


@app.task(name="bench.nothing")
def nothing(x, y):
    """Does nothing; the first and the last of its runs are told apart by the clock."""
    global ran, began
    ran += 1
    if ran == 1:
        began = time.perf_counter()
    if ran == count:
        print(f"took {(time.perf_counter() - began) * 1000}", flush=True)
