"""Whose work this is: what each log line, span and audit record of a request says of it.

A value of this kind is a context variable here and an entry in `LOGGED`, and nothing else: it goes along into runs and
pools by itself.
"""

from __future__ import annotations

from contextvars import Context, ContextVar
from typing import Final

request_id: ContextVar[str] = ContextVar("request_id", default="-")
run_id: ContextVar[str] = ContextVar("run_id", default="-")
thread_id: ContextVar[str] = ContextVar("thread_id", default="-")
actor: ContextVar[str] = ContextVar("actor", default="local")
"""Who asked for it: the name of a key, or `local` where nobody has to say who they are."""
identity: ContextVar[str] = ContextVar("identity", default="-")
"""Which key or which user of an identity provider that was; names are chosen, and two may choose the same."""
tenant: ContextVar[str] = ContextVar("tenant", default="-")

LOGGED: Final = (request_id, run_id, thread_id, tenant)
"""What every log line names."""
_GOES_ALONG: Final[tuple[ContextVar[str], ...]] = (*LOGGED, actor, identity)


def logged() -> dict[str, str]:
    """The fields of a log line by their names."""
    return {variable.name: variable.get() for variable in LOGGED}


def carry_into(context: Context) -> None:
    """Let what runs in another context know whose work it does."""
    for variable in _GOES_ALONG:
        context.run(variable.set, variable.get())
