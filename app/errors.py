"""Every deliberate error of the service, sorted by who has to act.

LlmopsError
├── ConfigurationError          the operator: a setting, or data built with other settings
│   └── EmbeddingModelMismatch
├── StorageUnavailable          the operator: the disk is full, or the database does not answer
│   └── VectorsUnavailable      the operator: the engine for vectors does not answer; searches go by words alone
├── Overloaded                  the operator: more is asked for than the service can carry
├── IdentityProviderUnreachable the operator: the identity provider cannot be asked
├── ServerUnreachable           the operator: the server that a command was told to use does not answer
├── LeaseLost                   nobody: another worker, or nobody, goes on with the document
├── RequestError                the caller: the request cannot be carried out as it stands
│   ├── InvalidRequest, SpanOutsideText
│   ├── Unauthenticated, Forbidden, TooManyRequests
│   ├── NotFound
│   │   ├── UnknownCollection, UnknownDocument, UnknownPage, UnknownThread, UnknownRun, UnknownAgent,
│   │   │   UnknownModel, UnknownJob, UnknownEvaluation, UnknownKey, UnknownTenant, NoWaitingPlan
│   │   └── NoPageImage, MissingOriginal
│   ├── IdempotencyKeyReused
│   ├── ThreadBusy, DocumentBusy, NothingToResume, CollectionExists
│   ├── BodyTooLarge, SlowBody, ForeignOrigin, ForeignHost
│   ├── UnusableBackup
│   └── RunTimeout
├── UnreadableDocument          the caller: this file cannot become a document
│   ├── EmptyDocument, UnsupportedFormat, CorruptDocument, EncryptedDocument
│   ├── UnknownEncoding, NeedsOcr, DocumentTooComplex
└── ModelError                  the provider of a model: the demo engine answers instead
    ├── ModelUnavailable, ModelRateLimited, ModelTimeout, ModelMisbehaved, ModelContextExceeded

Each class carries its HTTP `status` and a stable machine-readable `code`; both are part of the public contract.
A foreign exception becomes one of these where a file is read or a model is called, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class LlmopsError(Exception):
    """Base of every error that the service raises on purpose; `str(error)` is safe to show to the caller."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong"
    headers: Mapping[str, str] = {}
    """What the answer over HTTP says beside its body."""

    @property
    def detail(self) -> str:
        return str(self) or self.title


class ConfigurationError(LlmopsError):
    """A setting is wrong; the message is one line that names it, its value and what is accepted."""

    code = "configuration_error"
    title = "The service is misconfigured"


class EmbeddingModelMismatch(ConfigurationError):
    """The knowledge base was built with another embedding model than the configured one."""

    status = 503
    code = "embedding_model_mismatch"
    title = "The knowledge base was built with another embedding model"


class StorageUnavailable(LlmopsError):
    """Nothing was stored or read; the same request may succeed later."""

    status = 503
    code = "storage_unavailable"
    title = "The storage cannot be used at the moment"


class VectorsUnavailable(StorageUnavailable):
    """The engine that searches vectors, where it is not in this process, does not answer or is still being filled."""

    code = "vectors_unavailable"
    title = "The vectors cannot be searched at the moment"


class Overloaded(LlmopsError):
    """Refused at once instead of waiting with all the others; it may succeed a moment later."""

    status = 503
    code = "overloaded"
    title = "The service has more to do than it can carry"
    headers: Mapping[str, str] = {"retry-after": "1"}


class IdentityProviderUnreachable(LlmopsError):
    """Whether a token is good cannot be told at the moment, so it is not accepted."""

    status = 503
    code = "identity_provider_unreachable"
    title = "The identity provider cannot be reached"


class ServerUnreachable(LlmopsError):
    """No server answers at the address that the command was given, or not as one of ours."""

    status = 502
    code = "server_unreachable"
    title = "The server cannot be reached"


class LeaseLost(LlmopsError):
    """The document was deleted, cancelled or taken over while this worker had it; what it did last changed nothing."""

    status = 409
    code = "lease_lost"
    title = "The document is not this worker's any more"


class RequestError(LlmopsError):
    status = 400
    code = "bad_request"
    title = "The request cannot be carried out"


class InvalidRequest(RequestError):
    status = 422
    code = "invalid_request"
    title = "The request is not valid"


class Unauthenticated(RequestError):
    """The caller gave no credentials where some are needed, or such as are not accepted."""

    status = 401
    code = "unauthenticated"
    title = "The service needs to know who is asking"
    headers: Mapping[str, str] = {
        "www-authenticate": 'Basic realm="llmops", charset="UTF-8", Bearer realm="llmops"'
    }
    """Both ways to come in; browsers ask their users by Basic, Chromium only where that stands first."""


class Forbidden(RequestError):
    """The caller is known, and may not do this."""

    status = 403
    code = "forbidden"
    title = "The caller may not do this"


class TooManyRequests(RequestError):
    """The caller has used up what he may have; `retry_after_s` until some of it is there again."""

    status = 429
    code = "too_many_requests"
    title = "The caller has asked for too much"

    def __init__(self, detail: str = "", *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.headers = {"retry-after": str(retry_after_s)}


class SpanOutsideText(RequestError):
    """The text of the document ends before the part of it that was asked for begins."""

    status = 416
    code = "span_outside_text"
    title = "The text has no such part"


class BodyTooLarge(RequestError):
    status = 413
    code = "body_too_large"
    title = "The body is larger than allowed"


class SlowBody(RequestError):
    status = 408
    code = "slow_body"
    title = "The body was sent too slowly"


class ForeignOrigin(RequestError):
    """A page of another web site is calling from somebody's browser."""

    status = 403
    code = "foreign_origin"
    title = "Pages of this origin may not call this address"


class ForeignHost(RequestError):
    """The request was sent to a name that is not this server's; somebody may have made it point here (rebinding)."""

    status = 421
    code = "foreign_host"
    title = "This server does not answer under this name"


class UnusableBackup(RequestError):
    """The file is no backup, or not a whole one, or holds what no backup of ours holds."""

    status = 422
    code = "unusable_backup"
    title = "The backup cannot be restored"


class ThreadBusy(RequestError):
    status = 409
    code = "thread_busy"
    title = "Another run is active on this thread"


class DocumentBusy(RequestError):
    """It is being read, or waits for it; what is asked for is under way."""

    status = 409
    code = "document_busy"
    title = "The document is being read already"


class NothingToResume(RequestError):
    """No plan of a research waits for approval on this thread."""

    status = 409
    code = "nothing_to_resume"
    title = "Nothing waits to be resumed on this thread"


class CollectionExists(RequestError):
    status = 409
    code = "collection_exists"
    title = "There is such a collection already"


class RunTimeout(RequestError):
    """The run as a whole took longer than `LLMOPS_REQUEST_TIMEOUT_S` allows."""

    status = 504
    code = "timeout"
    title = "The answer took too long"


class IdempotencyKeyReused(RequestError):
    """The key came with another request before; the IETF's draft on idempotency keys asks for this status."""

    status = 422
    code = "idempotency_key_reused"
    title = "The idempotency key belongs to another request"


class NotFound(RequestError):
    status = 404
    code = "not_found"
    title = "Not found"


class UnknownCollection(NotFound):
    code = "unknown_collection"
    title = "No such collection"


class UnknownDocument(NotFound):
    code = "unknown_document"
    title = "No such document"


class UnknownPage(NotFound):
    code = "unknown_page"
    title = "No such page"


class NoPageImage(NotFound):
    code = "no_page_image"
    title = "Pages of this document cannot be drawn"


class MissingOriginal(NotFound):
    """The record and the text are there, but the file was taken from the data directory."""

    code = "missing_original"
    title = "The original file is gone"


class UnknownThread(NotFound):
    code = "unknown_thread"
    title = "No such thread"


class UnknownRun(NotFound):
    """No thread remembers it: it was answered on none, or its thread was deleted."""

    code = "unknown_run"
    title = "No such run"


class NoWaitingPlan(NotFound):
    code = "no_waiting_plan"
    title = "No plan waits for approval on this thread"


class UnknownJob(NotFound):
    code = "unknown_job"
    title = "No such job"


class UnknownKey(NotFound):
    code = "unknown_key"
    title = "No such API key"


class UnknownTenant(NotFound):
    code = "unknown_tenant"
    title = "No such tenant"


class UnknownEvaluation(NotFound):
    code = "unknown_evaluation"
    title = "No such evaluation"


class UnknownModel(NotFound):
    """No agent has the name that a client of OpenAI's API gives as a model."""

    code = "model_not_found"
    title = "No such model"


class UnknownAgent(NotFound):
    code = "unknown_agent"
    title = "No such agent"


class UnreadableDocument(LlmopsError):
    """A file that cannot be indexed; nothing of it is kept half-way.

    `extraction` holds the fields of an `app.ingestion.parsed.Extraction` where pages were looked at before it failed.
    """

    status = 422
    code = "unreadable_document"
    title = "The document cannot be read"

    def __init__(self, detail: str = "", *, extraction: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.extraction = extraction


class EmptyDocument(UnreadableDocument):
    code = "empty_document"
    title = "The document is empty"


class UnsupportedFormat(UnreadableDocument):
    """No loader reads this, or the bytes are not what the name says."""

    status = 415
    code = "unsupported_format"
    title = "This kind of file is not supported"


class CorruptDocument(UnreadableDocument):
    code = "corrupt_document"
    title = "The document is damaged"


class EncryptedDocument(UnreadableDocument):
    code = "encrypted_document"
    title = "The document is protected by a password"


class UnknownEncoding(UnreadableDocument):
    code = "unknown_encoding"
    title = "The text's encoding cannot be told"


class NeedsOcr(UnreadableDocument):
    code = "needs_ocr"
    title = "The document holds no text, only images"


class DocumentTooComplex(UnreadableDocument):
    """Parsing went over its limit of time, memory, pages, text or nesting."""

    code = "document_too_complex"
    title = "The document exceeds the limits of parsing"


class ModelError(LlmopsError):
    """A model's provider failed; chains fall back to the demo engine and say so in `degraded`."""

    status = 502
    code = "model_error"
    title = "The model failed"


class ModelUnavailable(ModelError):
    code = "model_unavailable"
    title = "The model cannot be reached or answered with an error"


class ModelRateLimited(ModelError):
    """`retry_after_s` is what the provider asks to wait, where it says so; `is_final` means that waiting is no use."""

    status = 429
    code = "model_rate_limited"
    title = "The model's quota is exhausted"

    def __init__(self, *args: object, retry_after_s: float | None = None, is_final: bool = False) -> None:
        super().__init__(*args)
        self.retry_after_s = retry_after_s
        self.is_final = is_final


class ModelTimeout(ModelError):
    status = 504
    code = "model_timeout"
    title = "The model did not answer in time"


class ModelContextExceeded(ModelError):
    """What was asked is longer than the model can read."""

    code = "model_context_exceeded"
    title = "The question with its sources is too long for the model"


class ModelMisbehaved(ModelError):
    """The model answered, but not in a form that can be used."""

    code = "model_misbehaved"
    title = "The model's answer is unusable"
