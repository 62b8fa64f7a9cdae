"""Configuration: what is read, what follows from what, and what a wrong value gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.errors import ConfigurationError
from app.settings import Settings, environment_name, load_settings


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_any_configuration_the_demo_engine_and_the_embedded_model_work() -> None:
    settings = load_settings()
    assert settings.demo_mode
    assert settings.effective_embedding_model == "embedded:all-MiniLM-L6-v2"
    assert settings.effective_database_url == "sqlite:///data/llmops.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


def test_a_key_turns_on_the_providers_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    settings = load_settings()
    assert not settings.demo_mode
    assert settings.effective_chat_model == "openai:gpt-4o"
    assert settings.effective_embedding_model == "openai:text-embedding-3-large"


def test_demo_mode_can_be_forced_despite_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("USE_DEMO_MODE", "true")
    assert load_settings().demo_mode


def test_a_chat_model_without_a_key_is_no_demo_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_CHAT_MODEL", "ollama:qwen3")
    assert not load_settings().demo_mode


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "LLMOPS_OPENAI_BASE_URL"])
def test_the_conventional_name_is_read_as_well_as_the_prefixed_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:11434/v1")
    assert load_settings().openai_base_url == "http://127.0.0.1:11434/v1"


def test_the_environment_wins_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("LLMOPS_TOP_K=9\nLLMOPS_PORT=9000\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("LLMOPS_PORT", "9001")
    settings = load_settings()
    assert (settings.top_k, settings.port) == (9, 9001)


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_TOP_K", "")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    settings = load_settings()
    assert settings.top_k == 6
    assert settings.demo_mode


def test_lists_are_written_with_commas_and_levels_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_CORS_ORIGINS", "https://a.example, https://b.example,")
    monkeypatch.setenv("LOG_LEVEL", "debug")
    settings = load_settings()
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.log_level == "DEBUG"


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("LLMOPS_PORT", "eighty", "integer"),
        ("LLMOPS_PORT", "70000", "65535"),
        ("LLMOPS_TOP_K", "0", "greater than or equal to 1"),
        ("LLMOPS_VECTOR_STORE", "pinecone", "faiss"),
        ("LLMOPS_MILVUS_URI", "milvus:19530", "http://host:19530"),
        ("LLMOPS_CHAT_MODEL", "gpt-4o", "provider:name"),
        ("LLMOPS_EMBEDDING_MODEL", "openai:", "provider:name"),
        ("USE_DEMO_MODE", "perhaps", "boolean"),
        ("LOG_LEVEL", "chatty", "WARNING"),
    ],
)
def test_a_wrong_value_is_one_line_with_variable_value_and_what_is_accepted(
    name: str, value: str, accepted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    message = str(caught.value)
    assert name in message
    assert repr(value.upper() if name == "LOG_LEVEL" else value) in message or repr(value) in message
    assert accepted in message
    assert "\n" not in message


def test_chunks_that_overlap_entirely_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_CHUNK_TOKENS", "64")
    monkeypatch.setenv("LLMOPS_CHUNK_OVERLAP_TOKENS", "64")
    with pytest.raises(ConfigurationError, match="LLMOPS_CHUNK_OVERLAP_TOKENS=64 must be smaller"):
        load_settings()


def test_a_key_shows_in_no_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    settings = load_settings()
    assert "sk-secret" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().port = 1


def test_every_field_has_a_variable_of_its_own() -> None:
    names = [environment_name(field) for field in Settings.model_fields]
    assert len(set(names)) == len(names)
    assert all(name.startswith("LLMOPS_") or name in _BARE for name in names)


_BARE = {"OPENAI_API_KEY", "OPENAI_BASE_URL", "USE_DEMO_MODE", "LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT"}


def test_a_wrong_level_is_shown_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")

    with pytest.raises(ConfigurationError, match="LOG_LEVEL='loud'"):
        load_settings()
