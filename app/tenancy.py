"""Whose something is. Collections, threads and runs are stored under names that say it, so that none can be confused.

Everything of the tenant `default` has its bare name: a knowledge base that never saw a key is wholly his. What belongs
to another is stored as `tenant/name`, and nobody outside ever sees that form.
"""

from __future__ import annotations

from typing import Final

DEFAULT_TENANT: Final = "default"
TENANT_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,31}$"
SEPARATOR: Final = "/"
_NAMES_NOTHING: Final = "\N{FULLWIDTH SOLIDUS}"


def stored_name(tenant: str, name: str) -> str:
    """The name under which a tenant's thing is stored.

    No name may hold the separator. One that does, because nobody has checked it yet, becomes one that nothing has.
    """
    own = name.replace(SEPARATOR, _NAMES_NOTHING)
    return own if tenant == DEFAULT_TENANT else f"{tenant}{SEPARATOR}{own}"


def plain_name(stored: str) -> str:
    """The name as its tenant knows it."""
    return stored.rpartition(SEPARATOR)[2]


def tenant_of(stored: str) -> str:
    return stored.rpartition(SEPARATOR)[0] or DEFAULT_TENANT
