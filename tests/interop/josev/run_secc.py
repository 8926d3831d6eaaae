"""Runs the peer Josev as the station: one session, by default -2 Plug and Charge over TLS 1.2.

Run with the Python that ``setup`` prints; see README.md. Ends after the first session. The last line of
standard output is a JSON object, the exit status is 0 only when a whole session ended with SessionStopRes.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import itertools
import sys
import time
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
    parser.add_argument(
        "--receipts", type=int, default=0, help="ask for a receipt with every Nth ChargingStatusRes"
    )
    parser.add_argument("--free", action="store_true", help="free charging: send no SalesTariff")
    return parser.parse_args()


def _config(arguments: argparse.Namespace) -> Any:
    enums = importlib.import_module("iso15118.shared.messages.enums")
    config = importlib.import_module("iso15118.secc.secc_settings").Config()
    config.iface = arguments.interface
    config.enforce_tls = not arguments.no_tls
    config.free_charging_service = arguments.free
    config.allow_cert_install_service = True
    config.use_cpo_backend = False
    config.supported_protocols = [enums.Protocol[PROTOCOLS[arguments.protocol][arguments.energy]]]
    contract = arguments.payment == "contract"
    config.supported_auth_options = [enums.AuthEnum.PNC if contract else enums.AuthEnum.EIM]
    return config


def _ask_for_receipts(every: int) -> None:
    """Make every Nth ChargingStatusRes carry a meter reading and ask for a receipt, which Josev never does.

    It checks the receipts all the same, which is what a car is to be tried with.
    """
    states: Any = importlib.import_module("iso15118.secc.states.iso15118_2_states")
    meter_info = importlib.import_module("iso15118.shared.messages.iso15118_2.datatypes").MeterInfo
    response = states.ChargingStatusRes
    numbers = itertools.count(1)

    def charging_status_res(**fields: Any) -> Any:
        number = next(numbers)
        if number % every == 0:
            fields["receipt_required"] = True
            # A reading of 0 would be taken for a missing one.
            fields["meter_info"] = meter_info(
                meter_id="JOSEV-METER-1", meter_reading=1000 + 25 * number, t_meter=int(time.time())
            )
        return response(**fields)

    states.ChargingStatusRes = charging_status_res


async def main() -> int:
    """Serve one session and give the exit status."""
    arguments = _arguments()
    use_pki(arguments.pki)
    with arguments.record.open("w", encoding="utf-8") if arguments.record else nullcontext() as record:
        watch = Watch("secc", record, payment=arguments.payment, tls=not arguments.no_tls)
        watch.attach()
        codec = make_codec(arguments.codec, watch)
        handler_class = importlib.import_module("iso15118.secc").SECCHandler
        log_to_stderr()
        controller = importlib.import_module("iso15118.secc.controller.simulator").SimEVSEController()
        if arguments.receipts:
            _ask_for_receipts(arguments.receipts)
        handler = handler_class(exi_codec=codec, evse_controller=controller, config=_config(arguments))
        return await run_watched(arguments, watch, handler.start(arguments.interface))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
