"""The key of an installation that starts by itself: containers have nobody who runs `llmops keys create` first."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from app.errors import ConfigurationError
from app.knowledge.keys import ApiKeys, new_key
from app.knowledge.new_file import write_unless_there
from app.principal import SCOPES
from app.settings import Settings
from app.tenancy import DEFAULT_TENANT

NAME: Final = "first"
"""What lists of keys call it."""


def admit_first_key(settings: Settings, keys: ApiKeys) -> str | None:
    """Accept the key in `LLMOPS_FIRST_KEY_FILE`, and make one where there is no such file.

    Several processes may do so at once. A key that has been revoked stays so.

    Returns:
        The id of a key that was not known before; None otherwise.

    Raises:
        ConfigurationError: the file can be neither read nor made, or holds no key.
    """
    file = settings.first_key_file
    if file is None:
        return None
    try:
        key = _read_or_make(file)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"LLMOPS_FIRST_KEY_FILE={str(file)!r}: {error}") from None
    try:
        return keys.admit(key, name=NAME, tenant=DEFAULT_TENANT, scopes=SCOPES)
    except ValueError as error:
        raise ConfigurationError(f"LLMOPS_FIRST_KEY_FILE={str(file)!r}: {error}") from None


def _read_or_make(file: Path) -> str:
    if not file.exists():
        write_unless_there(file, new_key() + "\n")
    return file.read_text().strip()
