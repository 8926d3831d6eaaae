"""Writes EXI streams bit by bit, to say things that no encoder of ours would say."""

from __future__ import annotations

__all__ = ["Bits", "bits_of"]


class Bits:
    """A stream that begins with the EXI header; every method appends and gives the stream back."""

    def __init__(self, start: str = "10000000") -> None:
        self.parts = [start]

    def code(self, value: int, width: int) -> Bits:
        """An event code or another n-bit number."""
        if width:
            self.parts.append(f"{value:0{width}b}")
        return self

    def unsigned(self, value: int, *, pad: int = 0) -> Bits:
        """An unsigned integer; ``pad`` appends groups that say nothing."""
        groups = []
        while value >= 0x80:
            groups.append(value & 0x7F)
            value >>= 7
        groups += [value, *[0] * pad]
        for group in groups[:-1]:
            self.code(0x80 | group, 8)
        return self.code(groups[-1], 8)

    def integer(self, value: int) -> Bits:
        """A signed integer."""
        return self.code(int(value < 0), 1).unsigned(~value if value < 0 else value)

    def text(self, text: str) -> Bits:
        """A string in full."""
        self.unsigned(len(text) + 2)
        for character in text:
            self.unsigned(ord(character))
        return self

    def local_hit(self, number: int, width: int) -> Bits:
        """A reference to a string of the same name."""
        return self.unsigned(0).code(number, width)

    def global_hit(self, number: int, width: int) -> Bits:
        """A reference to a string of any name."""
        return self.unsigned(1).code(number, width)

    def octets(self, octets: bytes) -> Bits:
        """Octets with their length."""
        self.unsigned(len(octets))
        for octet in octets:
            self.code(octet, 8)
        return self

    def raw(self, bits: str) -> Bits:
        """Bits as they are."""
        self.parts.append(bits)
        return self

    def data(self) -> bytes:
        """The stream, padded with zero bits."""
        bits = "".join(self.parts)
        bits += "0" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")


def bits_of(data: bytes) -> str:
    """The bits of a stream as text."""
    return "".join(f"{octet:08b}" for octet in data)
