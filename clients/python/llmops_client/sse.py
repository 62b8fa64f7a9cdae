"""Server-sent events, as far as the service uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Not `splitlines`, as httpx has it: the JSON of an event may hold the other characters that end a line. The stream may
# break between a carriage return and its line feed.
_LINE_END = re.compile(r"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True)
class ServerSentEvent:
    name: str
    data: str
    id: str | None
    request_id: str | None


@dataclass
class Decoder:
    """Takes the text of a stream in pieces and gives an event at the end of each block."""

    request_id: str | None
    _name: str = "message"
    _id: str | None = None
    _data: list[str] = field(default_factory=list)
    _rest: str = ""

    def feed(self, text: str) -> Iterator[ServerSentEvent]:
        *lines, self._rest = _LINE_END.split(self._rest + text)
        for line in lines:
            if (event := self._line(line)) is not None:
                yield event

    def _line(self, line: str) -> ServerSentEvent | None:
        if not line:
            return self._block_ended()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
        return None

    def _block_ended(self) -> ServerSentEvent | None:
        name, data = self._name, "\n".join(self._data)
        has_data, self._name, self._data = bool(self._data), "message", []
        return ServerSentEvent(name, data, self._id, self.request_id) if has_data else None
