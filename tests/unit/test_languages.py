"""The language of a text, told by its small words."""

from __future__ import annotations

import pytest

from app.knowledge.languages import LATIN_LANGUAGES, likely_languages, recognise_text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("english", "The notice period is six weeks to the end of a quarter."),
        ("german", "Die Kündigungsfrist beträgt sechs Wochen zum Ende des Quartals."),
        ("french", "Le délai de résiliation est de six semaines pour les deux parties."),
        ("spanish", "El plazo de preaviso es de seis semanas antes del fin del trimestre."),
        ("italian", "Il termine di preavviso è di sei settimane prima della fine del trimestre."),
        ("portuguese", "O prazo de aviso prévio é de seis semanas antes do fim do trimestre."),
        ("dutch", "De opzegtermijn is zes weken voor het einde van het kwartaal."),
        ("swedish", "Uppsägningstiden är sex veckor och ska räknas från slutet av kvartalet."),
        ("danish", "Hvad er opsigelsen, og hvor længe er der af kvartalet til den ophører?"),
        ("norwegian", "Hva er oppsigelsestiden, og hvor lenge er det av kvartalet til den opphører?"),
        ("finnish", "Irtisanomisaika on kuusi viikkoa ja se päättyy, kun neljännes on ohi."),
        ("hungarian", "A felmondási idő hat hét, és a negyedév végén jár le."),
        ("romanian", "Termenul de preaviz este de șase săptămâni și se încheie la sfârșit."),
        ("turkish", "İhbar süresi altı haftadır ve bu süre çeyrek için geçerlidir."),
    ],
)
def test_a_sentence_is_recognised(language: str, text: str) -> None:
    assert recognise_text(text) == language
    assert likely_languages(text) == (language,)


def test_names_do_not_make_a_text_foreign() -> None:
    assert (
        recognise_text("Teams of Los Angeles are the Los Angeles Lakers, Los Angeles Rams, La Galaxy")
        == "english"
    )


@pytest.mark.parametrize("text", ["", "12.4 13.9 2022", "REVENUE 2022", "契約期間は三年間です"])
def test_what_says_nothing_is_taken_for_english_and_may_be_any(text: str) -> None:
    assert recognise_text(text) == "english"
    assert likely_languages(text) == LATIN_LANGUAGES
