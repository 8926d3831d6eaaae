"""Bytes on the link, before any message is understood: frames (V2GTP), discovery (SDP), protocol choice.

Nothing here owns a socket, reads a clock or draws a random number.
"""

from __future__ import annotations

__all__: list[str] = []
