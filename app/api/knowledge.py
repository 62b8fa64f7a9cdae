"""Documents in and out of the knowledge base, and the search over them; `app.api.documents` looks at them."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, File, Form, Header, Query, Response, UploadFile

from app.api.bodies import JsonRoute
from app.api.jobs import finished
from app.api.openapi import Responses, problem_responses, subclasses
from app.api.services import Services, UsesServices
from app.api.upload_metadata import UploadMetadata
from app.errors import (
    BodyTooLarge,
    EmptyDocument,
    IdempotencyKeyReused,
    InvalidRequest,
    LlmopsError,
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

IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=255, description="Sent again with the same files, it gives the same job"),
]
FINISHED_UPLOAD: Responses = {
    200: {"model": UploadResponse, "description": "With `wait=true`: the job is finished"}
}
CollectionField = Annotated[
    CollectionName | None, Form(description="Where the documents go; created when new")
]


@router.post("/index", summary="Add texts", responses=problem_responses(BodyTooLarge, EmptyDocument))
async def index(body: IndexRequest, services: UsesServices) -> DocumentList:
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
            collection=collection,
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
)
async def upload(
    services: UsesServices,
    response: Response,
    files: Annotated[list[UploadFile], File(description="One file or many")],
    metadata: UploadMetadata,
    collection: CollectionField = None,
    wait: Annotated[bool, Query(description="Answer when each file is indexed or has failed")] = False,
    idempotency_key: IdempotencyKey = None,
) -> UploadResponse:
    """Add files. They are stored durably and indexed by a job in the background; one that fails keeps no other out."""
    received = [ReceivedFile(file.filename or "", await file.read()) for file in files]
    job = await services.in_pool(
        services.ingestion.uploads.submit,
        received,
        collection=collection or DEFAULT_COLLECTION,
        metadata=metadata,
        key=idempotency_key,
    )
    _audit_upload(job, collection)
    if wait:
        response.status_code = 200
        return UploadResponse(job_id=job.job_id, documents=await _outcomes(job, services))
    return UploadResponse(job_id=job.job_id, documents=job.documents)


@router.post(
    "/upload_pdf",
    summary="Add one PDF",
    responses=problem_responses(RequestError, BodyTooLarge, *subclasses(UnreadableDocument)),
)
async def upload_pdf(
    services: UsesServices, file: UploadFile, collection: CollectionField = None
) -> UploadResponse:
    """Add one PDF; a file that cannot be indexed is an error with its code."""
    received = ReceivedFile(file.filename or "", await file.read())
    media_type = detect_media_type(received.data, received.name)
    if media_type != "application/pdf":
        raise UnsupportedFormat(
            f"{file.filename!r} is {media_type}; this route takes PDFs, /upload takes every format"
        )
    job = await services.in_pool(
        services.ingestion.uploads.submit, [received], collection=collection or DEFAULT_COLLECTION
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
)
async def search(body: SearchRequest, services: UsesServices) -> SearchResponse:
    """Find the passages that fit a query, best first.

    `document_ids` and `filter` are applied before the search: it gives `k` results whenever so many exist.
    """
    limit = services.settings.max_question_chars
    if not body.query.strip() or len(body.query) > limit:
        raise InvalidRequest(f"query: must have 1 to {limit} characters")
    collection = body.collection or DEFAULT_COLLECTION
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


@router.delete(
    "/documents/{document_id}",
    summary="Delete one document",
    status_code=204,
    responses=problem_responses(UnknownDocument),
)
async def delete_document(document_id: str, services: UsesServices) -> Response:
    """Forget a document: its text, chunks, vectors and file."""
    await services.in_pool(services.knowledge.store.delete_document, document_id)
    audit("delete", "document", document_id)
    return Response(status_code=204)


@router.post("/clear", summary="Delete all documents", responses=problem_responses(UnknownCollection))
async def clear(body: ClearRequest, services: UsesServices) -> ClearResponse:
    """Forget every document of one collection, or of all."""
    deleted = await services.in_pool(services.knowledge.store.clear, body.collection)
    audit("clear", "collection", body.collection, documents=deleted)
    return ClearResponse(deleted_documents=deleted)


def _audit_upload(job: JobInfo, collection: str | None) -> None:
    ids = [info.document_id for info in job.documents]
    audit("upload", "job", job.job_id, collection=collection or DEFAULT_COLLECTION, document_ids=ids)


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
