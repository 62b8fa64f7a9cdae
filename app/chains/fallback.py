"""Prefers the chat model and lets the demo engine answer when the model fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from langchain_core.runnables import Runnable, RunnableLambda

from app.errors import ModelError

Result = TypeVar("Result")


async def prefer_model(
    by_model: Callable[[], Awaitable[Result]],
    by_demo: Callable[[ModelError | None], Awaitable[Result]],
) -> Result:
    """Run the model's variant of a chain, or the demo variant with the failure that made it necessary.

    Both variants close over their arguments: what LangChain traces as the input of a step then holds neither
    evidence nor models. Errors other than `ModelError` are defects and pass through.
    """

    async def ask_model(_: dict[str, Any]) -> Result:
        return await by_model()

    async def ask_demo(inputs: dict[str, Any]) -> Result:
        return await by_demo(inputs["failure"])

    preferred: Runnable[dict[str, Any], Result] = RunnableLambda(ask_model)
    chain = preferred.with_fallbacks(
        [RunnableLambda(ask_demo)], exceptions_to_handle=(ModelError,), exception_key="failure"
    )
    return await chain.ainvoke({})
