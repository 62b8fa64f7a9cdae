"""All configuration in one frozen object, read once by `server.py` and `app/cli.py`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.errors import ConfigurationError

EMBEDDED_EMBEDDING_MODEL = "embedded:all-MiniLM-L6-v2"
EMBEDDED_EMBEDDING_MODELS = (EMBEDDED_EMBEDDING_MODEL, f"{EMBEDDED_EMBEDDING_MODEL}-fp32")
"""The first multiplies bytes, two to three times as fast; the second has the numbers of sentence-transformers."""
OPENAI_EMBEDDING_MODEL = "openai:text-embedding-3-large"
MODEL_RERANKER = "llm"
_PRICE = re.compile(r"(?P<model>[^\s=:]+:[^\s=]+)=(?P<read>\d+(?:\.\d+)?)/(?P<written>\d+(?:\.\d+)?)")
_WEB_ADDRESS = re.compile(r"https?://[^\s/]+")
CREDENTIALS = re.compile(r"//[^/@\s]*@")
"""Of an address that may be shown to others without them."""
_MILVUS_URI = re.compile(r"(https?|tcp)://[^\s/]+(/\S*)?|(?![a-z]+://).*\.db")
_RATE = re.compile(r"\s*[1-9]\d{0,14}\s*/\s*(\d{1,6}\s+)?(second|minute|hour|day|month)s?\s*")
DEFAULT_CHAT_MODEL = "openai:gpt-4o"
DEFAULT_OTLP_ENDPOINT = "http://127.0.0.1:4318"
"""Where a collector on the same machine listens by default."""
LogFormat = Literal["text", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def _bare(name: str) -> AliasChoices:
    """Read the conventional variable as well as the prefixed one: `OPENAI_API_KEY` is everybody's name for it."""
    return AliasChoices(name, f"LLMOPS_{name}")


class Settings(BaseSettings):
    """Environment variables, then `.env`, then these defaults. `docs/configuration.md` describes each for operators."""

    model_config = SettingsConfigDict(
        env_prefix="LLMOPS_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    # Models
    openai_api_key: SecretStr | None = Field(default=None, validation_alias=_bare("OPENAI_API_KEY"))
    openai_base_url: str | None = Field(default=None, validation_alias=_bare("OPENAI_BASE_URL"))
    use_demo_mode: bool | None = Field(default=None, validation_alias=_bare("USE_DEMO_MODE"))
    chat_model: str | None = None
    embedding_model: str | None = None
    embedding_threads: int = Field(default=2, ge=1, le=64)
    model_timeout_s: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    model_max_retries: int = Field(default=1, ge=0, le=10)
    max_answer_tokens: int = Field(default=4_096, ge=256)

    # Knowledge
    data_dir: Path = Path("data")
    database_url: str | None = None
    originals_url: str | None = None
    vector_store: Literal["faiss", "milvus"] = "faiss"
    milvus_uri: str | None = None
    milvus_token: SecretStr | None = None
    chunk_tokens: int = Field(default=200, ge=32, le=254)
    chunk_overlap_tokens: int = Field(default=30, ge=0)
    reranker: str | None = None
    top_k: int = Field(default=6, ge=1, le=50)

    # Limits
    max_upload_mb: int = Field(default=100, ge=1)
    max_question_chars: int = Field(default=8_000, ge=1)
    research_rounds: int = Field(default=1, ge=0, le=5)
    research_time_s: float = Field(default=30.0, ge=0, allow_inf_nan=False)
    research_tokens: int = Field(default=100_000, ge=0)
    max_batch: int = Field(default=64, ge=1)
    max_batch_questions: int = Field(default=1_000, ge=1)
    batch_concurrency: int = Field(default=2, ge=0, le=64)
    max_pages: int = Field(default=10_000, ge=1)
    parse_timeout_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    parse_memory_mb: int = Field(default=1_024, ge=128)
    ingestion_workers: int = Field(default=2, ge=0, le=64)
    request_timeout_s: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    body_timeout_s: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    shutdown_timeout_s: int = Field(default=25, ge=1)
    max_open_requests: int = Field(default=1_000, ge=1)
    max_running_questions: int = Field(default=200, ge=1)
    tenant_running_questions: int = Field(default=100, ge=1)
    rate_limit_requests: str | None = None
    rate_limit_tokens: str | None = None
    rate_limit_upload_bytes: str | None = None
    rate_limit_storage: str = "memory://"

    # As a client: of the commands with --server, and of the user interface
    api_key: SecretStr | None = None
    api_key_file: Path | None = None

    # Serving
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    api_keys_required: bool | None = None
    first_key_file: Path | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_tenant_claim: str = "tenant"
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    log_level: LogLevel = Field("INFO", validation_alias=_bare("LOG_LEVEL"))
    log_dir: Path = Path("logs")
    log_format: LogFormat = "text"
    metrics: bool = True
    model_prices: Annotated[dict[str, tuple[float, float]] | None, NoDecode] = None
    tracing: bool | None = None
    otlp_endpoint: str | None = Field(
        default=None, validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "LLMOPS_OTLP_ENDPOINT")
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(origin.strip() for origin in value.split(",") if origin.strip())
        return value

    @field_validator("model_prices", mode="before")
    @classmethod
    def _read_prices(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        found = [_PRICE.fullmatch(entry.strip()) for entry in value.split(",") if entry.strip()]
        if not all(found):
            raise ValueError(
                "must be written as provider:name=INPUT/OUTPUT, prices of a million tokens, for example "
                "openai:my-model=2/8, several separated by commas"
            )
        return {entry["model"]: (entry["read"], entry["written"]) for entry in found if entry}

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        """A wrong value stays as it was written, for the message that names it."""
        is_level = isinstance(value, str) and value.upper() in get_args(LogLevel)
        return str(value).upper() if is_level else value

    @field_validator("chat_model", "embedding_model")
    @classmethod
    def _has_provider(cls, value: str | None) -> str | None:
        if value is not None and not all(value.partition(":")):
            raise ValueError("must be written as provider:name, for example openai:gpt-4o")
        return value

    @field_validator("reranker")
    @classmethod
    def _is_import_path(cls, value: str | None) -> str | None:
        if value is not None and value != MODEL_RERANKER and not all(value.partition(":")):
            raise ValueError(
                f"must be {MODEL_RERANKER} or package.module:name of a LangChain document compressor"
            )
        return value

    @field_validator("milvus_uri")
    @classmethod
    def _is_milvus_uri(cls, value: str | None) -> str | None:
        if value is not None and not _MILVUS_URI.fullmatch(value):
            raise ValueError(
                "must be http://host:19530 or https://host of a Milvus server, or a file of Milvus Lite, *.db"
            )
        return value

    @field_validator("rate_limit_requests", "rate_limit_tokens", "rate_limit_upload_bytes")
    @classmethod
    def _is_rate(cls, value: str | None) -> str | None:
        if value is not None and not all(map(_RATE.fullmatch, value.split(";"))):
            raise ValueError("must be written as 600/minute or 20/second; 5000/hour")
        return value

    @field_validator("openai_base_url", "otlp_endpoint", "oidc_issuer", "cors_origins")
    @classmethod
    def _is_web_address(cls, value: Any) -> Any:
        for address in (value,) if isinstance(value, str) else value or ():
            if address != "*" and not _WEB_ADDRESS.match(address):
                raise ValueError(f"{address!r} must begin with http:// or https://")
        return value

    @model_validator(mode="after")
    def _demo_mode_has_alternative(self) -> Self:
        if self.use_demo_mode is False and not self.has_chat_model:
            raise ValueError(
                "USE_DEMO_MODE=false needs a chat model: set OPENAI_API_KEY or LLMOPS_CHAT_MODEL"
            )
        return self

    @model_validator(mode="after")
    def _tokens_have_audience(self) -> Self:
        if self.oidc_issuer is not None and self.oidc_audience is None:
            raise ValueError(
                "LLMOPS_OIDC_ISSUER needs LLMOPS_OIDC_AUDIENCE, or tokens for other services would open this one"
            )
        return self

    @model_validator(mode="after")
    def _milvus_has_address(self) -> Self:
        if self.vector_store == "milvus" and self.milvus_uri is None:
            raise ValueError("LLMOPS_VECTOR_STORE=milvus needs LLMOPS_MILVUS_URI")
        return self

    @model_validator(mode="after")
    def _overlap_below_size(self) -> Self:
        if self.chunk_overlap_tokens >= self.chunk_tokens:
            raise ValueError(
                f"LLMOPS_CHUNK_OVERLAP_TOKENS={self.chunk_overlap_tokens} must be smaller than "
                f"LLMOPS_CHUNK_TOKENS={self.chunk_tokens}"
            )
        return self

    @property
    def has_chat_model(self) -> bool:
        """A chat model counts as configured when a key is set or another provider was chosen explicitly."""
        return self.openai_api_key is not None or self.chat_model is not None

    @property
    def demo_mode(self) -> bool:
        return not self.has_chat_model if self.use_demo_mode is None else self.use_demo_mode

    @property
    def effective_chat_model(self) -> str:
        return self.chat_model or DEFAULT_CHAT_MODEL

    @property
    def effective_embedding_model(self) -> str:
        if self.embedding_model is not None:
            return self.embedding_model
        return EMBEDDED_EMBEDDING_MODEL if self.openai_api_key is None else OPENAI_EMBEDDING_MODEL

    @property
    def client_key(self) -> SecretStr | None:
        """What a client sends. Raises ConfigurationError: the file that should hold it cannot be read."""
        if self.api_key is not None or self.api_key_file is None:
            return self.api_key
        try:
            return SecretStr(self.api_key_file.read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"LLMOPS_API_KEY_FILE={str(self.api_key_file)!r}: {error}") from None

    @property
    def collects_traces(self) -> bool:
        return self.otlp_endpoint is not None if self.tracing is None else self.tracing

    @property
    def effective_otlp_endpoint(self) -> str:
        return self.otlp_endpoint or DEFAULT_OTLP_ENDPOINT

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'llmops.db'}"


def environment_name(field: str) -> str:
    """The variable that operators set for a field of `Settings`."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"LLMOPS_{field.upper()}"


def load_settings(**overrides: Any) -> Settings:
    """Read the configuration, or say in one line what is wrong with it.

    Raises:
        ConfigurationError: a variable has a value that is not accepted; the message names both.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigurationError("; ".join(_explain(issue) for issue in error.errors())) from None


def _explain(issue: Any) -> str:
    reason = str(issue["msg"]).removeprefix("Value error, ")
    if not issue["loc"]:
        return reason
    location = str(issue["loc"][0])
    # pydantic-settings reports an aliased field by its alias, any other by its field name.
    name = environment_name(location) if location in Settings.model_fields else location.upper()
    shown = "***" if "KEY" in name or name == "LLMOPS_MILVUS_TOKEN" else repr(issue["input"])
    shown = CREDENTIALS.sub("//***@", shown)
    return f"{name}={shown} is not accepted: {reason[0].lower()}{reason[1:]}"
