"""Who sends a request, and what he may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from app.tenancy import DEFAULT_TENANT, stored_name

Scope = Literal["read", "write", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("read", "write", "admin")
"""To look and to ask; to add, change and delete documents; to give out keys and to see how the service is run."""


@dataclass(frozen=True, slots=True)
class Principal:
    """`name` is for logs; `key_id` or `subject` tells the key or the user of an identity provider.

    A scope includes no other: a key that only writes cannot read what is there.
    """

    tenant: str
    name: str
    scopes: frozenset[Scope]
    key_id: str | None = None
    subject: str | None = None
    expires_at: datetime | None = None
    """When his key ends, if it does."""

    @property
    def identity(self) -> str | None:
        """Whom limits are counted by; None for who is known by nothing but his address."""
        if self.key_id is not None:
            return f"key {self.key_id}"
        return None if self.subject is None else f"user {self.subject}"

    @property
    def is_operator(self) -> bool:
        """Whether he administers the service as a whole, and not one tenant alone."""
        return self.tenant == DEFAULT_TENANT and "admin" in self.scopes

    def stored(self, name: str) -> str:
        """The name under which his collection, thread or run is stored."""
        return stored_name(self.tenant, name)


LOCAL: Final = Principal(DEFAULT_TENANT, "local", frozenset(SCOPES))
"""Who sits at this machine, or any caller where the operator has said that no keys are needed."""
