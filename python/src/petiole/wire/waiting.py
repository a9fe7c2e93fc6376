"""Which containers are whole: one that points at another, open still, waits for it. Encoder and decoder ask the same."""

from __future__ import annotations

from typing import Any, Optional, Protocol, TypeVar

C = TypeVar("C", bound="Waiting[Any]")


class Waiting(Protocol[C]):
    """A container that may point at others, of its own kind."""

    #: How deep it is nested.
    level: int
    #: All in it was gone through.
    done: bool
    #: The outermost that is open and that something in it points at.
    waits_for: Optional[C]


def wait(container: Waiting[C], on: Optional[C]) -> None:
    """Notes that something in a container points at another, whole or around it."""
    still_open = on
    while still_open is not None and still_open.done:
        still_open = still_open.waits_for
    if on is not None and on.done:
        on.waits_for = still_open
    before = container.waits_for
    if still_open is not None and (before is None or before.done or still_open.level < before.level):
        container.waits_for = still_open


def finish(container: Waiting[C], around: Optional[Waiting[C]]) -> bool:
    """Marks a container as done, and tells the one around it; whether all of it is whole."""
    container.done = True
    if container.waits_for is container:
        container.waits_for = None
    if around is not None:
        wait(around, container.waits_for)
    return container.waits_for is None or container.waits_for.done
