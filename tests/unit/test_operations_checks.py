"""The doctor sees whether anybody can come in, and whether operators would notice that something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.commands.operations_checks import check_keys, check_logs, check_metrics, check_traces
from app.errors import ConfigurationError
from app.knowledge.store import open_store
from app.principal import Scope
from app.settings import Settings
from tests.live import make_settings
from tests.stub_collector import StubCollector


def with_key(folder: Path, *scopes: Scope, tenant: str = "default", **overrides: Any) -> Settings:
    settings = make_settings(folder, **overrides)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        store.keys().create(name="x", tenant=tenant, scopes=scopes)
        store.keys().revoke(store.keys().create(name="y", tenant="gone", scopes=scopes).key_id)
    return settings


def test_on_this_machine_no_key_is_needed(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    assert check_keys(settings)[0] == "ok"
    assert check_metrics(settings) == ("ok", "on, at /metrics")


@pytest.mark.parametrize("reach", [{"host": "0.0.0.0"}, {"api_keys_required": True}])
def test_who_could_let_nobody_in_is_told(tmp_path: Path, reach: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="keys create"):
        check_keys(make_settings(tmp_path, **reach))


def test_who_lets_everybody_in_is_warned(tmp_path: Path) -> None:
    state, detail = check_keys(make_settings(tmp_path, host="0.0.0.0", api_keys_required=False))
    assert state == "warning"
    assert "0.0.0.0" in detail


def test_valid_keys_are_counted_by_tenant(tmp_path: Path) -> None:
    assert check_keys(with_key(tmp_path, "read", host="0.0.0.0")) == ("ok", "1 valid, of the tenant default")


@pytest.mark.parametrize(
    ("scopes", "tenant", "state"),
    [(("admin",), "default", "ok"), (("read",), "default", "warning"), (("admin",), "north", "warning")],
)
def test_prometheus_needs_a_key_of_the_operator(
    tmp_path: Path, scopes: tuple[Scope, ...], tenant: str, state: str
) -> None:
    settings = with_key(tmp_path, *scopes, tenant=tenant, api_keys_required=True)
    assert check_metrics(settings)[0] == state


def test_metrics_that_are_off_are_named(tmp_path: Path) -> None:
    assert "LLMOPS_METRICS" in check_metrics(make_settings(tmp_path, metrics=False))[1]


def test_a_log_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert check_logs(make_settings(tmp_path, log_dir=tmp_path / "new"))[0] == "ok"
    assert not list((tmp_path / "new").iterdir())
    state, detail = check_logs(make_settings(tmp_path, log_dir=tmp_path / "file" / "logs"))
    assert state == "warning"
    assert "LLMOPS_LOG_DIR" in detail


def test_a_collector_is_asked(tmp_path: Path) -> None:
    with StubCollector() as collector:
        there = make_settings(tmp_path, otlp_endpoint=collector.endpoint)
        assert check_traces(there)[0] == "ok"
    state, detail = check_traces(there)
    assert state == "warning"
    assert collector.endpoint in detail
    assert check_traces(make_settings(tmp_path))[0] == "ok"
