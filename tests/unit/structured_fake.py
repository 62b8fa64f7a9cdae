"""A chat model that fills in forms by script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage
from pydantic import BaseModel

from app.errors import ModelError
from app.models.chat import ChatModel

Form = TypeVar("Form", bound=BaseModel)


class FormModel(ChatModel):
    """Gives `reply` as an instance of the schema asked for, or raises it; keeps the prompts it was sent."""

    def __init__(self, reply: dict[str, Any] | ModelError) -> None:
        self.name = "fake:form"
        self.prompts: list[str] = []
        self._reply = reply

    async def structured(self, messages: Sequence[BaseMessage], schema: type[Form]) -> Form:
        self.prompts.append("\n".join(str(message.content) for message in messages))
        if isinstance(self._reply, ModelError):
            raise self._reply
        return schema.model_validate(self._reply)
