"""Documents in and out of the knowledge base, and the search over them; `app.api.documents` looks at them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Query, Response, UploadFile

from app.api.auth import Caller, may_read, may_write
from app.api.bodies import JsonRoute
from app.api.jobs import finished
from app.api.openapi import Responses, problem_responses, subclasses
from app.api.ownership import DocumentId
from app.api.services import Services, UsesServices
from app.api.upload_metadata import UploadMetadata
from app.errors import (
    BodyTooLarge,
    DocumentBusy,
    EmptyDocument,
    IdempotencyKeyReused,
    InvalidRequest,
    LlmopsError,
    MissingOriginal,
    RequestError,
    UnknownCollection,
    UnknownDocument,
    UnreadableDocument,
    UnsupportedFormat,
)
from app.ingestion.loaders import detect_media_type
from app.ingestion.small_texts import TEXTS_TOGETHER, ReceivedText
from app.ingestion.uploads import ReceivedFile
from app.knowledge.metadata_filter import check_metadata
from app.knowledge.records import Hit
from app.knowledge.retriever import Retrieved
from app.schemas import (
    DEFAULT_COLLECTION,
    ClearRequest,
    ClearResponse,
    CollectionName,
    DocumentInfo,
    DocumentList,
    IndexRequest,
    JobInfo,
    ProblemInfo,
    SearchRequest,
    SearchResponse,
    SearchResult,
    UploadResponse,
)
from app.telemetry.audit import audit

router = APIRouter(tags=["Documents"], route_class=JsonRoute)

_WRITE: Any = {"dependencies": [Depends(may_write)]}

IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=255, description="Sent again with the same files, it gives the same job"),
]
FINISHED_UPLOAD: Responses = {
    200: {"model": UploadResponse, "description": "With `wait=true`: the job is finished"}
}
Wait = Annotated[bool, Query(description="Answer when each file is indexed or has failed")]
CollectionField = Annotated[
    CollectionName | None, Form(description="Where the documents go; created when new")
]


@router.post(
    "/index", summary="Add texts", responses=problem_responses(BodyTooLarge, EmptyDocument), **_WRITE
)
async def index(body: IndexRequest, services: UsesServices, caller: Caller) -> DocumentList:
    """Add texts. The answer comes when they are stored durably and can be found; the same text is stored once."""
    collection = body.collection or DEFAULT_COLLECTION
    for document in body.documents:  # all before the first is stored
        check_metadata(document.metadata)
    texts = [
        ReceivedText(document.name or f"text {number}", document.text, document.metadata)
        for number, document in enumerate(body.documents, start=1)
    ]
    groups = [
        services.in_ingestion_pool(
            services.ingestion.small_texts.ingest,
            texts[start : start + TEXTS_TOGETHER],
            collection=caller.stored(collection),
        )
        for start in range(0, len(texts), TEXTS_TOGETHER)
    ]
    indexed = [info for group in await asyncio.gather(*groups) for info in group]
    audit("index", "collection", collection, document_ids=[info.document_id for info in indexed])
    return DocumentList(documents=indexed)


@router.post(
    "/upload",
    summary="Add files",
    status_code=202,
    response_model=UploadResponse,
    responses=FINISHED_UPLOAD | problem_responses(RequestError, BodyTooLarge, IdempotencyKeyReused),
    **_WRITE,
)
async def upload(
    services: UsesServices,
    caller: Caller,
    response: Response,
    files: Annotated[list[UploadFile], File(description="One file or many")],
    metadata: UploadMetadata,
    collection: CollectionField = None,
    wait: Wait = False,
    idempotency_key: IdempotencyKey = None,
) -> UploadResponse:
    """Add files. They are stored durably and indexed by a job in the background; one that fails keeps no other out."""
    received = [ReceivedFile(file.filename or "", await file.read()) for file in files]
    job = await services.in_pool(
        services.ingestion.uploads.submit,
        received,
        collection=caller.stored(collection or DEFAULT_COLLECTION),
        metadata=metadata,
        key=idempotency_key,
    )
    _audit_upload(job, collection)
    return await _accepted(job, services, response, wait=wait)


@router.post(
    "/upload_pdf",
    summary="Add one PDF",
    responses=problem_responses(RequestError, BodyTooLarge, *subclasses(UnreadableDocument)),
    **_WRITE,
)
async def upload_pdf(
    services: UsesServices, caller: Caller, file: UploadFile, collection: CollectionField = None
) -> UploadResponse:
    """Add one PDF; a file that cannot be indexed is an error with its code."""
    received = ReceivedFile(file.filename or "", await file.read())
    media_type = detect_media_type(received.data, received.name)
    if media_type != "application/pdf":
        raise UnsupportedFormat(
            f"{file.filename!r} is {media_type}; this route takes PDFs, /upload takes every format"
        )
    job = await services.in_pool(
        services.ingestion.uploads.submit,
        [received],
        collection=caller.stored(collection or DEFAULT_COLLECTION),
    )
    _audit_upload(job, collection)
    outcomes = await _outcomes(job, services)
    for info in outcomes:
        if info.status == "failed":
            raise refusal_of(info)
    return UploadResponse(job_id=job.job_id, documents=outcomes)


@router.post(
    "/search",
    summary="Search",
    responses=problem_responses(UnknownCollection, UnknownDocument, InvalidRequest),
    dependencies=[Depends(may_read)],
)
async def search(body: SearchRequest, services: UsesServices, caller: Caller) -> SearchResponse:
    """Find the passages that fit a query, best first.

    `document_ids` and `filter` are applied before the search: it gives `k` results whenever so many exist.
    """
    limit = services.settings.max_question_chars
    if not body.query.strip() or len(body.query) > limit:
        raise InvalidRequest(f"query: must have 1 to {limit} characters")
    collection = caller.stored(body.collection or DEFAULT_COLLECTION)
    k = await services.in_pool(services.top_k, collection) if body.k is None else body.k
    found = await services.in_pool(
        services.knowledge.retriever.search,
        body.query,
        k=k,
        collection=collection,
        document_ids=body.document_ids,
        filter=body.filter,
    )
    return as_response(found)


@router.post(
    "/documents/{document_id}/reindex",
    summary="Read a document again",
    status_code=202,
    response_model=UploadResponse,
    responses=FINISHED_UPLOAD
    | problem_responses(UnknownDocument, MissingOriginal, DocumentBusy, InvalidRequest),
    **_WRITE,
)
async def reindex(
    document_id: DocumentId, services: UsesServices, response: Response, wait: Wait = False
) -> UploadResponse:
    """Read, split and embed a document anew from its original, by a job in the background.

    What is indexed of it is found and cited until the new reading is whole. If that fails or is cancelled, all stays as
    it was, and `reindexing` says why. A document that failed before begins anew.
    """
    job_id = await services.in_pool(services.ingestion.ingestor.reindex, document_id)
    audit("reindex", "document", document_id, job_id=job_id)
    job = await services.in_pool(services.ingestion.jobs.get, job_id)
    return await _accepted(job, services, response, wait=wait)


@router.delete(
    "/documents/{document_id}",
    summary="Delete one document",
    status_code=204,
    responses=problem_responses(UnknownDocument),
    **_WRITE,
)
async def delete_document(document_id: DocumentId, services: UsesServices) -> Response:
    """Forget a document: its text, chunks, vectors and file."""
    await services.in_pool(services.knowledge.store.delete_document, document_id)
    audit("delete", "document", document_id)
    return Response(status_code=204)


@router.post(
    "/clear", summary="Delete all documents", responses=problem_responses(UnknownCollection), **_WRITE
)
async def clear(body: ClearRequest, services: UsesServices, caller: Caller) -> ClearResponse:
    """Forget every document of one collection, or of all."""
    collection = None if body.collection is None else caller.stored(body.collection)
    deleted = await services.in_pool(services.knowledge.store.clear, collection, tenant=caller.tenant)
    audit("clear", "collection", body.collection, documents=deleted)
    return ClearResponse(deleted_documents=deleted)


def _audit_upload(job: JobInfo, collection: str | None) -> None:
    ids = [info.document_id for info in job.documents]
    audit("upload", "job", job.job_id, collection=collection or DEFAULT_COLLECTION, document_ids=ids)


async def _accepted(job: JobInfo, services: Services, response: Response, *, wait: bool) -> UploadResponse:
    """The job as it is taken on, or with `wait` what became of it; the status of the response says which."""
    if not wait:
        return UploadResponse(job_id=job.job_id, documents=job.documents)
    response.status_code = 200
    return UploadResponse(job_id=job.job_id, documents=await _outcomes(job, services))


async def _outcomes(job: JobInfo, services: Services) -> list[DocumentInfo]:
    """What became of each file of a job, when all is done; one that was deleted meanwhile counts as cancelled."""
    left = {info.document_id: info for info in (await finished(job, services)).documents}
    gone = ProblemInfo(code=UnknownDocument.code, detail="It was deleted while it was being indexed")
    return [
        left.get(info.document_id) or info.model_copy(update={"status": "cancelled", "error": gone})
        for info in job.documents
    ]


def refusal_of(info: DocumentInfo) -> LlmopsError:
    """The error with which a document failed, to be raised to a caller that sent nothing else."""
    if info.error is None:
        return LlmopsError("the document failed for an unknown reason")
    classes = {error.code: error for error in subclasses(LlmopsError)}
    return classes.get(info.error.code, LlmopsError)(info.error.detail)


def as_response(found: Retrieved) -> SearchResponse:
    """What was found, as clients get it."""
    return SearchResponse(results=[_as_result(hit) for hit in found.hits], degraded=list(found.degraded))


def _as_result(hit: Hit) -> SearchResult:
    chunk = hit.chunk
    return SearchResult(
        chunk_id=chunk.chunk_id,
        document_id=chunk.document_id,
        document_name=chunk.document_name,
        page=chunk.page,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        text=chunk.text,
        score=hit.score,
    )
