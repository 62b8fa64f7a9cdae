"""Streams what a model writes as its reader may see it: markers are numbered, links that no source has never arrive."""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from app.chains.evidence import read_text
from app.chains.markers import CODE
from app.chains.outside_links import ADDRESS_START, remove_outside_links
from app.chains.records import Evidence, Quote, TokenSink
from app.chains.source_markers import SourceMarkers
from app.models.chat import ChatModel

_MOST_HELD_CHARS = 4_000
_UNDECIDED = re.compile(
    r"\[\d{1,6}\s{0,3}[:,]?\s{0,3}[\"“„«][^\n]{0,700}\Z"  # words named with a marker, which may hold brackets
    r"|!?[\[【［][^\[\]【】［］\n]*(?:[\]】］](?:[(\[][^()\[\]\n]*)?)?\Z"  # a marker, a link or an image
    # What would make links of markers: of a run of them, one may be left over.
    r"|(?m:^)[ \t]*(?:[\[【［][^\[\]【】［］\n]*[\]】］](?:\([^()\n]*\))?[ \t]*)+:[^\n]*\Z"
    r"|<(?:[a-z/!][^<>\n]*)?\Z"
    rf"|{ADDRESS_START}\S*\Z"
    r"|(?<![!-~])[!-~]+\Z",  # what may become an address
    re.IGNORECASE,
)
_NAMED = r"\[\d{1,6}\s{0,3}[:,]?\s{0,3}[\"“„«][^\n]{0,700}?[\"”“»]\s{0,3}\]"
_MARKERS_AT_END = re.compile(
    rf"[ \t]*(?:(?:{_NAMED}|[\[【［][^\[\]【】［］\n]*[\]】］](?:\([^()\n]*\))?)[ \t]*)*\Z"
)
"""One that goes takes the blanks before it along, and one that says the same as its neighbour goes."""
_ADDRESS_AT_END = re.compile(rf"{ADDRESS_START}\S*\Z", re.IGNORECASE)
"""Of which a word becomes a part when what stands between them goes."""
_WHOLE = re.compile(
    rf"{_NAMED}"
    r"|!?(?:[\[【［][^\[\]【】［］\n]*[\]】］])+(?:\([^()\n]*\))?"
    r"|<[^<>\n]*>"
    rf"|{CODE.pattern}",
    re.DOTALL,
)
_MID_LINE = "\ue002"
"""A private character in front of a piece that begins no line of the whole."""
_PRIVATE = dict.fromkeys(map(ord, "\ue000\ue001\ue002"))
_PART_OF_WORD = re.compile(r"[\w:/]")
"""Behind which no address begins."""
_CODE_SO_FAR = re.compile(rf"{CODE.pattern}|(?P<open>```.*|(?<!`)`[^`\n]*)\Z", re.DOTALL)


async def complete(
    model: ChatModel, messages: Sequence[BaseMessage], evidence: Evidence, on_token: TokenSink | None = None
) -> tuple[str, tuple[Quote, ...]]:
    """Let the model answer from the evidence; gives the text, and what its markers mean.

    Addresses that no source has are taken out, and so are images. What is streamed has the same markers.

    Raises:
        ModelError: the model failed.
    """
    if on_token is None:
        written = await model.complete(messages)
    else:
        cleaned = _CleanTokens(on_token, evidence)
        written = await model.complete(messages, on_token=cleaned.token)
        cleaned.finish()
    markers = SourceMarkers(evidence)
    text = remove_outside_links(markers.rewrite(written), read_text(evidence))
    return text.strip(), markers.quotes


class _CleanTokens:
    """Holds back what may still become a link, an image, HTML, code or a marker with words."""

    def __init__(self, sink: TokenSink, evidence: Evidence) -> None:
        self._sink = sink
        self._markers = SourceMarkers(evidence)
        self._sources = read_text(evidence)
        self._held = ""
        self._before = ""
        self._fence: int | None = None

    def token(self, text: str) -> None:
        self._held += text.translate(_PRIVATE)
        if self._fence is not None and self._held.find("```", self._fence + 3) < 0:
            return  # however long the code is: what it may not be is cut into two
        if len(self._held) > _MOST_HELD_CHARS:
            self.finish()
        else:
            self._pass_on(self._settled())

    def _settled(self) -> int:
        """How much of what is held will not be changed by what follows."""
        undecided, code = _UNDECIDED.search(self._held), _open_code(self._held)
        self._fence = code if self._held.startswith("```", code) else None
        cut = min(undecided.start() if undecided else len(self._held), code)
        spans = [whole.span() for whole in _WHOLE.finditer(self._held)]
        before = None
        while cut != before:
            before = cut
            cut = next((start for start, end in spans if start < cut < end), cut)
            if markers := _MARKERS_AT_END.search(self._held, 0, cut):
                cut = markers.start()
            if cut < len(self._held) and (address := _ADDRESS_AT_END.search(self._held, 0, cut)):
                cut = address.start()
        return cut

    def finish(self) -> None:
        self._pass_on(len(self._held))

    def _pass_on(self, end: int) -> None:
        settled, self._held = self._held[:end], self._held[end:]
        self._fence = None if self._fence is None or self._fence < end else self._fence - end
        goes_on = _PART_OF_WORD.match(self._before) and _PART_OF_WORD.match(settled)
        lead = self._before if goes_on else ""
        mid_line = _MID_LINE * (self._before not in ("", "\n"))
        self._before = settled[-1:] or self._before
        cleaned = remove_outside_links(self._markers.rewrite(mid_line + lead + settled), self._sources)
        if cleaned := cleaned.replace(_MID_LINE, "").removeprefix(lead):
            self._sink.token(cleaned)


def _open_code(text: str) -> int:
    """Where code begins whose end is not there yet; otherwise the end of the text. Its brackets are no markers."""
    return next((code.start() for code in _CODE_SO_FAR.finditer(text) if code["open"]), len(text))
