"""Waiting for what should happen, with a limit and a sentence for when it does not."""

import asyncio
import inspect
import time

POLL = 0.02
"""Seconds between two looks at a condition."""

SHORT = 10.0
"""Seconds allowed for what the box does at once; generous, because the machine may be busy."""

LONG = 30.0
"""Seconds allowed for what includes a new connection, an encoder's start or a retry."""


async def until(condition, what, limit=SHORT):
    """Waits until `condition()` (plain or async) is truthy and returns its value.

    `what` is the sentence for when it does not happen, or a function that makes it then.
    """
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            sentence = what() if callable(what) else what
            raise AssertionError(f"within {limit:g} s this did not happen: {sentence}")
        await asyncio.sleep(POLL)


async def stays(condition, what, seconds):
    """Looks for `seconds` and fails as soon as `condition()` is falsy: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"this did not stay so for {seconds:g} s: {what}"
        await asyncio.sleep(POLL)
