"""Adapters with which programs written for another library use this one; each is a module of its own."""

from __future__ import annotations

__all__: list[str] = []
