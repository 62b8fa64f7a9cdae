"""When work that can wait asks a model again: what hours of embedding do about a provider's rate limit.

A question does not wait like this; see `app.models.provider`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from app.errors import ModelRateLimited

T = TypeVar("T")

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_LONGEST_REQUESTED_PAUSE_S: Final = 600.0
MAX_ATTEMPTS: Final = 12
"""About eight minutes of waiting, when the provider does not say how long."""


def pause_before_retry(error: ModelRateLimited, attempt: int) -> float | None:
    """Seconds to wait after the failed `attempt`, counted from 1; None when there is no use in another one.

    The provider's `Retry-After` counts, otherwise the pause doubles. Each is made up to a quarter longer by chance, so
    that processes which were refused together do not come back together.
    """
    asked_for = error.retry_after_s or 0.0
    if error.is_final or attempt >= MAX_ATTEMPTS or asked_for > _LONGEST_REQUESTED_PAUSE_S:
        return None
    pause = max(asked_for, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (attempt - 1)))
    return pause * random.uniform(1.0, 1.25)  # noqa: S311  # chance, not secrecy  # nosec B311


def with_patience(
    call: Callable[[], T],
    *,
    on_pause: Callable[[float], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call until the provider's rate limit lets it through. Blocking; `on_pause` is told the seconds of each pause.

    Raises:
        ModelRateLimited: the limit did not let go, or is one that waiting does not lift.
    """
    attempt = 1
    while True:
        try:
            return call()
        except ModelRateLimited as error:
            pause = pause_before_retry(error, attempt)
            if pause is None:
                raise
        if on_pause is not None:
            on_pause(pause)
        sleep(pause)
        attempt += 1


def requested_pause(headers: Mapping[str, str]) -> float | None:
    """Seconds that a provider asks to wait: `Retry-After` holds seconds or a date, OpenAI adds milliseconds."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            return max(0.0, float(value) * unit_s)
        except ValueError:
            pass
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            continue
        # A date without a zone is in UTC.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return None
