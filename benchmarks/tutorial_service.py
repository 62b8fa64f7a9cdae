"""The service that LangChain's tutorials lead to, to be measured beside ours; it runs in an environment of its own.

Arguments: the folder of the model, the folder for the index, the port.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import uvicorn
from fastapi import FastAPI
from langchain_community.vectorstores import FAISS
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter
from langserve import add_routes
from pydantic import BaseModel

FOUND = 6


class Upload(BaseModel):
    texts: list[str]


def build_app(model: Path, index: Path) -> FastAPI:
    """`/upload` splits, embeds and saves; `/retriever/invoke` searches."""
    app = FastAPI()
    embeddings = HuggingFaceEmbeddings(model_name=str(model))
    splitter = RecursiveCharacterTextSplitter(chunk_size=1_000, chunk_overlap=200)
    stores: list[FAISS] = []

    def upload(body: Upload) -> dict[str, Any]:
        chunks = splitter.split_documents([Document(text) for text in body.texts])
        started = perf_counter()
        if stores:
            stores[0].add_documents(chunks)
        else:
            stores.append(FAISS.from_documents(chunks, embeddings))
        added_s = perf_counter() - started
        stores[0].save_local(str(index))
        return {"chunks": len(chunks), "added_s": added_s}

    def retrieve(query: str) -> list[Document]:
        return stores[0].similarity_search(query, k=FOUND)

    app.get("/health")(lambda: {"status": "ok"})
    app.post("/upload")(upload)
    add_routes(app, RunnableLambda(retrieve), path="/retriever")
    return app


if __name__ == "__main__":
    model_folder, index_folder, port = sys.argv[1:]
    uvicorn.run(
        build_app(Path(model_folder), Path(index_folder)), host="127.0.0.1", port=int(port), log_config=None
    )
