"""The lexicon of `request_grammar`: phrases and words by grammatical class; English, German, French and Spanish.

All entries are folded (`app.models.terms.fold`): lower case, no accents. An entry that ends in `*` is a prefix; of two
classes that hold a word the first counts. The letters are the alphabet of the patterns in `request_grammar`:

    S verb: to summarise       C, c verb: to analyse, compare     V verb: to differ, to agree; v similar
    N noun: a summary          R noun: a comparison, an analysis  M verb: to change
    T point, finding, topic    D a kind of text                   X difference (of concepts or of documents)
    A weighty, short; e deep   Z "in three sentences"             E "with evidence", "in depth"
    G give, write, explain     B be                               O do, have
    W what, which; h how       w who, when, where, why            i if
    L the, my, me, a number    l a, some                          p I, we, she
    P preposition              K and, then, to                    Q both, all, several
    I this, it                 J about                            F say, cover, deal with
    U versus                   Y over time, a range of years      a across
    ! pros and cons            # a year, a long number            n a name       s 's       x any other word
"""

from __future__ import annotations

_UNITS = r"(?:sentences?|words|lines|paragraphs?|bullets?(?: points?)?|minutes?|pages?)"
_DOCUMENT = r"(?:document|report|paper|text|file|contract|agreement|pdf|it|this)"
_YEAR = r"(?:\w+ )?(?:fy ?|q[1-4] )?\d{4}"
_AGAINST = (
    r"(?:the )?(?:disadvantages?|drawbacks?|downsides?|weaknesses|limitations|costs|risks|benefits|negatives)"
)
_BACKING = r"(?:with |on )?(?:\w+ ){0,3}?(?:evidence|proofs?|quotes?|quotations|citations?|passages|references|sources)"
_REST = r"[^.?!]{0,40}?"

PHRASES: dict[str, tuple[str, ...]] = {
    # A word of the lexicon, and the phrases of several words that it stands for; each phrase is a whole-word pattern.
    "tldr": (r"tl\W{0,2}dr", r"too long,? did(?:n't| not) read"),
    "summarize": (
        r"(?:sum|wrap|boil|break|cut|narrow)(?: (?!and\b)[\w'-]+){0,6}? (?:up|down to)",
        r"boil(?: [\w'-]+){0,6}? down",
        r"(?:brief|catch) (?:me|us)(?: up)?",
        r"(?:bring|get) (?:me|us) up to speed",
        rf"(?:turn|make|convert|rewrite|cut|reduce|squeeze)\b{_REST}\b(?:shorter|short|concise)",
        rf"(?:turn|make|convert|rewrite|cut|reduce|squeeze)\b{_REST}\b(?:in)?to {_REST}(?:summary|{_UNITS})",
        r"what (?:should|can) (?:i|we) take away",
        rf"what (?:do|should|must) (?:i|we) (?:need to |have to )?know(?=\W*$| about\b{_REST}\b{_DOCUMENT}\b)",
    ),
    "zusammenfassen": (r"fass(?:e|en sie|t)?(?=[^.?!]{0,80}\bzusammen\b)",),
    "gist": (
        r"big(?:ger)? picture|bottom line|short version|long story short|cliff ?notes|in a nutshell|main thrust",
        r"kurzfassung|im wesentlichen|kurz gesagt|vue d'ensemble|en bref|en resume|en resumen",
    ),
    "about-what": (
        r"wor?(?:um|von|uber) (?:geht|handelt|berichtet)(?: es)?",
        r"de que (?:trata|va|habla)|de quoi (?:parle|traite|s'agit|est-il question)",
    ),
    "what": (r"was(?= (?:ist|sind|waren|sagt|bedeutet|kostet)\b)",),
    "what is in": (r"was steht in",),
    "pros-and-cons": (
        r"pros?(?: and | & |/)cons?|plus(?:es)? and minus(?:es)?|trade-? ?offs?|side[- ]by[- ]side",
        rf"(?:advantages?|benefits?|strengths?|merits?|upsides?|risks?|positives?)(?:,? and | & |/| or ){_AGAINST}",
        r"for and(?: \w+){0,3} against|(?:speaks?|argues?|counts?) against",
        r"(?:vor|nach)- und (?:nach|vor)teile?|starken und schwachen|pour et (?:le )?contre|pros y contras",
        r"ventajas y (?:las )?(?:des|in)\w+|avantages et (?:les )?(?:des|in)\w+",
    ),
    "in-depth": (
        r"deep[- ]dive|in[- ]depth|at length|in (?:great |full |more )?detail|im detail|en detail|en detalle",
        r"thoroughly|comprehensively|systematically|to (?:what|which) extent|in (?:what|which) ways?",
        r"mit belegen|avec (?:des )?preuves|con (?:pruebas|evidencias?)",
        rf"(?:with|based on|citing|cite|quote|backed by|supported by)(?= {_BACKING}\b)",
        rf"(?:back|support) (?:it|this|that|your \w+)(?: up)?(?= {_BACKING}\b)",
    ),
    "in-short": (
        rf"in (?:(?:just|only|at most|about|a|an) )?(?:\w+ |couple of )?{_UNITS}",
        r"briefly|in (?:brief|short)|in (?:simple|plain) (?:terms|words|english)|in wenigen (?:satzen|worten)",
        r"en (?:quelques|pocas|\w+) (?:mots|phrases|palabras|frases|lignes)",
    ),
    "over-time": (
        r"over (?:the )?(?:time|(?:\w+ ){0,2}(?:years|quarters|months|decades?|periods?))|through(?:out)? the \w+",
        r"across (?:the )?(?:\w+ )?(?:years|quarters|periods)|im laufe der|au fil d\w+|a lo largo del?",
        r"(?:year|quarter|month|meeting|week)[- ](?:on|over|by|to|after)[- ]\w+",
        r"(?:from|von|de) (?P<unit>\w+) (?:to|zu|a) (?P=unit)",
        rf"(?:from|between) {_YEAR} (?:to|until|through|and) {_YEAR}|\d{{4}}\s?[-–]\s?\d{{4}}",
        r"von \d{4} bis \d{4}|de \d{4} a \d{4}|entre \d{4} (?:et|y) \d{4}|(?:since|seit|depuis|desde) \d{4}",
    ),
    "analysis": (
        r"(?:a|an) (?:[\w-]+ ){0,3}(?:report|review|study|dossier|essay|memo)(?= (?:on|about|into|comparing|how)\b)",
    ),
    "examine": (
        r"(?<![\w,] )study(?= (?:the|how|both|all|these)\b)|(?:map|work) out|look into",
        rf"set(?= {_REST}\bagainst\b)",
    ),
    "how-much": (r"how (?:much|many|long|often|old|far|large|big|high)",),
    "research-and-development": (r"research (?:and|&) development",),
    "": (r"-(?:moi|nous|vous|tu|t-il|t-elle|ils?|elles?|on)",),
}

WORDS: dict[str, str] = {
    "S": (
        "summari* condense condensing shorten abridge recap recapitulate distil* digest"
        " synopsize tldr outline simplify paraphrase about-what zusammenfass* zusammenzufass* resume"
        " resumer resumez resumir resumeme resumelo resuma condensa condensez synthetise* sintetiza*"
    ),
    "N": (
        "summary summaries overview gist synopsis abstract rundown highlights highlight takeaways"
        " takeaway essence essentials nutshell plot storyline primer cheatsheet precis headlines crux"
        " zusammenfassung* uberblick ubersicht kernaussage* kernpunkte quintessenz fazit wesentliche"
        " resumen sintesis sinopsis apercu synthese essentiel esencial"
    ),
    "c": "compare contrast correlate",
    "C": (
        "comparing contrasting analyse analyze analyzing analysing investigate investigating research"
        " researching examine examining evaluate evaluating assess assessing explore exploring weigh"
        " weighing juxtapose rank trace tracing cross-check crosscheck cross-reference crossreference"
        " benchmark reconcile differentiate distinguish discuss scrutinize scrutinise review synthesize"
        " triangulate critique probe dissect vergleiche vergleichen vergleicht analysier* untersuch*"
        " bewerte bewerten erforsch* erorter* beurteile beurteilen prufe gegenuberstellen comparez"
        " comparer comparons analysez analyser analysons etudiez examinez evaluez comparar compara"
        " comparame analizar analiza analice investigar investiga examina evalua contrasta"
    ),
    "!": "pros-and-cons",
    "R": (
        "comparison comparisons differences similarities parallels contrasts analysis analyses trends"
        " trend patterns evolution relationship relationships interplay interaction interactions"
        " correlation correlations connection connections link links discrepancies discrepancy"
        " inconsistencies inconsistency contradictions contradiction disagreements conflicts evidence"
        " investigation evaluation assessment commonalities counterarguments implications perspectives"
        " viewpoints unterschiede gemeinsamkeiten ahnlichkeiten gegenuberstellung vergleich zusammenhang*"
        " entwicklung widerspruche similitudes comparaison tendances relation relations diferencias"
        " semejanzas comparacion analisis tendencias relacion contradicciones"
    ),
    "X": "difference unterschied diferencia",
    "V": (
        "differ differs differed diverge diverges compares compared relate relates disagree disagrees"
        " contradict contradicts agree align aligns deviate deviates overlap overlaps interact interacts"
        " evolve evolves evolved evolving unterscheiden unterscheidet widersprechen different*"
        " distinguent contredisent difieren diferencian contradicen relacionan"
    ),
    "v": (
        "different consistent inconsistent related connected linked interrelated comparable compatible"
        " similar alike"
    ),
    "M": (
        "change changed changes develop developed develops shift shifted move moved progress progressed"
        " vary varied varies fluctuate* grown grow grew transformed entwickel* verander* evolue*"
        " evolucion* change* cambi* performed"
    ),
    "T": (
        "point points finding findings idea ideas topic topics subject subjects theme themes message"
        " messages conclusion conclusions argument arguments insight insights fact facts result results"
        " lesson lessons statements content contents contribution contributions aspects thing things"
        " information parts punkte aussagen ergebnisse erkenntnisse themen inhalte puntos conclusiones"
        " temas hallazgos"
    ),
    "A": (
        "main key most important central major principal core essential short brief quick concise rough"
        " general high-level executive one-page broad compact basic chief primary overall biggest simple"
        " full direct careful structured clear complete whole entire long longer wichtigste* wesentlichen"
        " zentrale* kurze* principaux principales principale cles cle essentiels essentielles importants"
        " importantes bref breve court courte clave claves corto rapide rapido"
    ),
    "e": "detailed comprehensive thorough systematic critical exhaustive rigorous balanced",
    "a": "across",
    "D": (
        "document documents doc docs pdf pdfs file files text texts report reports paper papers article"
        " articles study studies book books chapter chapters section sections manual manuals handbook"
        " handbooks guide story essay filing filings contract contracts agreement agreements lease leases"
        " policy policies transcript transcripts minutes memo memos letter letters source sources thesis"
        " attachment upload uploads whitepaper brochure presentation slides deck version versions"
        " material materials 10-k 10-q 10-ks 10-qs publication publications excerpt interviews speech"
        " dokument* bericht* vertrag* vertrage* datei* artikel handbuch* kapitel* studie* buch abschnitt*"
        " rapport* contrat* texte* fichier* livre* chapitre* etude* documento* informe* texto* archivo*"
        " articulo* libro* capitulo* estudio*"
    ),
    "i": "if unless wenn falls si",
    "w": (
        "how-much who whom whose when where why whether wer wen wem wann wo warum wieso qui quand"
        " pourquoi quien* cuando donde cuanto* combien wieviel"
    ),
    "h": "how wie comment como",
    "W": "what which welche* quel* que cual*",
    "B": "is are was were be exist exists gibt existen existent 's sind ist waren est sont es son",
    "O": "does do did has have had can could should would will may might must hat haben hay",
    "G": (
        "give giving show provide write create make produce prepare draft generate present list tell"
        " explain describe find identify conduct perform do get bring send put compile collect gather"
        " establish determine look check compose introduce draw walk illustrate clarify gib geben zeig"
        " zeige schreib schreibe erstelle mach mache nenne erklare beschreibe finde donne donnez fais"
        " faites montre montrez ecris ecrivez explique expliquez decris decrivez redige redigez dame"
        " hazme haz muestra muestrame escribe explica explicame describe dime elabora proporciona"
    ),
    "l": "a an any some ein eine einen einem einer un une una unos",
    "p": "i we you they he she nobody somebody someone ich wir sie er je il elle ils yo",
    "L": (
        "the my our your their its me us him them her these those one two three four five d der die das"
        " den dem des mir uns le la les l moi cet cette ces ce el los las me nos este esta estos estas"
        " dieses dieser diesen please bitte full here there just really actually exactly"
    ),
    "P": (
        "of in on for from with at by to into between among within through against per regarding"
        " concerning according as like under since over von im auf fur mit aus zu zum zur vom uber"
        " zwischen bei de du dans sur pour avec entre en del al sobre para con por"
    ),
    "K": "and then or und dann et puis y luego but plus also",
    "Q": (
        "both all each every several multiple various different other alle beide* mehrere* verschiedene*"
        " tous toutes deux plusieurs ambos ambas dos varios varias todos todas many respective everything"
    ),
    "I": "this it that diesem",
    "J": "about",
    "F": (
        "covered contained discussed addressed say says cover covers contain contains deal deals address"
        " addresses argue argues convey behandelt sagt dit contient dice"
    ),
    "U": "versus vs gegenuber",
    "Z": "in-short",
    "E": "in-depth",
    "Y": "over-time",
}

FRAMES: tuple[str, ...] = (
    # Politeness before the request proper, taken away again and again from the beginning of a clause.
    r"(?:please|kindly|hi|hello|hey|ok(?:ay)?|so|now|then|well|thanks|just|also|next|finally)\b(?: there)?",
    r"(?:can|could|would|will) you(?: please| kindly| just| also)*(?: be (?:so kind|able) (?:as )?to)?\b",
    r"(?:can|could|may) (?:i|we)(?= (?:get|have|see)\b)",
    r"(?:i|we)(?: would|'d| should)? (?:(?:really|just|also|only) )?(?:like|love|want|need|wish)\b(?: for\b)?",
    r"(?:you )?to (?:know|understand|see|learn|find out|get|have)\b",
    r"(?:you|somebody|someone) to\b",
    r"(?:help|assist) (?:me|us)(?: to| with| in)?\b|(?:let us|let's|lets|let me have|go ahead and|try to)\b",
    r"(?:would you mind|is it possible to|how about|i(?: am|'m) (?:looking for|interested in))\b",
    r"(?:kannst du|konntest du|konnen sie|konnten sie|wurdest du|wurden sie)(?: mir| uns)?\b|bitte\b",
    r"(?:ich|wir) (?:mochten?|hatten?|brauchen?|wollen|will)(?: gerne?)?\b",
    r"(?:(?:tu |vous )?(?:peux|pouvez)|pourriez|je voudrais|j'aimerais|s'il (?:te|vous) plait)(?: me| nous)?\b",
    r"(?:puedes|podrias|puede|podria|quiero|quisiera|necesito)\b(?: me| que)?|por favor\b",
)
