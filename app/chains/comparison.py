"""Splits a comparison into its items, and gives each item what is said of all: "A and B on price", "risks of A and B".

What is said of one item only stays with it: "the notice period in the handbook with the clause of the contract".
"""

from __future__ import annotations

import re

from app.chains.question_shapes import (
    COMPARISONS,
    IN_A_TEXT,
    NAME,
    OWN,
    PLACE_OR_TIME,
    SAME_AGAIN,
    SIDE_WORDS,
    WITH,
    YEAR,
)


def split_comparison(body: str, *, most: int) -> list[str]:
    """What to search for about each thing compared, at most `most`; empty when nothing is compared."""
    for pattern in COMPARISONS:
        if found := pattern.search(body):
            one = found.groupdict().get("one")
            things, said = _things_and_rest(found, one or "")
            items = [one, things] if one else _items(things)
            if not 2 <= len(items) <= most:
                continue
            items = _name_again(items)
            if said and not PLACE_OR_TIME.match(found["aspect"]) and not IN_A_TEXT.match(said):
                return _cross(items, found["aspect"], most)
            apart = re.search(f" {SIDE_WORDS[0]} ", things) is not None
            return [f"{part} {said}".strip() for part in _share(items, apart)]
    return []


def _things_and_rest(found: re.Match[str], one: str) -> tuple[str, str]:
    """The things compared, and what is said of all of them (preposition and aspect) unless the last owns it."""
    things, aspect = found["other" if one else "items"], found["aspect"]
    if not aspect:
        return things, ""
    said = found["said"].strip()
    preposition = said.removesuffix(aspect)
    before = f"{one} {things}"
    end = re.split(rf" {WITH} ", things, flags=re.IGNORECASE)[-1]
    is_shared = YEAR.search(aspect) or OWN.search(end) or (PLACE_OR_TIME.match(aspect) and end[:4] != "the ")
    owned = (
        f" {preposition}" in before
        or re.search(rf" {SIDE_WORDS[0]} ", aspect)
        or (OWN.fullmatch(f" {preposition}") and OWN.search(before) and not is_shared)
    )
    return (f"{things} {said}", "") if owned else (things, said)


def _items(text: str) -> list[str]:
    """The things listed; where two of them say their own place or owner, an "and" inside them is no border."""
    items = _list_items(text)
    if all(OWN.search(item) for item in items):
        return items
    for word in SIDE_WORDS:
        sides = re.split(rf" {word} ", text, flags=re.IGNORECASE)
        if len(sides) == 2 and all(OWN.search(side) for side in sides):
            return sides
    return items


def _name_again(items: list[str]) -> list[str]:
    """Put the first thing's noun for "that" and "those" of the others: "the leave in A", "that in B"."""
    noun = OWN.split(items[0])[0]
    return [items[0], *(SAME_AGAIN.sub(lambda _: noun, item) for item in items[1:])]


def _cross(items: list[str], aspect: str, most: int) -> list[str]:
    """Each item with each aspect as long as there is room, else with all of them at once."""
    aspects = _list_items(aspect)
    if len(aspects) * len(items) > most:
        aspects = [aspect]
    return [f"{part} of {_disown(item)}" for part in aspects for item in items]


def _share(items: list[str], apart: bool) -> list[str]:
    """Give every item what is said of one only: "Apple's and Microsoft's profit", "the risks of A and B".

    An item that says its own place or owner takes none from another, nor does one that is set `apart` by "with".
    """
    first, *_, last = items
    if (owned := re.match(r"(.+?)['’]s? (.+)", last)) and all(
        re.search(r"['’]s?$", item) for item in items[:-1]
    ):
        return [f"{owned[2]} of {_disown(owner)}" for owner in (*items[:-1], owned[1])]
    if all(re.fullmatch(NAME, item) for item in items[:-1]) and (
        named := re.match(rf"({NAME}) ([a-z].*)", last)
    ):
        return [f"{named[2]} of {owner}" for owner in (*items[:-1], named[1])]
    if (
        not apart
        and (tail := re.search(r" (?:of|for) .+", last))
        and not any(OWN.search(item) for item in items[:-1])
    ):
        return [*(f"{item}{tail[0]}" for item in items[:-1]), last]
    if (head := re.match(r".+ (?:of|for) ", first)) and not any(OWN.search(item) for item in items[1:]):
        return [first, *(f"{head[0]}{item}" for item in items[1:])]
    return [_disown(item) for item in items]


def _disown(item: str) -> str:
    return re.sub(r"['’]s?$", "", item.strip())


def _list_items(text: str) -> list[str]:
    items = re.split(rf",? {WITH} |, ", text.strip(), flags=re.IGNORECASE)
    return [re.sub(r"^both ", "", item.strip()) for item in items if item.strip()]
