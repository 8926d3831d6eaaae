"""Watches one session of the peer Josev and says at the end how it went.

Josev tells what happens in a log for people. A test needs the messages themselves and a verdict. Both are
taken here without changing the installed package: the EXI codec that its handlers take as an argument is
wrapped (every message and every signed element passes through it), and two methods of its session class are
wrapped at run time (one tells that a message has left, one that the session is over).

Runs with the Python of ``.interop/josev``; needs plugcharge only for ``--codec plugcharge``.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable

__all__ = [
    "PROTOCOLS",
    "RecordingCodec",
    "Watch",
    "add_common_arguments",
    "log_to_stderr",
    "make_codec",
    "run_watched",
    "use_pki",
]

# What `--protocol` calls a protocol -> what Josev calls it, by the energy it is for.
PROTOCOLS = {
    "din": {"DC": "DIN_SPEC_70121"},
    "iso2": {"AC": "ISO_15118_2", "DC": "ISO_15118_2"},
    "iso20": {"AC": "ISO_15118_20_AC", "DC": "ISO_15118_20_DC"},
}

# The two ways to pay, as the messages of each protocol name them.
CONTRACT = ("Contract", "PnC")


@dataclass
class Watch:
    """What is known about the session so far.

    Attributes:
        role: ``"evcc"`` or ``"secc"``: the side that Josev plays.
        record: where to write one JSON line per message, or None.
        payment: ``"contract"``, or ``"external"`` when a session paid by other means is what is wanted.
        tls: whether the session has to be over TLS.
        names: names of the messages in the order in which they were sent and received.
        ended: set once the session is over and its connection closed.
    """

    role: str
    record: IO[str] | None = None
    payment: str = "contract"
    tls: bool = True
    names: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    stopped: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    started: float = field(default_factory=time.monotonic)

    def message(self, direction: str, decoded: str, exi: bytes, namespace: str = "") -> None:
        """Take note of a message, or of an element that is encoded only to be signed or checked."""
        document = json.loads(decoded)
        name, content = next(iter(document.items()))
        kind = "fragment"
        if name == "V2G_Message":
            name, content = next(iter(content["Body"].items()))
            kind = "message"
        elif name.startswith("supportedAppProtocol") or "Header" in (content or {}):
            kind = "message"
        if kind == "message":
            self.names.append(name)
            self._learn(name, content or {})
        if self.record is not None:
            line = {
                "t": round(time.monotonic() - self.started, 4),
                "kind": kind,
                "direction": direction,
                "name": name,
                "namespace": namespace,
                "exi": exi.hex(),
                "document": document,
            }
            self.record.write(json.dumps(line) + "\n")
            self.record.flush()

    def _learn(self, name: str, content: dict[str, Any]) -> None:
        if name in ("PaymentServiceSelectionReq", "ServicePaymentSelectionReq"):
            self.facts["payment"] = content["SelectedPaymentOption"]
        elif name == "AuthorizationReq" and "SelectedAuthorizationService" in content:
            self.facts["payment"] = content["SelectedAuthorizationService"]
        elif name == "PaymentDetailsReq":
            self.facts["emaid"] = content["eMAID"]
        elif name == "CertificateInstallationRes":
            self.facts["installation"] = content["ResponseCode"]
        elif name == "MeteringReceiptRes":
            self.facts["receipts"] = self.facts.get("receipts", 0) + 1
        elif name in ("ChargingStatusRes", "CurrentDemandRes", "AC_ChargeLoopRes", "DC_ChargeLoopRes"):
            self.facts["charging_status"] = self.facts.get("charging_status", 0) + 1
        code = content.get("ResponseCode", "")
        if code.startswith("FAILED") or code == "Failed_NoNegotiation":
            self.failure = self.failure or f"{name}: {code}"
        elif name == "SessionStopRes" and self.role == "evcc":
            self.stopped = True

    def end(self, failure: str = "") -> None:
        """Say that nothing more will come; `failure` tells why when it ended badly."""
        self.failure = self.failure or failure
        self.ended.set()

    def verdict(self) -> dict[str, Any]:
        """Give the last line of the run; only a whole Plug and Charge session is a ``session-stop``."""
        result = "session-stop"
        if self.failure:
            result = "failed"
        elif not self.stopped:
            result = "incomplete"
        elif not self._as_wanted():
            # The EVCC silently takes external payment where no contract can be used: not what is asked here.
            result = "not-plug-and-charge" if self.payment == "contract" else "not-as-asked"
        line = {
            "peer": "josev",
            "role": self.role,
            "result": result,
            "messages": len(self.names),
        } | self.facts
        if result != "session-stop":
            line["last"] = self.names[-1] if self.names else ""
            line["why"] = self.failure
        return line

    def _as_wanted(self) -> bool:
        contract = self.facts.get("payment") in CONTRACT
        tls = str(self.facts.get("tls", "")).startswith("TLS")
        return contract == (self.payment == "contract") and tls == self.tls

    def attach(self) -> None:
        """Wrap the two session methods that tell when a message left and when the session is over."""
        session_class = importlib.import_module("iso15118.shared.comm_session").V2GCommunicationSession
        send, stop = session_class.send, session_class.stop

        async def watched_send(session: Any, message: Any) -> None:
            self.facts["tls"] = _tls_version(session)
            await send(session, message)
            if str(session.current_state.message) == "SessionStopRes":
                self.stopped = True

        async def watched_stop(session: Any, reason: str) -> None:
            why = session.stop_reason
            try:
                await stop(session, reason)
            finally:
                self.end("" if why is not None and why.successful else reason)

        session_class.send, session_class.stop = watched_send, watched_stop


class RecordingCodec:
    """Josev's own EXI codec, with every call noted in a `Watch`."""

    def __init__(self, inner: Any, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch

    def encode(self, message: str, namespace: str) -> bytes:
        """Encode a document given as JSON."""
        exi = bytes(self._inner.encode(message, namespace))
        self._watch.message("sent", message, exi, _plain(namespace))
        return exi

    def decode(self, stream: bytes, namespace: str) -> str:
        """Decode a message to JSON."""
        decoded = str(self._inner.decode(stream, namespace))
        self._watch.message("received", decoded, stream, _plain(namespace))
        return decoded

    def get_version(self) -> str:
        """Give the version of the Java codec."""
        return str(self._inner.get_version())


def _plain(namespace: str) -> str:
    """The text of a namespace that Josev gives as a member of an enumeration."""
    return str(getattr(namespace, "value", namespace))


def _tls_version(session: Any) -> str:
    tls = session.writer.get_extra_info("ssl_object")
    return "none" if tls is None else f"{tls.version()} {tls.cipher()[0]}"


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that both roles have."""
    parser.add_argument("--interface", required=True, help="network interface of the V2G link, such as v1")
    parser.add_argument("--pki", required=True, type=Path, help="folder written by josev_layout.py")
    parser.add_argument("--time-limit", type=float, default=90.0, help="seconds for the whole run")
    parser.add_argument("--record", type=Path, help="file for the decoded messages, one JSON object a line")
    parser.add_argument("--result", type=Path, help="file for a copy of the last line")
    parser.add_argument("--codec", choices=["java", "plugcharge"], default="java", help="Josev's own or ours")
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), default="iso2")
    parser.add_argument("--energy", choices=["AC", "DC"], default="AC")
    parser.add_argument("--payment", choices=["contract", "external"], default="contract")
    parser.add_argument("--no-tls", action="store_true", help="plain TCP; needs --payment external")


def make_codec(name: str, watch: Watch) -> RecordingCodec:
    """Make the codec that Josev shall use, wrapped so that it is watched.

    Args:
        name: ``"java"``, Josev's own, or ``"plugcharge"``, which needs the package in Josev's venv.
        watch: the session's; it notes the codec's version.
    """
    module, cls = {
        "java": ("iso15118.shared.exificient_exi_codec", "ExificientEXICodec"),
        "plugcharge": ("plugcharge.compat.josev", "ExiCodec"),
    }[name]
    codec = RecordingCodec(getattr(importlib.import_module(module), cls)(), watch)
    watch.facts["codec"] = codec.get_version()
    return codec


def use_pki(folder: Path) -> None:
    """Point Josev at a folder of certificates; call before its modules are imported.

    A ``.env`` file in the working folder cannot change these settings: the environment wins over it.
    """
    if not (folder / "iso15118_2").is_dir():
        sys.exit(f"{folder} holds no folder iso15118_2: write it with josev_layout.py first")
    os.environ.update(
        PKI_PATH=str(folder.resolve()),
        ENABLE_TLS_1_3="false",
        MESSAGE_LOG_JSON="false",
        MESSAGE_LOG_EXI="false",
    )
    importlib.import_module("iso15118.shared.settings").load_shared_settings()


def log_to_stderr() -> None:
    """Keep standard output for the verdict: Josev's log handler, made when it is imported, writes there."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)


async def run_watched(arguments: argparse.Namespace, watch: Watch, start: Awaitable[None]) -> int:
    """Run a handler until its first session is over, the time is up or SIGTERM comes; print the verdict.

    Returns:
        The exit status: 0 for a whole Plug and Charge session, 1 otherwise.
    """
    loop = asyncio.get_running_loop()
    # A test rig stops the station as soon as the car is done, maybe before Josev has closed the connection.
    loop.add_signal_handler(signal.SIGTERM, watch.end)
    handler = asyncio.ensure_future(start)
    handler.add_done_callback(lambda task: _handler_done(watch, task))
    try:
        await asyncio.wait_for(watch.ended.wait(), arguments.time_limit)
    except TimeoutError:
        if not watch.stopped:
            watch.failure = watch.failure or f"no end within {arguments.time_limit:g} s"
    handler.cancel()
    await asyncio.wait([handler], timeout=2)
    verdict = watch.verdict()
    line = json.dumps(verdict)
    if arguments.result:
        arguments.result.write_text(line + "\n", encoding="utf-8")
    print(line, flush=True)
    return 0 if verdict["result"] == "session-stop" else 1


def _handler_done(watch: Watch, task: asyncio.Future[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        watch.end(f"{type(error).__name__}: {error}")
