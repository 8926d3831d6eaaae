"""A car: charges once by its contract and says how it went.

    python examples/car.py --pki ./pki --port 50000         # the station on this machine
    python examples/car.py --pki ./pki --interface eth1     # find the station on a real link

The last line is a JSON object; exit status 0 means that a whole session was charged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

from plugcharge import Evcc, EvccConfig, pki
from plugcharge.session import Environment, MessageReceived, MessageSent
from plugcharge.simulation import SimulatedBattery, SimulatedVehicle
from plugcharge.transport.contract import load_contract


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pki", type=Path, required=True, help="folder made by: plugcharge pki init")
    parser.add_argument("--interface", help="network interface to find the station on")
    parser.add_argument("--port", type=int, default=0, help="TCP port of a station on ::1 instead")
    parser.add_argument("--energy", type=int, default=5_000, help="watt hours that fit into the battery")
    parser.add_argument("--seconds", type=float, help="stop after that time of charging at the latest")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two ChargingStatusReq")
    return parser.parse_args()


def show(event: object) -> None:
    """Print the name of each message."""
    if isinstance(event, MessageReceived | MessageSent):
        arrow = "<-" if isinstance(event, MessageReceived) else "->"
        print(arrow, type(getattr(event.message, "body", event.message)).__name__, flush=True)


async def main() -> int:
    """Charge once and give the exit status."""
    options = arguments()
    vehicle = options.pki / "vehicle"
    config = EvccConfig(
        evcc_id=bytes.fromhex("02aabbccddee"),
        environment=Environment(random=secrets.token_bytes, utc=lambda: datetime.now(UTC)),
        contract=load_contract(vehicle / "contract_chain.pem", vehicle / "contract_key.pem"),
        energy_wanted=options.energy,
        ask_continue=True,  # the battery below decides when it is full
        status_pause=options.pause,
        stop_after_seconds=options.seconds,
    )
    car = Evcc(
        config,
        SimulatedVehicle(SimulatedBattery(60_000, charge=60_000 - options.energy)),
        trust=pki.TrustStore.from_files(v2g=[vehicle / "trust.pem"]),
        interface=options.interface,
        host="" if options.interface else "::1",
        port=options.port,
        on_event=show,
    )
    async with car:
        result = await car.charge()
    print(
        json.dumps(
            {
                "complete": result.complete,
                "reason": result.reason,
                "detail": result.detail,
                "code": result.code,
                "session_id": result.session_id.hex().upper(),
                "payment": result.payment,
                "emaid": result.emaid,
                "energy_wh": result.energy,
                "receipts": result.receipts,
                "messages": result.messages,
            }
        )
    )
    return 0 if result.complete else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
