"""Runs the peer Josev as the car: one session, by default -2 AC Plug and Charge over TLS 1.2.

Run with the Python that ``setup`` prints; see README.md. The last line of standard output is a JSON object,
the exit status is 0 only when a whole session ended with SessionStopRes.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

# Started as a file, this program must find the packages of the repository's root.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.interop.josev.watch import (
    PROTOCOLS,
    Watch,
    add_common_arguments,
    log_to_stderr,
    make_codec,
    run_watched,
    use_pki,
)

__all__ = ["main"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_common_arguments(parser)
    parser.add_argument("--cycles", type=int, default=3, help="about how many ChargingStatusReq to send")
    parser.add_argument("--delay", type=int, default=0, help="whole seconds between two ChargingStatusReq")
    parser.add_argument(
        "--install", action="store_true", help="ask for a contract first (CertificateInstallation)"
    )
    return parser.parse_args()


def _config(arguments: argparse.Namespace) -> Any:
    config = importlib.import_module("iso15118.evcc.evcc_config").EVCCConfig(
        supportedProtocols=[PROTOCOLS[arguments.protocol][arguments.energy]],
        supportedEnergyServices=[arguments.energy],
        energyTransferMode="AC_three_phase_core" if arguments.energy == "AC" else "DC_extended",
        isCertInstallNeeded=arguments.install,
        useTls=not arguments.no_tls,
        enforceTls=not arguments.no_tls,
        sdpRetryCycles=1,
        chargeLoopCycle=arguments.cycles,
        chargeLoopDelay=arguments.delay,
    )
    config.load_raw_values()
    return config


def _tell_early_ends(watch: Watch) -> None:
    """End the run at once where Josev only writes to its log and goes on waiting."""
    handler_class = importlib.import_module("iso15118.evcc.comm_session_handler").CommunicationSessionHandler
    sdp_failed = importlib.import_module("iso15118.shared.exceptions").SDPFailedError
    start, restart = handler_class.start_comm_session, handler_class.restart_sdp

    async def start_comm_session(handler: Any, *arguments: Any) -> None:
        await start(handler, *arguments)
        if handler.comm_session[0] is None:
            watch.end("no connection: TCP or TLS refused, see the log")

    async def restart_sdp(handler: Any, new_cycle: bool) -> None:
        try:
            await restart(handler, new_cycle)
        except sdp_failed as error:
            watch.end(str(error))
            raise

    handler_class.start_comm_session, handler_class.restart_sdp = start_comm_session, restart_sdp


async def main() -> int:
    """Run one session and give the exit status."""
    arguments = _arguments()
    use_pki(arguments.pki)
    with arguments.record.open("w", encoding="utf-8") if arguments.record else nullcontext() as record:
        watch = Watch("evcc", record, payment=arguments.payment, tls=not arguments.no_tls)
        watch.attach()
        _tell_early_ends(watch)
        config = _config(arguments)
        log_to_stderr()
        controller = importlib.import_module("iso15118.evcc.controller.simulator").SimEVController(config)
        handler = importlib.import_module("iso15118.evcc").EVCCHandler(
            evcc_config=config,
            iface=arguments.interface,
            exi_codec=make_codec(arguments.codec, watch),
            ev_controller=controller,
        )
        return await run_watched(arguments, watch, handler.start())


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
