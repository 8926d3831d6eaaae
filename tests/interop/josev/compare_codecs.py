"""Compares plugcharge's codec for Josev with the codec Josev brings along, message by message.

Run with the Python that ``setup --codec`` prints: ``compare_codecs.py FILE...``, files of vectors as JSON
lines (``id``, ``schema_set``, ``kind``, ``hex``). Every document that Josev's codec decodes is decoded by
both and the JSON compared as parsed; then that JSON is encoded by both. The last line of standard output is a
JSON object with the counts, what differs, and the median time of each step in microseconds.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugcharge.compat.josev import SCHEMAS, ExiCodec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Comparison", "main"]

NAMESPACES = {schema: namespace for namespace, schema in SCHEMAS.items()}


class Comparison:
    """Both codecs, and what came out so far."""

    def __init__(self) -> None:
        self.theirs = importlib.import_module("iso15118.shared.exificient_exi_codec").ExificientEXICodec()
        self.ours = ExiCodec()
        self.counts = {"compared": 0, "same-json": 0, "same-bytes": 0, "not-decoded-by-josev": 0}
        self.differences: list[str] = []
        self.times: dict[str, list[float]] = {}

    def compare(self, name: str, exi: bytes, namespace: str) -> None:
        """Put one message through both."""
        try:
            reference = self._timed("josev-decode", lambda: self.theirs.decode(exi, namespace))
        except Exception:  # noqa: BLE001  # Josev's codec raises nothing narrower
            self.counts["not-decoded-by-josev"] += 1
            return
        self.counts["compared"] += 1
        try:
            decoded = self._timed("plugcharge-decode", lambda: self.ours.decode(exi, namespace))
            encoded = self._timed("plugcharge-encode", lambda: self.ours.encode(reference, namespace))
        except ValueError as error:
            self.differences.append(f"{name}: {error}")
            return
        same = json.loads(decoded) == json.loads(reference)
        expected = bytes(self._timed("josev-encode", lambda: self.theirs.encode(reference, namespace)))
        self.counts["same-json"] += same
        self.counts["same-bytes"] += encoded == expected
        if not same or encoded != expected:
            self.differences.append(f"{name}: {'JSON' if not same else 'bytes'} differ")

    def _timed(self, step: str, call: Callable[[], Any]) -> Any:
        begin = time.perf_counter()
        result = call()
        self.times.setdefault(step, []).append(time.perf_counter() - begin)
        return result

    def result(self) -> dict[str, Any]:
        """Give what the last line tells."""
        medians = {step: round(statistics.median(times) * 1e6, 1) for step, times in self.times.items()}
        return self.counts | {"differences": self.differences, "median-us": medians}


def main() -> int:
    """Compare; exit status 1 when anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    comparison = Comparison()
    for file in parser.parse_args().files:
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            # Of fragments Josev decodes those of XML signatures alone.
            if row["kind"] == "document" or row["schema_set"] == "xmldsig":
                comparison.compare(row["id"], bytes.fromhex(row["hex"]), NAMESPACES[row["schema_set"]])
    comparison.theirs.gateway.shutdown()
    result = comparison.result()
    print(json.dumps(result))
    return 1 if result["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
