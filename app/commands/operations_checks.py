"""What `llmops doctor` looks at beside the models and the data: who may come in, and what operators see of it."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import TemporaryFile
from typing import Literal, TypeAlias

import httpx

from app.api.auth import is_loopback, require_way_in
from app.commands.keyring import is_valid
from app.knowledge.store import open_configured_store
from app.schemas import KeyInfo
from app.settings import Settings
from app.tenancy import DEFAULT_TENANT

Verdict: TypeAlias = tuple[Literal["ok", "warning"], str]

_COLLECTOR_S = 5
_PROTOBUF = {"content-type": "application/x-protobuf"}


def check_keys(settings: Settings) -> Verdict:
    """Raises ConfigurationError: the server would not start, for nobody could come in."""
    with open_configured_store(settings) as store:
        require_way_in(settings, store.keys())
        valid = [key for key in store.keys().all() if is_valid(key)]
    if settings.api_keys_required is False and not is_loopback(settings.host):
        return "warning", f"LLMOPS_API_KEYS_REQUIRED=false lets in whoever reaches {settings.host!r}"
    if not valid:
        return "ok", "none; callers on this machine need none, from elsewhere nobody comes in"
    tenants = sorted({key.tenant for key in valid})
    return (
        "ok",
        f"{len(valid)} valid, of {'the tenant' if len(tenants) == 1 else 'the tenants'} {', '.join(tenants)}",
    )


def check_logs(settings: Settings) -> Verdict:
    try:
        settings.log_dir.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=settings.log_dir):
            pass
    except OSError as error:
        return (
            "warning",
            f"nothing can be written to {str(settings.log_dir)!r} ({error.strerror}); LLMOPS_LOG_DIR",
        )
    return "ok", f"written to {str(settings.log_dir)!r}"


def check_metrics(settings: Settings) -> Verdict:
    """The alerts of `infra/monitoring` stand on them; Prometheus comes in as any other caller does."""
    if not settings.metrics:
        return "warning", "LLMOPS_METRICS=false, so no alert will ever fire"
    with open_configured_store(settings) as store:
        keys = store.keys().all()
    needs_key = settings.api_keys_required or not is_loopback(settings.host)
    if needs_key and settings.api_keys_required is not False and not _may_scrape(keys):
        return "warning", "no key lets Prometheus in: it takes the scope admin and the tenant default"
    return "ok", "on, at /metrics"


def check_traces(settings: Settings) -> Verdict:
    if not settings.collects_traces:
        return "ok", "off; OTEL_EXPORTER_OTLP_ENDPOINT names the collector that gets them"
    url = f"{settings.effective_otlp_endpoint.rstrip('/')}/v1/traces"
    try:
        status = httpx.post(url, content=b"", headers=_PROTOBUF, timeout=_COLLECTOR_S).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return "warning", f"no collector answers at {url} ({type(error).__name__}), so spans are lost"
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return "ok", f"{url} answers, to who sends OTEL_EXPORTER_OTLP_HEADERS"
    if status >= httpx.codes.BAD_REQUEST:
        return "warning", f"{url} answers {status}: this is no collector of traces"
    return "ok", f"{url} answers"


def _may_scrape(keys: Sequence[KeyInfo]) -> bool:
    return any(is_valid(key) and key.tenant == DEFAULT_TENANT and "admin" in key.scopes for key in keys)
