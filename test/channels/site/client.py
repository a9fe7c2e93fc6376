"""A Python process with a channel layer: the lines are those of ../../celery/site/site_client.py."""

import asyncio
import os
import runpy
import sys
import threading
import time
import types

import django

django.setup()

from channels.layers import get_channel_layer  # noqa: E402

layer = get_channel_layer()
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


def run(coroutine, timeout=20):
    """Runs it in the one event loop of this process."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout)


def send_to(channel, **message):
    run(layer.send(channel, message))


def until_accepted(channel, count, between):
    """Sends so many messages, each until it is accepted."""
    for number in range(count):
        while True:
            try:
                send_to(channel, type="x", **{"from": "pythons", "number": number})
                break
            except Exception:
                time.sleep(0.05)
        time.sleep(between)


def receive(channel, timeout=20):
    return run(asyncio.wait_for(layer.receive(channel), timeout))


def ask(channel, timeout=20, **message):
    """Sends a message with a channel of this process to answer to, and waits for the answer."""
    reply = run(layer.new_channel())
    send_to(channel, reply=reply, **message)
    return receive(reply, timeout)


def joined(group):
    """A channel of this process that is in a group."""
    channel = run(layer.new_channel())
    run(layer.group_add(group, channel))
    return channel


def tell(group, **message):
    run(layer.group_send(group, message))


site = types.ModuleType("site_app")
vars(site).update(
    {name: value for name, value in globals().items() if not name.startswith("_")},
    app=None,
)
sys.modules["site_app"] = site
runpy.run_path(os.path.join(os.path.dirname(__file__), "../../celery/site/site_client.py"))
