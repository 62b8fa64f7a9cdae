"""Write docs/licences.md: the licence of every package that the lock installs, as the package itself states it.

`python -m scripts.licences` in the environment of the project. A package whose licence nobody has looked at stops it.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?: *; *([^\\\n]+?))? *\\?$", re.MULTILINE)
_LONGEST = 60

# By words of what a package says of itself, the stricter ones first.
FAMILIES: tuple[tuple[str, str], ...] = (
    (r"langserve", "LangServe's own"),
    (r"agpl|affero", "AGPL"),
    (r"lgpl|lesser general", "LGPL"),
    (r"\bgpl|gnu general", "GPL"),
    (r"mpl|mozilla", "MPL-2.0"),
    (r"apache", "Apache-2.0"),
    (r"bsd|0bsd", "BSD"),
    (r"isc\b|iscl", "ISC"),
    (r"psf|python software foundation|python-2", "PSF-2.0"),
    (r"unlicense|public domain|cc0", "public domain"),
    (r"hpnd|pil software", "HPND"),
    (r"\bmit\b|expat", "MIT"),
)
# What neither its metadata nor its classifiers tell, read in its LICENSE file.
READ_BY_HAND: dict[str, str] = {}

_HEAD = """# Licences of the dependencies

Written by `make licences` from the metadata of the packages in `requirements.lock`; do not edit it. The project itself
is MIT. **LangServe** is the one package whose licence is not an open-source one: it may be used and changed, and no
substantial part of its features may be given to third parties as a hosted or managed service
([its text](https://github.com/langchain-ai/langserve/blob/main/LICENSE),
[how it is kept replaceable](adr/0001-langserve-and-langchain-community.md)).
"""


def locked(lock: Path) -> list[str]:
    """The names of the packages in a lock, once each, in its order."""
    return list(dict.fromkeys(found[1] for found in _LOCKED.finditer(lock.read_text())))


def stated(package: Distribution) -> str:
    """What the package says of its licence: the expression, else the classifiers, else the field of old times."""
    metadata = package.metadata
    classifiers = [value for value in metadata.get_all("Classifier") or [] if value.startswith("License ::")]
    named = [value.rsplit(" :: ", 1)[-1] for value in classifiers if value != "License :: OSI Approved"]
    expression, field = (
        (metadata.get_all(name) or [""])[0].strip() for name in ("License-Expression", "License")
    )
    known = [value for value in named if value != "Other/Proprietary License"]
    return expression or " or ".join(known) or field.partition("\n")[0] or " or ".join(named)


def family(name: str, words: str) -> str:
    """The licence by the name under which people know it.

    Raises:
        LookupError: what the package says is unknown here.
    """
    if name in READ_BY_HAND:
        return READ_BY_HAND[name]
    found = [title for pattern, title in FAMILIES if re.search(pattern, words, re.IGNORECASE)]
    if not found:
        raise LookupError(
            f"{name} says {words!r} of its licence: read it, and add it to READ_BY_HAND or FAMILIES"
        )
    return " / ".join(found)


def page() -> str:
    """The page as it has to be."""
    rows: list[tuple[str, str]] = []
    for name in locked(ROOT / "requirements.lock"):
        try:
            words = stated(distribution(name))
        except PackageNotFoundError:
            rows.append((name, "not installed on this system"))
            continue
        rows.append((name, family(name, words)))
    counts: dict[str, int] = {}
    for _, title in rows:
        counts[title] = counts.get(title, 0) + 1
    summary = "\n".join(
        f"| {title} | {count} |" for title, count in sorted(counts.items(), key=lambda each: -each[1])
    )
    listing = "\n".join(f"| {name} | {title} |" for name, title in rows)
    return f"{_HEAD}\n| licence | packages |\n|---|---|\n{summary}\n\n| package | licence |\n|---|---|\n{listing}\n"


def main() -> None:
    try:
        PAGE.write_text(page())
    except LookupError as error:
        sys.exit(f"error: {error}")
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
