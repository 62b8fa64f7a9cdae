"""The verbs of English statements that can be turned into questions, and their base forms."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

AUXILIARIES = frozenset("is are was were can may must will should could would might shall".split())
"""Those that change places with the subject; a negated one is not among them."""

# Those that are nouns as often as verbs are left out, but for some that a number mostly follows.
_REGULAR = (
    "abolish accept accompany achieve acquire add adopt advise allow amount announce appoint approve arrive ask attack"
    " attain attend attract award belong borrow calibrate call capture carry cause cease charge collect commission"
    " complete comprise conquer consist consume contain continue contribute convert cost cover create deliver deny"
    " describe deserve destroy develop die discover distribute divide donate double earn educate elect employ"
    " enter establish exceed expand expire export extend fail feature generate govern graduate handle happen"
    " help import improve include inhabit inherit insure introduce invade invent invest invite involve join launch"
    " live manage marry measure migrate move need obtain occupy offer operate organise organize own paint perform"
    " persuade possess prepare prevent proclaim produce prohibit promise propose prove provide publish receive"
    " recommend reduce refuse release rely remain remove rename repair replace represent require resign resolve"
    " resume retain retire reveal save secure serve settle sign start store succeed suffer supply surrender"
    " survive total treat triple unite use visit warrant weigh widen work"
)
_IRREGULAR = (
    "become:became begin:began bring:brought build:built buy:bought come:came draw:drew eat:ate emit:emitted"
    " fall:fell find:found fly:flew get:got give:gave go:went grow:grew have:had hold:held keep:kept lead:led"
    " leave:left lend:lent lose:lost make:made meet:met occur:occurred pay:paid rise:rose run:ran sell:sold"
    " send:sent spend:spent take:took teach:taught transfer:transferred win:won write:wrote"
)


class Verb(NamedTuple):
    """A finite form: what a question puts before the subject, and what it leaves behind it."""

    auxiliary: str
    base: str


def read_verb(word: str) -> Verb | None:
    """What a question makes of a verb: "did" and "grow" of "grew"; None of what is no known verb."""
    return Verb(word, "") if word in AUXILIARIES else _forms().get(word)


@cache
def _forms() -> dict[str, Verb]:
    pairs = [(base, _past(base)) for base in _REGULAR.split()]
    pairs += [(base, past) for base, past in (entry.split(":") for entry in _IRREGULAR.split())]
    forms: dict[str, Verb] = {}
    for base, past in pairs:
        forms |= {base: Verb("do", base), _third_person(base): Verb("does", base), past: Verb("did", base)}
    return forms | {"found": Verb("did", "find"), "founded": Verb("did", "found")}


def _third_person(base: str) -> str:
    if base == "have":
        return "has"
    if base[-1] == "y" and base[-2] not in "aeou":
        return f"{base[:-1]}ies"
    return f"{base}es" if base.endswith(("s", "sh", "ch", "x", "o")) else f"{base}s"


def _past(base: str) -> str:
    if base[-1] == "y" and base[-2] not in "aeou":
        return f"{base[:-1]}ied"
    return base + ("d" if base[-1] == "e" else "ed")
