"""Notices passages that seem to address the model instead of the reader.

A sign beside the source, no defence: that is the fence around all sources (`app.chains.prompts`). So a flag may be
missing, but should not stand at ordinary text.
"""

from __future__ import annotations

import re
from typing import Final

INSTRUCTION_LIKE: Final = "instruction-like"
HIDDEN_TEXT: Final = "hidden-text"

_OUTPUT = r"(?:answers?|repl(?:y|ies)|responses?|messages?|outputs?|summary|summaries|completions?)"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|all|any|other|your|these|the)"
_RULES = r"(?:instructions?|prompts?|rules|guidelines|directions|context|commands|constraints)"
_SUBJECT = r"(?:we|i|you|they|he|she|it|the|this|that|these|those|thanks?|there|if|as|our|my|his|her|their|an?|no|what)"
"""Begins a statement or a question; instructions begin with a verb."""
_START = r"(?:^|[.!?:;|\"“])[ \t]{0,9}(?:(?:please|now) )?"
"""Of a sentence, a line or a cell. Nothing here repeats without bound, so that time grows with the length alone."""
_ADDRESSED = re.compile(
    # "Scramble the letters of your answer", at the beginning of a sentence or line
    rf"{_START}(?:in|within|to|at the end of|for) your {_OUTPUT}\b\s*[,:]"
    rf"|{_START}(?!{_SUBJECT}\b)[a-z]{{2,20}}\b[^.!?\n]{{0,160}}"
    rf"\b(?:in|of|for|to|within|with|as|from) (?:your|the model's) {_OUTPUT}\b"
    rf"|{_START}(?:modify|rewrite|provide|enhance|augment|render|format|give|end|begin"
    rf"|start|replace|translate|encode|jumble|alter|change|write|produce|make|limit|restrict) your {_OUTPUT}\b"
    # what has been said for decades to make a machine forget its orders
    rf"|\b(?:ignore|disregard|forget|override|bypass|do not follow|don't follow)\b[^.!?\n]{{0,40}}\b{_EARLIER}\b"
    rf"[^.!?\n]{{0,40}}\b{_RULES}\b"
    rf"|\b(?:ignorier|vergiss|missacht)\w*\b[^.!?\n]{{0,60}}\b(?:anweisung|instruktion|regel|vorgabe)\w*"
    rf"|\b(?:ignor[ae]|olvida|omite)\w*\b[^.!?\n]{{0,60}}\binstruccion\w*|\b(?:ignore[rz]?|oublie[rz]?)\b[^.!?\n]{{0,60}}"
    rf"\b(?:instructions|consignes)\b|(?:игнорируй|забудь)\w*[^.!?\n]{{0,60}}(?:инструкц|указани)"
    r"|忽略[^。！？\n]{0,20}(?:指示|指令|说明)"
    # whom it takes the reader for
    r"|\byou are (?:now )?(?:an? )?(?:AI|language model|assistant|chatbot|DAN)\b|\bas an AI (?:language )?model\b"
    r"|\b(?:system|developer) (?:prompt|mode)\b|\bjailbreak\b|<\|[a-z_]+\|>|\[/?INST\]"
    r"|^#{1,6}[ \t]{0,9}(?:system|instruction)s?[ \t]{0,9}:?$"
    r"|\b(?:do not|don't|never) (?:tell|inform|mention (?:this|it) to|reveal (?:this|it) to) the user\b"
    r"|\bfrom now on,? (?:you|always|only|answer|respond|reply)\b|\bpretend (?:to be|that you are)\b",
    re.IGNORECASE | re.MULTILINE,
)
_HIDDEN = re.compile(r"[\U000e0000-\U000e007f]{3,}|(?:[\u200b-\u200d\u2060\ufeff]\w?){6,}")


def find_suspicions(text: str) -> list[str]:
    """What is suspicious about a passage, as codes; mostly nothing."""
    found = [(INSTRUCTION_LIKE, _ADDRESSED), (HIDDEN_TEXT, _HIDDEN)]
    return [code for code, pattern in found if pattern.search(text)]
