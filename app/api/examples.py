"""An example of each type on the wire, for the OpenAPI document: what the sample documents give.

A test checks each against its type, and sends those of requests.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from app import schemas
from app.api.evaluation_example import EVALUATION, EVALUATION_INFO
from app.schemas import completions

Example = dict[str, Any]

_QUESTION = "What is the notice period after probation?"
_QUOTE = (
    "The notice period is two weeks during probation, and two months to the end of a month after probation."
)
_CREATED = "2026-11-02T09:30:00Z"
_JOB_ID = "b1e778c2233e477996d062fdffbfec37"
_RUN_ID = "76f1863d7b31459ebd035e49b4e1df4d"
_THREAD_ID = "4f5d31b34e184f5ca49fed1f0ab32ad0"
_DOCUMENT_ID = "86d6b9c11907b7a4c9a42c7a936d5700"
_NAME = "employee-handbook.md"

_PASSAGE: Example = {
    "document_id": _DOCUMENT_ID,
    "document_name": _NAME,
    "chunk_id": f"{_DOCUMENT_ID}:1",
    "page": None,
    "char_start": 713,
    "char_end": 1558,
    "score": 0.53,
}
_CITATION: Example = _PASSAGE | {
    "char_start": 1220,
    "char_end": 1322,
    "marker": 1,
    "quote": _QUOTE,
    "verified": True,
    "flags": [],
}
_ANSWER: Example = {
    "answer": f"{_QUOTE} [1]",
    "citations": [_CITATION],
    "agent": "qa",
    "route_reason": "It asks for a specific answer.",
    "mode": "demo",
    "model": "extractive",
    "refused": False,
    "degraded": [],
    "nearest": [],
    "evidence": [_PASSAGE],
    "coverage": None,
    "suggestions": ["How many weeks of parental leave do parents take at full pay?"],
    "thread_id": _THREAD_ID,
    "run_id": _RUN_ID,
    "usage": {"input_tokens": 0, "output_tokens": 0},
    "timings_ms": {"retrieve": 24.8, "answer": 18.9, "total": 61.7},
}
_FEEDBACK: Example = {"run_id": _RUN_ID, "score": -1, "comment": "It leaves out the probation."}
_SUB_QUESTIONS = ["What is the notice period during probation?", "What is it after probation?"]
_DOCUMENT: Example = {
    "document_id": _DOCUMENT_ID,
    "name": _NAME,
    "collection": "default",
    "media_type": "text/markdown",
    "bytes": 5112,
    "sha256": "ab8be7db72e6be332476126dc6bf5c8d6e5e05b18d7f9a0cf3342d4953104138",
    "pages": None,
    "pages_without_text": None,
    "chunks": 7,
    "keywords": ["people team", "team lead", "working days"],
    "status": "indexed",
    "error": None,
    "duplicate": False,
    "warnings": [],
    "extraction": {},
    "reindexing": None,
    "created_at": _CREATED,
}
_JOB: Example = {
    "job_id": _JOB_ID,
    "state": "done",
    "status": "done",
    "progress": {"done": 1, "total": 1, "stage": "finished", "unit": "documents"},
    "eta_s": None,
    "documents": [_DOCUMENT],
    "created_at": _CREATED,
}
_THREAD: Example = {
    "thread_id": _THREAD_ID,
    "title": _QUESTION,
    "created_at": _CREATED,
    "updated_at": _CREATED,
}
_COLLECTION: Example = {
    "name": "contracts",
    "documents": 4,
    "chunks": 45,
    "bytes": 37302,
    "created_at": _CREATED,
    "settings": {"chunk_tokens": None, "chunk_overlap_tokens": None, "top_k": 10},
    "warnings": [],
}
_MODEL: Example = {"id": "agent", "object": "model", "created": 1793611800, "owned_by": "end-to-end-llmops"}
_COMPLETION_ID = f"chatcmpl-{_RUN_ID}"

_KEY: Example = {
    "key_id": "3f9c1d20a4b7e685",
    "name": "nightly import",
    "tenant": "default",
    "scopes": ["write"],
    "created_at": _CREATED,
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
}
EXAMPLES: dict[type[BaseModel], Example] = {
    schemas.Alive: {"status": "ok"},
    schemas.Answer: _ANSWER,
    schemas.AskRequest: {"question": _QUESTION},
    schemas.BatchAccepted: {"job_id": _JOB_ID},
    schemas.BatchAnswers: {"job_id": _JOB_ID, "answers": [_ANSWER]},
    schemas.BatchRequest: {"questions": [_QUESTION, {"question": "Summarise it", "agent": "summarize"}]},
    schemas.BatchResults: {
        "job_id": _JOB_ID,
        "results": [{"number": 1, "question": _QUESTION, "state": "done", "answer": _ANSWER}],
    },
    schemas.ChunkPage: {
        "chunks": [
            {
                "chunk_id": f"{_DOCUMENT_ID}:1",
                "ordinal": 1,
                "page": None,
                "char_start": 713,
                "char_end": 1558,
                "section": "2. Working from home",
                "text": "## 2. Working from home\n\nYou may work from home up to three days a week …",
                "metadata": {"year": 2026},
            }
        ],
        "total": 7,
        "next_offset": 1,
    },
    schemas.ClearRequest: {"confirm": True, "collection": "default"},
    schemas.ClearResponse: {"deleted_documents": 4},
    schemas.CollectionChange: {"settings": {"top_k": 10}},
    schemas.CollectionInfo: _COLLECTION,
    schemas.CollectionList: {"collections": [_COLLECTION]},
    completions.Completion: {
        "id": _COMPLETION_ID,
        "object": "chat.completion",
        "created": 1793611800,
        "model": "agent",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": f"{_QUOTE} [1]\n\n[1] {_NAME}: “{_QUOTE}”",
                    "refusal": None,
                    "citations": [_CITATION],
                },
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "llmops": {
            "agent": "qa",
            "mode": "demo",
            "refused": False,
            "degraded": [],
            "thread_id": _THREAD_ID,
            "run_id": _RUN_ID,
        },
    },
    completions.CompletionChunk: {
        "id": _COMPLETION_ID,
        "object": "chat.completion.chunk",
        "created": 1793611800,
        "model": "agent",
        "choices": [{"index": 0, "delta": {"content": "The notice period "}, "finish_reason": None}],
    },
    completions.CompletionRequest: {
        "model": "agent",
        "messages": [{"role": "user", "content": _QUESTION}],
    },
    completions.ModelEntry: _MODEL,
    completions.ModelList: {"object": "list", "data": [_MODEL]},
    schemas.DocumentInfo: _DOCUMENT,
    schemas.DocumentList: {"documents": [_DOCUMENT]},
    schemas.DocumentPage: {"documents": [_DOCUMENT], "total": 4, "next_offset": 1},
    schemas.Evaluation: EVALUATION,
    schemas.EvaluationList: {"evaluations": [EVALUATION_INFO]},
    schemas.Feedback: {**_FEEDBACK, "given_at": _CREATED},
    schemas.FeedbackRequest: _FEEDBACK,
    schemas.ForkRequest: {"after_turn": 1},
    schemas.Health: {
        "status": "ok",
        "version": "0.1.0",
        "mode": "demo",
        "checks": {"store": "ok", "threads": "ok", "vectors": "ok"},
    },
    schemas.IndexRequest: {
        "documents": [{"text": "The archive is open on Mondays.", "name": "opening hours"}],
        "collection": "default",
    },
    schemas.Info: {
        "version": "0.1.0",
        "agents": [
            {
                "name": "qa",
                "description": "Answers a question in a few sentences, each with its source.",
            }
        ],
        "mode": "demo",
        "chat_model": None,
        "embedding_model": "embedded:all-MiniLM-L6-v2",
        "limits": {"max_upload_mb": 100.0, "max_question_chars": 8000.0},
        "media_types": ["application/pdf", "text/plain"],
        "extensions": [".pdf", ".txt"],
    },
    schemas.Interrupt: {
        "type": "interrupt",
        "content": "".join(f"- {question}\n" for question in _SUB_QUESTIONS).strip(),
        "thread_id": _THREAD_ID,
        "run_id": _RUN_ID,
        "id": _RUN_ID,
        "value": {"sub_questions": _SUB_QUESTIONS},
    },
    schemas.CreatedKey: _KEY | {"key": "llmops_3f9c1d20a4b7e685_…"},
    schemas.KeyInfo: _KEY,
    schemas.KeyList: {"keys": [_KEY]},
    schemas.NewKey: {"name": "nightly import", "scopes": ["write"]},
    schemas.JobInfo: _JOB,
    schemas.JobList: {"jobs": [_JOB]},
    schemas.NewCollection: {"name": "contracts", "settings": {"top_k": 10}},
    schemas.RenameRequest: {"title": "Notice periods"},
    schemas.Resume: {"sub_questions": _SUB_QUESTIONS},
    schemas.SearchRequest: {"query": "notice period", "k": 1},
    schemas.SearchResponse: {
        "results": [_PASSAGE | {"text": f"## 3. Probation and notice period\n\n{_QUOTE}"}],
        "degraded": [],
    },
    schemas.Stats: {
        "documents": 4,
        "unfinished": 0,
        "failed": 0,
        "chunks": 45,
        "collections": {"default": 4},
        "bytes": 37302,
        "embedding_model": "embedded:all-MiniLM-L6-v2",
        "chat_model": None,
        "demo_mode": True,
    },
    schemas.Thread: _THREAD | {"turn_count": 1, "turns": [{"question": _QUESTION, "answer": _ANSWER}]},
    schemas.ThreadInfo: _THREAD | {"turn_count": 1},
    schemas.ThreadPage: {"threads": [_THREAD | {"turn_count": 1}], "total": 1, "next_offset": None},
    schemas.UploadResponse: {"job_id": _JOB_ID, "documents": [_DOCUMENT]},
    schemas.WaitingPlan: {
        "thread_id": _THREAD_ID,
        "question": "Compare the notice period and the rent",
        "sub_questions": _SUB_QUESTIONS,
    },
}
