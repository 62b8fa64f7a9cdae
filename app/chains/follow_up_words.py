"""The words and shapes by which `carry_over` recognises follow-ups; English first, then German, French and Spanish."""

from __future__ import annotations

import re

CAPITAL = r"[A-ZÀ-ÖØ-Þ0-9][\w&.-]*"
NAME = re.compile(rf"(?<=[\w,’'\")] ){CAPITAL}(?: {CAPITAL})*")
YEAR = re.compile(r"\b(?:FY ?|Q[1-4] )?(?:19|20)\d\d\b|\bQ[1-4]\b", re.IGNORECASE)
PREPOSITION = (
    r"(?:in|on|at|for|of|from|with|about|by|to|under|during|between|after|before|since|für|von|bei|mit|über|nach|aus"
    r"|à|de|en|pour|dans|chez|para|sobre|con)"
)
BE = r"(?:is|are|was|were|'s|ist|sind|war|waren|est|sont|était|es|son|fue|fueron|era)"
DO = r"(?:do|does|did|has|have|had|can|could|will|would|shall|should|may|must|hat|haben|kann|muss|a|ont|ha|han)"
WH = (
    r"(?:what|which|who|whom|whose|when|where|why|how(?: (?:much|many|long|old|often|far|large|high))?"
    r"|was|welche[rsmn]?|wer|wann|wo|warum|wie(?: (?:viel|viele|hoch|lange|alt|oft))?"
    r"|quels?|quelles?|que|qui|quand|où|pourquoi|comment|combien|cuáles|cuál|qué|quién|cuándo|dónde|cómo|cuántos?)"
)
LEAD = re.compile(
    rf"^¿?(?:{WH}\b(?: (?!{BE}\b|{DO}\b)[a-zà-ÿ-]+){{0,3}}? (?P<be>{BE})\b|{WH}\b(?: [a-zà-ÿ-]+){{0,3}}? {DO}\b"
    rf"|(?P<first>{BE})\b|{DO}\b|{WH}\b)\s*",
    re.IGNORECASE,
)
AND = r"(?:and|but|or|also|und|aber|et|mais|y|pero)"
OPENING = re.compile(
    rf"^¿?(?:{AND}\b,? ?)?(?:(?:what|how) about|what of|was ist mit|wie (?:sieht es|steht es) mit"
    rf"|qu'en est-il (?:de|du))? ?",
    re.IGNORECASE,
)
BARE = re.compile(
    rf"^¿?(?:{AND} )?((?:since |by |until |for |por )?{WH}(?: (?:not|so|exactly|else|nicht|pas|no))?)\W*$",
    re.IGNORECASE,
)
GO_ON = re.compile(
    r"^(?:please |can you |could you )*"
    r"(?:tell me more|more(?: (?:details?|information|please))*|go on|continue|elaborate|"
    r"explain(?: (?:that|this|it|why|further|in more detail))*|(?:give|show|name)(?: me)? (?:an? |some |more )*"
    r"(?:examples?|details?)|(?:for )?examples?|are you sure|really|mehr(?: dazu)?|erzähl mehr|genauer)"
    r"(?: about (?:it|that))?(?: please)?\W*$",
    re.IGNORECASE,
)
PRONOUN = re.compile(
    r"\b(?P<person>it|its|they|them|their|he|him|his|she|her)\b"
    r"|\b(?:is|was|does|did|of|by|about|for|with|from|after|under) (?P<pointing>that|this|these|those)\b"
    r"(?! (?:document|report|contract|agreement|file|paper|text|section|policy|page)\b)"
    r"|\b(?P<last>that|this|these|those|there)\b(?=\W*$)",
    re.IGNORECASE,
)
EXPLETIVE = re.compile(
    r"\b(?:is|was|be) it (?:\w+ly )?(?:possible|allowed|permitted|legal|necessary|required|true|ok|okay|safe|common"
    r"|normal|worth|important|mandatory|forbidden|clear|likely)\b|\bdoes it (?:take|matter|make sense)\b"
    r"|\bis there\b|\bare there\b",
    re.IGNORECASE,
)
ARTICLE = re.compile(r"(?:the|a|an|my|our|your|der|die|das|den|le|la|les|l'|el|los|las)\b", re.IGNORECASE)
OWNER = re.compile(rf"\b(?P<slot>{CAPITAL}(?: {CAPITAL})*['’]s?)(?= )")
SUBJECT = re.compile(rf"\b{BE} (?P<slot>{ARTICLE.pattern} .+?)(?= {PREPOSITION} |$)", re.IGNORECASE)
LAST_OBJECT = re.compile(r"\b(?:for|of|to|on|about|für|von|pour|para) (?P<slot>[a-zà-ÿ-]+)$")
ASKS_NAME = re.compile(rf"who\b|(?:which|what) (?!{BE}\b|{DO}\b)\w+ (?!{BE}\b|{DO}\b)", re.IGNORECASE)
CLAUSE = re.compile(r"\b(?:when|if|because|while|that|who|which|where|wenn|dass|quand|cuando)\b|[,;(]")
OWNERS = frozenset("its their his her".split())
PERSONS = frozenset("he him his she her".split())
