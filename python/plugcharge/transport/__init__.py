"""Sockets, TLS and tasks around the sans-I/O cores: asyncio only, and no rule about messages."""

from __future__ import annotations

__all__: list[str] = []
