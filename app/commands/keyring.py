"""`llmops keys`: who may come in over the network, without a running server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import typer
from pydantic import ValidationError

from app.api.problems import explain_validation
from app.commands.auditing import note
from app.commands.output import printable, show_columns, show_json
from app.errors import InvalidRequest
from app.knowledge.keys import ApiKeys
from app.knowledge.store import open_configured_store
from app.principal import SCOPES
from app.schemas import KeyInfo, KeyList, NewKey
from app.settings import load_settings
from app.tenancy import DEFAULT_TENANT


@contextmanager
def _keys() -> Iterator[ApiKeys]:
    settings = load_settings()
    with open_configured_store(settings) as store:
        yield store.keys()


def create(name: str, *, tenant: str, scopes: str, days: int | None, as_json: bool) -> None:
    """Print the key and nothing else to standard output, so that it can be piped to where it is kept."""
    chosen = _read_scopes(scopes)
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    try:
        asked = NewKey.model_validate(
            {"name": name, "tenant": tenant, "scopes": chosen, "expires_at": expires}
        )
    except ValidationError as error:
        raise InvalidRequest(explain_validation(error.errors())) from None
    with _keys() as keys:
        created = keys.create(
            name=asked.name,
            tenant=asked.tenant or DEFAULT_TENANT,
            scopes=asked.scopes,
            expires_at=asked.expires_at,
        )
    note("create", "key", created.key_id, of=created.tenant, scopes=list(created.scopes))
    if as_json:
        show_json(created)
        return
    typer.echo(created.key)
    typer.echo(
        f"id {created.key_id}, tenant {created.tenant}, scopes {', '.join(created.scopes)}; "
        "this is the only time that it is shown",
        err=True,
    )


def _read_scopes(written: str) -> list[str]:
    """Raises InvalidRequest: it names a scope that there is not, or none."""
    chosen = [scope.strip() for scope in written.split(",") if scope.strip()]
    wrong = [scope for scope in chosen if scope not in SCOPES]
    if wrong or not chosen:
        what = f"{', '.join(map(repr, wrong))} is not accepted" if wrong else "none is named"
        raise InvalidRequest(f"--scopes: {what}; there are {', '.join(SCOPES)}, several separated by commas")
    return chosen


def list_keys(*, as_json: bool) -> None:
    with _keys() as keys:
        found = keys.all()
    if as_json:
        show_json(KeyList(keys=found))
        return
    heading = ("ID", "TENANT", "SCOPES", "STATE", "LAST USED (UTC)", "NAME")
    rows = [
        (key.key_id, key.tenant, ",".join(key.scopes), _state(key), _moment(key.last_used_at), key.name)
        for key in found
    ]
    show_columns([heading, *rows])


def revoke(key_id: str, *, as_json: bool) -> None:
    with _keys() as keys:
        revoked = keys.revoke(key_id)
    note("revoke", "key", revoked.key_id, of=revoked.tenant)
    if as_json:
        show_json(revoked)
    else:
        typer.echo(f"revoked {revoked.key_id} ({printable(revoked.name)})")


def is_valid(key: KeyInfo) -> bool:
    """Whether it opens anything now."""
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > datetime.now(UTC))


def _state(key: KeyInfo) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "valid"
    return "ended" if key.expires_at <= datetime.now(UTC) else f"until {key.expires_at:%Y-%m-%d}"


def _moment(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
