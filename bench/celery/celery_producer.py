"""Celery's producer: `delay`, one task after the other."""

import sys
import time

from celery_app import app, count, nothing

# The connection and the producer are in their pools after the first.
nothing.delay(x=1, y=2)
print("ready", flush=True)
sys.stdin.readline()
began = time.perf_counter()
for _ in range(count):
    nothing.delay(x=1, y=2)
print(f"took {(time.perf_counter() - began) * 1000}", flush=True)
sys.stdin.readline()
