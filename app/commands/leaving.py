"""A server that tells its callers to go before it does."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic
from typing import Final

import uvicorn

_FAREWELL_S: Final = 1.0


class LeavingServer(uvicorn.Server):
    """Loses no request on connections that are kept open.

    uvicorn closes those at once on which nothing is being answered, and a request that is on its way by one of them is
    lost. For a second this one answers on with `Connection: close`, so that who is about to ask again opens a new
    connection: to another server, where a balancer stands before several.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.server_state.default_headers.append((b"connection", b"close"))
        until = monotonic() + _FAREWELL_S
        while self.server_state.connections and not self.force_exit and monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # uvicorn tells nobody when a connection ends
        await super().shutdown(sockets)
