"""ISO 15118 Plug and Charge: codec, trust and sessions for car and station.

The paved path is importable from here; nothing heavy is loaded until it is used.

Example:
    >>> import plugcharge
    >>> message = plugcharge.exi.decode(bytes.fromhex("8098004011d018048d159e26ac00"), "iso2")
    >>> type(message.body).__name__
    'SessionSetupReq'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugcharge import errors, exi, messages, pki, sign
    from plugcharge.session.config import EvccConfig, SeccConfig
    from plugcharge.transport.evcc import Evcc
    from plugcharge.transport.secc import Secc

__all__ = ["Evcc", "EvccConfig", "Secc", "SeccConfig", "errors", "exi", "messages", "pki", "sign"]

_HOMES = {
    "Evcc": "plugcharge.transport.evcc",
    "EvccConfig": "plugcharge.session.config",
    "Secc": "plugcharge.transport.secc",
    "SeccConfig": "plugcharge.session.config",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'plugcharge' has no attribute {name!r}")
    home = _HOMES.get(name)
    value = (
        getattr(importlib.import_module(home), name)
        if home
        else importlib.import_module(f"plugcharge.{name}")
    )
    globals()[name] = value
    return value
