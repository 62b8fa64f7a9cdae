"""What is streamed of a model's text holds no link, image or named words, however it is cut into pieces."""

from __future__ import annotations

import time
from random import Random

import pytest
from langchain_core.messages import HumanMessage

from app.chains.clean_stream import complete
from app.knowledge.records import Hit
from tests.unit.chain_fakes import Recorder, ScriptedModel, make_chunk

EVIDENCE = [
    Hit(
        make_chunk("More at https://known.example/page and nowhere else. The rent is 14 [sic] euros."),
        0.9,
        None,
        None,
    )
]


class PieceModel(ScriptedModel):
    """Streams its text in pieces of `size` characters."""

    def __init__(self, text: str, size: int) -> None:
        super().__init__(lambda _: text)
        self._pieces = [text[at : at + size] for at in range(0, len(text), size)]

    async def complete(self, messages, *, on_token=None):  # type: ignore[no-untyped-def]
        written = await super().complete(messages)
        for piece in self._pieces if on_token is not None else []:
            on_token(piece)
        return written


class Sink(Recorder):
    written = ""


async def streamed(text: str, size: int) -> Sink:
    sink = Sink()
    sink.written, _ = await complete(PieceModel(text, size), [HumanMessage("?")], EVIDENCE, sink)
    return sink


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("The rent is 14 euros [1].", "The rent is 14 euros [1]."),
        ('The rent [1: "is 14 [sic] euros"] is due.', "The rent [1] is due."),
        ("See ![a chart](http://evil.example/?q=secret) here", "See a chart here"),
        ("See [this page](http://evil.example/x) here", "See this page here"),
        ("Look: https://evil.example/a?b=c now", "Look: (link removed) now"),
        ("Look: https://known.example/page now", "Look: https://known.example/page now"),
        ("Go <img src=http://evil.example/x> on", "Go  on"),
        ("1 < 2, a[i] = b! Done", "1 < 2, a[i] = b! Done"),
        ("合同期限为三个月。https://evil.example/字 结束", "合同期限为三个月。(link removed) 结束"),
        ("ends in [an open", "ends in [an open"),
        ("Use `a[1]` for it [1].", "Use `a[1]` for it [1]."),
        ("So:\n```\nrow[7] = [2]\n```\nIt is 14 [1].", "So:\n```\nrow[7] = [2]\n```\nIt is 14 [1]."),
        ('Write `[1: "is 14 [sic] euros"]` so [1].', 'Write `[1: "is 14 [sic] euros"]` so [1].'),
        ("As [1]: yes\n[1]: http://evil.example/x\nso", "As [1]: yes\nso"),
        ("So:\n[1][1]: http://evil.example/x\nIt is due", "So:\nIt is due"),
        ("So:\n[1][1]: http://evil.example/x is due", "So:\n[1]: (link removed) is due"),
        ("So:\n[9][1]: www.evil.example\nIt is due", "So:\nIt is due"),
        ("The rent 【1】 [1, 2]] is due", "The rent [1]] is due"),
        ("x<img src=x> http://evil.example/x on", "x (link removed) on"),
        ("It is due![1][2] And so on", "It is due![1] And so on"),
        ("It is due![1, 1]! So", "It is due![1]! So"),
        ("The flag `-f` [1]: yes\nso", "The flag `-f` [1]: yes\nso"),
        ("``` \n[1]: x\n``` so", "``` \n[1]: x\n``` so"),
        ("It is so [1][here](http://evil.example/x)。", "It is so [1]here。"),
        ("见【1】(http://evil.example/a)。", "见[1]。"),
        ("見ahttps://known.example/page。は//だ", "見ahttps://known.example/page。は//だ"),
        ("или//нет and ещёwww.a", "или//нет and ещёwww.a"),
        ("A \ue000 1\ue001//b", "A  1//b"),
        ("A ` is no code [1]\nnor [1] is `this", "A ` is no code [1]\nnor [1] is `this"),
    ],
)
async def test_nothing_is_seen_that_the_answer_would_not_have(text: str, seen: str, size: int) -> None:
    sink = await streamed(text, size)
    assert sink.text == seen
    assert sink.written == seen


@pytest.mark.parametrize("seed", range(80))
async def test_whatever_is_written_is_seen_as_it_ends_up(seed: int) -> None:
    random = Random(seed)
    parts = ["`", "```", "[1]", "[2]", "[", "]", "\n", " ", "x", "rent", "(1)", '[1: "14 [sic] euros"]', "["]
    for _ in range(25):
        text = "x" + "".join(random.choices(parts, k=random.randint(1, 14)))
        sink = await streamed(text, random.randint(1, 6))
        assert sink.text.strip() == sink.written, text


async def test_words_arrive_as_they_are_written() -> None:
    assert (await streamed("one two three four five", 4)).pieces >= 4
    assert (await streamed("where 1 < 2 the words go on and on as before", 4)).pieces >= 8
    assert (await streamed("合同期限为三个月。合同期限为三个月。", 2)).pieces >= 8


@pytest.mark.parametrize("size", [1, 3, 50])
async def test_what_is_removed_hides_no_address_behind_it(size: int) -> None:
    evil = "http://evil.example/x"
    assert "evil" not in (await streamed(f"{evil}<img src=x>{evil} on", size)).text


async def test_code_is_not_cut_however_long_it_is() -> None:
    code = "```py\n" + "a[1] = b[2]\n" * 800 + "```"
    sink = await streamed(f"So [1]: {code}\nIt is due [1].\n{code}", 16)
    assert sink.text == sink.written == f"So [1]: {code}\nIt is due [1].\n{code}"


@pytest.mark.parametrize("text", ["[" * 20_000, "a" * 20_000, "//" * 10_000, "![](" * 5_000, '[1: "' * 4_000])
async def test_what_never_settles_is_not_held_for_ever(text: str) -> None:
    started = time.perf_counter()
    sink = await streamed(text, 16)
    assert sink.pieces or not sink.written
    assert time.perf_counter() - started < 10


async def test_nobody_reads() -> None:
    assert await complete(PieceModel("x", 1), [HumanMessage("?")], []) == ("x", ())
