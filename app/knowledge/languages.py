"""Recognises the language of texts in Latin letters by the small words that every sentence of it has.

Only languages that the stemmers know; those with a script of their own need no recognising, the letters tell.
"""

from __future__ import annotations

import re

ENGLISH = "english"

_SMALL_WORDS = {
    ENGLISH: (
        "in on at an a the of and to is was for that with are this by from which or were be has have it "
        "its as what who how when where why does did many much not their there been would can could will "
        "shall you your we our if than i my me should do about any he she they his her these between into "
        "must may"
    ),
    "german": (
        "in an es dass sei ging worum der die das und ist von den dem des ein eine einer einem einen "
        "nicht mit für auf im zu wird wurde sich auch als nach bei wie was wer wo wann warum welche "
        "welcher welches welchen viele sind war aus hat haben oder werden wurden kann durch über zum zur "
        "ich wir wenn muss mein meine unter zwischen ihr"
    ),
    "french": (
        "de la en un les le des et est une du dans pour que qui pas sur au aux par avec ce cette ces il "
        "elle sont été fut combien quel quelle quels quelles quand où comment pourquoi ou se ne nous vous "
        "mon ma leur être qu quoi avait ont peut entre"
    ),
    "spanish": (
        "de la en un a los e si cual cuales cuantos cuantas donde como quien cuando el las del y es una "
        "por con para que no se su al lo más fue qué quién cuál cuándo cuántos cuántas dónde cómo cuánto "
        "son está ha han era sus sobre entre también o pero hay mi debe según unos fueron cuáles quiénes"
    ),
    "italian": (
        "la le e un in a nell dell all è il lo gli di che non una per con del della dei delle dello degli "
        "nel nella nelle al alla sono si da come più quando quanto quanti quante chi cosa quale quali "
        "dove perché ha hanno stato anche o i deve fu dal dalla sul sulla"
    ),
    "portuguese": (
        "de a e um ou que no nos seus suas quanto o os as do da dos das em na nas uma para com não é foi "
        "por mais como se ao à são qual quais quem quando onde quantos quantas sua seu pelo pela também "
        "está ser foram deve há"
    ),
    "dutch": (
        "in van de een het en is dat op te voor met niet zijn aan er om ook als dan maar bij uit wat wie "
        "waar wanneer hoeveel hoe welke werd wordt worden heeft hebben naar door over deze dit ik we kan "
        "moet waarom tot"
    ),
    "swedish": (
        "i och att det som en är av för på med den till inte om har de ett var jag kan från vad vem hur "
        "när varför vilken vilket vilka många eller ska blev sig efter man under där också måste"
    ),
    "danish": (
        "i og at det er en af for på med den til ikke har de et som der fra hvad hvem hvor hvornår "
        "hvorfor hvordan hvilken hvilket hvilke mange eller skal blev sig efter kan jeg var ved også være "
        "må om"
    ),
    "norwegian": (
        "i og at det er en av for på med den til ikke har de et som fra hva hvem hvor når hvorfor hvordan "
        "hvilken hvilket hvilke mange eller skal ble seg etter kan jeg var ved også være må om å"
    ),
    "finnish": (
        "ja on ei että se oli hän ovat kun mutta tai myös joka kuin mitä mikä kuka missä milloin miksi "
        "miten montako kuinka ole olla olivat sen niin jos ne hänen jonka sekä mukaan voi tämä"
    ),
    "hungarian": (
        "az a és hogy nem is egy van volt meg mint de ha vagy ez azt mi ki hol mikor miért hogyan hány "
        "melyik mely milyen kell lehet után között szerint által mennyi voltak csak már"
    ),
    "romanian": (
        "a de și şi la în cu nu este pe un o din care ce să mai au fost pentru sunt al ale cine când unde "
        "cum câte câți cât dacă sau prin după fi lui cel cea trebuie"
    ),
    "turkish": (
        "ve bir bu da de için ile olarak ne kim nerede zaman nasıl neden kaç hangi olan daha çok en gibi "
        "kadar değil var mı mi mu mü ya veya sonra tarafından ise vardır nedir kimdir olduğu her"
    ),
}
LATIN_LANGUAGES = tuple(_SMALL_WORDS)
"""Names as the stemmers have them."""

_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in _SMALL_WORDS.items():
    for _word in dict.fromkeys(_words.split()):
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _language)

_BEGINNING = 400  # characters; a paragraph's first sentences have small words enough
_WHOLE = 840  # divisible by 1 to 8, so that counts are exact
_WORD = re.compile(r"[^\W\d_]+")


def is_small_word(word: str) -> bool:
    """Whether one of the languages has it in nearly every sentence, so that it says nothing about what is meant."""
    return word in _LANGUAGES_OF


def recognise_text(text: str) -> str:
    """The language of a text's beginning; English where nothing speaks for another, as in tables and names."""
    return likely_languages(text[:_BEGINNING])[0]


def likely_languages(text: str) -> tuple[str, ...]:
    """The languages of whose small words most occur, in a fixed order; all of them where none occurs.

    A word counts the less, the more languages share it. Capitals begin names, as that of Los Angeles,
    but for the first.
    """
    counts = dict.fromkeys(LATIN_LANGUAGES, 0)
    for place, word in enumerate(_WORD.findall(text)):
        languages = _LANGUAGES_OF.get(word if place else word.lower(), ())
        for language in languages:
            counts[language] += _WHOLE // len(languages)
    most = max(counts.values())
    return tuple(language for language, count in counts.items() if count == most)
