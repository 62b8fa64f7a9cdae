"""The shapes of research questions that `decompose` can split; English first, some German, French and Spanish."""

from __future__ import annotations

import re

WITH = r"(?:and|with|to|against|versus|vs\.?|und|mit|et|avec|y|con)"
SIDE_WORDS = (r"(?:with|mit|avec|con)", r"(?:versus|vs\.?|against)", "to", "(?:and|und|et|y)")
"""What stands between the two sides of a comparison, the clearest first."""
OWN = re.compile(r" (?:in|of|from|under|for|im|von|aus|dans|del?|du|en) ", re.IGNORECASE)
"""Begins what is said of one of the things compared: "the notice period *in* the lease"."""
SAME_AGAIN = re.compile(rf"^(?:that|those|the ones?)(?={OWN.pattern})", re.IGNORECASE)
ASPECT = (
    r"(?:on|by|in terms of|with (?:regard|respect) to|with reference to|regarding|concerning|in|for|as to|according to"
    r"|based on|hinsichtlich|bezüglich|in bezug auf|en cuanto a|respecto a|concernant|quant à|par rapport à)"
)
_DIFFERENCES = (
    r"(?:differences?|similarities(?: and differences)?|comparison|relationship|connection|link|correlation)"
)
_COMPARE = (
    r"(?:compare|contrast|juxtapose|compar(?:a|ez|er|ar)|vergleiche?n?"
    rf"|(?:(?:what|which) (?:are|is) )?(?:(?:the|a) )?(?:main |key )?{_DIFFERENCES} (?:between|of)"
    r"|unterschiede? zwischen|diferencias entre|différences entre)"
)
_ABOUT_ASPECT = rf"(?P<said> {ASPECT} (?P<aspect>.+))?$"

COMPARISONS = tuple(
    re.compile(pattern + _ABOUT_ASPECT, re.IGNORECASE)
    for pattern in (
        rf"{_COMPARE} (?P<items>.+? {WITH} .+?)",
        r"how (?:do|does|did) (?P<items>.+? and .+?) (?:differ|compare|relate)(?: to (?:each other|one another))?",
        (
            r"how (?:does|do|did|is|are) (?P<one>.+?) (?:different|differ|compare|related?)"
            r"(?: from| to| with)? (?P<other>.+?)"
        ),
        r"(?P<one>[\w.&' -]+?) (?:versus|vs\.?) (?P<other>.+?)",
    )
)
"""Things compared (`items` in a list, or `one` and the `other`) and what is `said` of all: preposition and `aspect`."""

IN_A_TEXT = re.compile(r"in (?:the|this|our|my|a) ", re.IGNORECASE)
NAME = r"[\w&.-]*[A-ZÀ-ÖØ-Þ][\w&.-]*(?: [A-ZÀ-ÖØ-Þ][\w&.-]*)*"
PLACE_OR_TIME = re.compile(r"(?:the )?(?:FY ?|Q[1-4] )?(?:[A-ZÀ-ÖØ-Þ]|\d{4})")
"""What follows "in" and is no aspect but holds for all parts."""

YEAR = re.compile(r"(?:FY ?|Q[1-4] )?(?:19|20)\d\d|Q[1-4]\b", re.IGNORECASE)
_NEXT_YEAR = r"(?:, and |, | ?(?:and|to|until|through|versus|vs\.?|or|bis|und|et|y|a|[-–]) ?)"
YEARS = re.compile(
    r"(?:\b(?:from|between|in|for|of|von|zwischen|de|entre) )?(?:the (?:years|quarters) )?"
    rf"(?:{YEAR.pattern})(?:{_NEXT_YEAR}(?:{YEAR.pattern}))+",
    re.IGNORECASE,
)
RANGE = re.compile(r"\b(?:from|between|to|through|until|von|bis|zwischen|de|entre)\b|[-–]", re.IGNORECASE)

SIDES = re.compile(
    r"\b(pros|advantages|benefits|strengths|risks|costs|causes|arguments for|similarities|vorteile|avantages|ventajas)"
    r",? (?:and|&|und|et|y) (?:the |les |las )?"
    r"(cons|disadvantages|drawbacks|downsides|weaknesses|benefits|risks|effects|consequences|against|arguments against"
    r"|differences|nachteile|inconvénients|desventajas)\b(?: (?:of|for|between|von|de|des|del))? (.+)",
    re.IGNORECASE,
)

RELATIVE = re.compile(
    r"\b(?:the|a|an|that) (?P<noun>(?:(?!of\b)[\w-]+ ){0,2}?[\w-]+),?"
    r" (?P<link>that|which|who|where|in which|to which|whose) (?P<clause>[^,?]+)",
    re.IGNORECASE,
)
_PROPER = r"[A-ZÀ-ÖØ-Þ][\w'’-]*"
INNER = re.compile(
    rf"\b(the [a-z-]+(?: [a-z-]+)? of (?:the )?{_PROPER}(?: (?:of |the |and )?(?:{_PROPER}|\d+))*)"
    r"(?<!['’]s)(?![\w'’])"
)

_TEXTS = (
    r"(?:documents?|reports?|contracts?|files?|papers?|agreements?|leases?|filings?|studies|policies|sources|versions"
    r"|verträgen?|berichten?|dokumenten?|contrats|rapports|contratos|informes|documentos)"
)
SEVERAL_TEXTS = re.compile(
    r"(?: (?:in|of|from|der|den|de los|des|dans|en))?(?:^| )(?:both|all|each|every|across|among"
    r"|the (?:two|three|four|different|various|several)|several|beiden?|allen?|ambos|ambas|todos|tous|toutes|deux)\b"
    rf".{{0,25}}?\b{_TEXTS}\b(?:['’]s?)?",
    re.IGNORECASE,
)

SENTENCE_END = re.compile(
    r"(?<=[?!])\s+|(?<=[^\W\d]{2}[.;])\s+|,? (?:and|und|et|y) (?=(?:how|why|what|where|who|when|which|warum)\b)"
)
REQUEST = re.compile(
    r"^(?:please |can you |could you |i (?:want|need) (?:you )?to |let's )*(?:give me |provide |write |do |perform )?"
    r"(?:(?:a|an) )?(?:detailed |thorough |in-depth |critical |research )*(?:compare|contrast|analy[sz]e|analysis of"
    r"|vergleiche|compara|comparez|investigate|examine|evaluate|assess|discuss|explore|research|report on|trace"
    r"|look into|summari[sz]e|describe|explain|identify|find|analysiere|untersuche|analysez|analiza|investiga)(?: |$)",
    re.IGNORECASE,
)
"""A request's opening, after which its topic begins."""
BACKING = re.compile(
    r",? (?:with|and (?:back|support|cite)|citing|back(?:ed|ing)?|giving|based on) (?:[\w-]+ ){0,4}"
    r"(?:evidence|quotes?|quotations?|references|citations?|sources|proof|passages)\b.*$",
    re.IGNORECASE,
)
"""A demand for evidence, which every answer meets and no search needs."""
