"""Looking at documents: which there are, what was read from them, and what their pages look like."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from app.api.auth import Caller, may_read
from app.api.downloads import attachment, in_chunks
from app.api.openapi import ANY_FILE, PNG, problem_responses
from app.api.ownership import DocumentId
from app.api.services import UsesServices
from app.errors import (
    CorruptDocument,
    DocumentTooComplex,
    InvalidRequest,
    MissingOriginal,
    NoPageImage,
    NotFound,
    SpanOutsideText,
    UnknownCollection,
    UnknownDocument,
    UnknownPage,
)
from app.knowledge.records import Chunk
from app.schemas import (
    ChunkInfo,
    ChunkPage,
    CollectionName,
    DocumentInfo,
    DocumentPage,
    DocumentStatus,
)

router = APIRouter(tags=["Documents"], dependencies=[Depends(may_read)])

_LARGEST = 2**53  # a number that every JSON client can write
_ASK_AGAIN = "private, no-cache"
"""To be asked for again each time, which costs a few bytes: what was deleted must not come out of a browser's cache."""

PageNumber = Annotated[int, Path(description="Counted from 1", examples=[3])]
Offset = Annotated[
    int, Query(ge=0, le=_LARGEST, description="Pass over so many; `next_offset` of the last answer")
]
NamePart = Annotated[
    str, Query(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$", description="Part of the name")
]


def read_span(
    start: Annotated[int | None, Query(ge=0, le=_LARGEST, description="First character to mark")] = None,
    end: Annotated[int | None, Query(ge=0, le=_LARGEST, description="Character after the last")] = None,
) -> tuple[int, int] | None:
    """The span to mark, in characters of the document's stored text.

    Raises:
        InvalidRequest: there is only one end, or nothing between the two.
    """
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidRequest("start, end: give both or neither")
    if start >= end:
        raise InvalidRequest(f"start, end: {start} must be smaller than {end}")
    return (start, end)


def read_part(
    start: Annotated[int | None, Query(ge=0, le=_LARGEST, description="First character to give")] = None,
    end: Annotated[int | None, Query(ge=0, le=_LARGEST, description="Character after the last")] = None,
) -> tuple[int, int | None] | None:
    """The part of a text that is wanted; none is all of it. Raises InvalidRequest: nothing is between the two."""
    if start is None and end is None:
        return None
    if end is not None and (start or 0) >= end:
        raise InvalidRequest(f"start, end: {start or 0} must be smaller than {end}")
    return start or 0, end


@router.get(
    "/documents",
    summary="List documents, newest first",
    responses=problem_responses(UnknownCollection, InvalidRequest),
)
async def list_documents(
    services: UsesServices,
    caller: Caller,
    collection: Annotated[CollectionName | None, Query()] = None,
    status: Annotated[list[DocumentStatus] | None, Query(description="One or several")] = None,
    name: NamePart | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Offset = 0,
) -> DocumentPage:
    """All documents, or those of one collection, in these states, or with this in their name."""
    found = await services.in_pool(
        services.knowledge.store.listing.documents,
        tenant=caller.tenant,
        collection=None if collection is None else caller.stored(collection),
        statuses=status or (),
        name=name,
        limit=limit,
        offset=offset,
    )
    return DocumentPage(documents=found.items, total=found.total, next_offset=found.next_offset)


@router.get(
    "/documents/{document_id}", summary="Get one document", responses=problem_responses(UnknownDocument)
)
async def get_document(document_id: DocumentId, services: UsesServices) -> DocumentInfo:
    """State, size and warnings of a document; what is in it stands at the other addresses."""
    return await services.in_pool(services.knowledge.store.get_document, document_id)


@router.get(
    "/documents/{document_id}/text",
    summary="Get the stored text",
    response_class=PlainTextResponse,
    responses=problem_responses(UnknownDocument, NotFound, SpanOutsideText),
)
async def document_text(
    document_id: DocumentId,
    services: UsesServices,
    part: Annotated[tuple[int, int | None] | None, Depends(read_part)],
) -> PlainTextResponse:
    """The stored text, into which the spans of citations point: all of it, or what is between two characters.

    An `end` behind the text's is the text's.
    """
    store = services.knowledge.store
    if part is None:
        return PlainTextResponse(await services.in_pool(store.document_text, document_id))
    return PlainTextResponse(await services.in_pool(store.listing.part, document_id, *part))


@router.get(
    "/documents/{document_id}/chunks",
    summary="List the chunks of a document",
    responses=problem_responses(UnknownDocument, InvalidRequest),
)
async def document_chunks(
    document_id: DocumentId,
    services: UsesServices,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Offset = 0,
) -> ChunkPage:
    """What was indexed of a document, in reading order."""
    found = await services.in_pool(
        services.knowledge.store.listing.chunks, document_id, limit=limit, offset=offset
    )
    return ChunkPage(
        chunks=[_as_info(chunk) for chunk in found.items], total=found.total, next_offset=found.next_offset
    )


# Before the text of a page, whose address would match this one too.
@router.get(
    "/documents/{document_id}/pages/{number}.png",
    summary="Draw a page of a PDF, a span marked",
    response_class=Response,
    responses=PNG
    | problem_responses(
        *(UnknownDocument, UnknownPage, NoPageImage, MissingOriginal, NotFound),
        *(InvalidRequest, CorruptDocument, DocumentTooComplex),
    ),
)
async def page_image(
    document_id: DocumentId,
    number: PageNumber,
    services: UsesServices,
    span: Annotated[tuple[int, int] | None, Depends(read_span)],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A PNG of at most 1600 pixels a side.

    `start` and `end` count characters of the document's stored text, as citations do. `X-Highlight` says how much of
    them could be marked: `whole`, `partial` or `missing`; `none` when there was nothing to mark.
    """
    page = await services.in_pool(services.page_images.look_up, document_id, number, span)
    headers = {"etag": f'"{page.etag}"', "cache-control": _ASK_AGAIN}
    if if_none_match is not None and headers["etag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    image = await services.in_drawing_pool(services.page_images.draw, page)
    return Response(image.png, media_type="image/png", headers=headers | {"x-highlight": image.highlight})


@router.get(
    "/documents/{document_id}/pages/{number}",
    summary="Get the text of a page",
    response_class=PlainTextResponse,
    responses=problem_responses(UnknownDocument, UnknownPage, NotFound, InvalidRequest),
)
async def page_text(document_id: DocumentId, number: PageNumber, services: UsesServices) -> PlainTextResponse:
    """The stored text of one page."""
    return PlainTextResponse(await services.in_pool(services.knowledge.store.page_text, document_id, number))


@router.get(
    "/documents/{document_id}/file",
    summary="Download the original",
    response_class=Response,
    responses=ANY_FILE | problem_responses(UnknownDocument, MissingOriginal),
)
async def document_file(document_id: DocumentId, services: UsesServices) -> Response:
    """The original, as a download: what people uploaded is never rendered on this origin."""
    store = services.knowledge.store
    info = await services.in_pool(store.get_document, document_id)
    file, size = await services.in_pool(store.listing.open_original, document_id)
    headers = {
        # Not by `media_type`, which would add an encoding that nobody has looked at.
        "content-type": info.media_type,
        "content-disposition": attachment(info.name),
        "content-length": str(size),
    }
    return StreamingResponse(in_chunks(file), headers=headers)


def _as_info(chunk: Chunk) -> ChunkInfo:
    return ChunkInfo(
        chunk_id=chunk.chunk_id,
        ordinal=chunk.ordinal,
        page=chunk.page,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        section=chunk.section,
        text=chunk.text,
        metadata=dict(chunk.metadata),
    )
