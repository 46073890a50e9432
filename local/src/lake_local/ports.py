"""Ports on 127.0.0.1: choosing a free one, and saying plainly that one is taken."""

from __future__ import annotations

import socket
from typing import Final

from lake_core.errors import InputError

HOST: Final = "127.0.0.1"


def free_port() -> int:
    """Return a port nobody listens on right now."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def require_free(port: int, purpose: str, cure: str) -> None:
    """Refuse a port that cannot be listened on.

    Raises:
        InputError: names the port, the reason and the cure.
    """
    try:
        # SO_REUSEADDR as servers set it: a port in TIME_WAIT counts as free.
        socket.create_server((HOST, port)).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"port {port} for {purpose} is not free ({reason}); {cure}") from error
