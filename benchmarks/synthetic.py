"""Texts without a meaning but with the shape of English, the same on every run."""

from __future__ import annotations

from random import Random

from benchmarks.datasets import PROJECT

WORDS_PER_CHUNK = 130
"""About 800 characters, or 200 word pieces."""

_SYLLABLES = (
    "ba",
    "cor",
    "del",
    "fin",
    "gra",
    "hel",
    "ist",
    "jor",
    "kel",
    "lum",
    "mar",
    "nov",
    "per",
    "ros",
    "tan",
    "vel",
)
_RARE_SHARE = 0.08


class TextSource:
    """Draws words as often as the sample documents use them, some rare invented ones among them."""

    def __init__(self, seed: int = 7) -> None:
        self._random = Random(seed)  # reproducible, not secret  # nosec B311
        documents = PROJECT / "examples" / "documents"
        texts = [
            path.read_text(encoding="utf-8")
            for path in sorted(documents.iterdir())
            if path.suffix in {".md", ".txt"}
        ]
        self._words = [word for text in texts for word in text.split() if word[0].isalpha()]

    def chunk(self, words: int = WORDS_PER_CHUNK) -> str:
        return " ".join(self._invented() if rare else word for word, rare in self._draw(words))

    def chunks(self, count: int) -> list[str]:
        return [self.chunk() for _ in range(count)]

    def question(self, chunk: str) -> str:
        """Words of the chunk as somebody might ask for it."""
        return f"What is said about {' '.join(self._random.sample(chunk.split(), 6))}?"

    def _draw(self, words: int) -> list[tuple[str, bool]]:
        drawn = self._random.choices(self._words, k=words)
        return [(word, self._random.random() < _RARE_SHARE) for word in drawn]

    def _invented(self) -> str:
        return "".join(self._random.choices(_SYLLABLES, k=4))
