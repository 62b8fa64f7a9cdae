"""Whose pages may call out of a browser: those of this machine and of the configured origins, and nobody else's.

A page of any web site can send requests to 127.0.0.1, and with a name of its own that it points there (DNS rebinding)
read the answers too. Programs send no `Origin`.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from app.errors import ForeignHost, ForeignOrigin

_ANYBODY = "*"
_OWN_PAGES = ("same-origin", "none")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class KnownCallers:
    """`origins` are those of `LLMOPS_CORS_ORIGINS`; their hosts are also names under which this server is called."""

    def __init__(self, origins: Sequence[str], host: str) -> None:
        self._open = _ANYBODY in origins
        self._origins = {origin.rstrip("/").lower() for origin in origins}
        self._hosts = {"localhost", host.lower(), *(_host(origin) for origin in origins)}

    def check(self, headers: Headers) -> None:
        """Raises ForeignHost or ForeignOrigin."""
        if self._open:
            return
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_ours(_host(f"//{host}")):
            raise ForeignHost(
                f"{host!r} is not a name of this server; LLMOPS_HOST and the hosts of LLMOPS_CORS_ORIGINS are"
            )
        if origin is not None and not self._may_call(origin.lower(), host.lower()):
            raise ForeignOrigin(
                f"Pages of {origin!r} may not call this address; LLMOPS_CORS_ORIGINS allows them"
            )

    def check_page(self, headers: Headers) -> None:
        """Refuse what a page of another site sends with credentials that the browser adds by itself.

        The host may be any that a proxy serves. `Sec-Fetch-Site` says the same as `Origin` where that proxy hides the
        host; neither can be made up by a page, and programs send neither.

        Raises ForeignOrigin.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if self._open or site in _OWN_PAGES or (origin is None and site is None):
            return
        if origin is None or not self._may_call(origin.lower(), headers.get("host", "").lower()):
            raise ForeignOrigin(
                f"Pages of {origin or 'another site'!r} may not use a password that a browser keeps; "
                "LLMOPS_CORS_ORIGINS allows them"
            )

    def _is_ours(self, host: str) -> bool:
        """An address needs no list: rebinding takes a name."""
        return host in self._hosts or _is_address(host)

    def _may_call(self, origin: str, host: str) -> bool:
        is_same = origin in (f"http://{host}", f"https://{host}")
        return origin in self._origins or is_same or _host(origin) in _THIS_MACHINE


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
