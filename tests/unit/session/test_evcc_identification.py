from __future__ import annotations

from typing import Any

import msgspec
import pytest

from plugcharge.messages import Message, iso2
from plugcharge.session import (
    AuthorizationDecision,
    AuthorizationWanted,
    EndReason,
    Payment,
    Tolerated,
)
from tests.unit.session.pair import Hosts, Pair, altering, evcc_config, never, secc_config, sent, with_body

CODE = iso2.ResponseCode


@pytest.mark.parametrize("session_id", [b"", b"\x00", bytes(8), b"\x01" * 9])
def test_an_id_that_is_none(session_id: bytes) -> None:
    header = iso2.MessageHeader(session_id=session_id)
    tap = altering(iso2.SessionSetupRes, lambda message: msgspec.structs.replace(message, header=header))
    assert Pair(tap=tap).run().ended("car").reason is EndReason.PROTOCOL_ERROR


@pytest.mark.parametrize("code", [CODE.OK, CODE.OK_OldSessionJoined])
def test_a_sloppy_session_setup_is_tolerated(code: CODE) -> None:
    pair = Pair(tap=altering(iso2.SessionSetupRes, with_body(response_code=code))).run()
    assert pair.ended("car").reason is EndReason.TERMINATED
    assert len(pair.of("car", Tolerated)) == 1


def test_a_charge_service_with_another_id() -> None:
    def change(message: Any) -> Message:
        service = msgspec.structs.replace(message.body.charge_service, service_id=7)
        return with_body(charge_service=service)(message)

    pair = Pair(tap=altering(iso2.ServiceDiscoveryRes, change)).run()
    (selection,) = sent(pair, iso2.PaymentServiceSelectionReq)
    assert selection.selected_service_list.selected_service[0].service_id == 7


def test_another_energy_transfer_mode_is_a_clean_stop() -> None:
    config = evcc_config(energy_transfer_mode=iso2.EnergyTransferMode.AC_single_phase_core)
    pair = Pair(evcc=config).run()
    end = pair.ended("car")
    assert end.reason is EndReason.UNSUITABLE
    assert "AC_three_phase_core" in end.detail
    assert pair.ended("station").reason is EndReason.TERMINATED


def test_external_payment_only_is_a_clean_stop() -> None:
    pair = Pair(secc=secc_config(payments=(Payment.EXTERNAL,))).run()
    end = pair.ended("car")
    assert end.reason is EndReason.UNSUITABLE
    assert "ExternalPayment" in end.detail
    assert pair.ended("station").reason is EndReason.TERMINATED
    assert not sent(pair, iso2.PaymentServiceSelectionReq)


def test_no_contract_over_plain_tcp_whatever_the_station_offers() -> None:
    both = (Payment.CONTRACT, Payment.EXTERNAL)
    everything = iso2.PaymentOptionList(
        payment_option=(iso2.PaymentOption.Contract, iso2.PaymentOption.ExternalPayment)
    )
    tap = altering(iso2.ServiceDiscoveryRes, with_body(payment_option_list=everything))
    pair = Pair(secc=secc_config(payments=both), evcc=evcc_config(payments=both), secure=False, tap=tap).run()
    (selection,) = sent(pair, iso2.PaymentServiceSelectionReq)
    assert selection.selected_payment_option == "ExternalPayment"  # [V2G2-635]
    assert not sent(pair, iso2.PaymentDetailsReq)
    assert pair.ended("car").reason is EndReason.TERMINATED


def test_external_payment_session() -> None:
    pair = Pair(
        secc=secc_config(payments=(Payment.EXTERNAL,)),
        evcc=evcc_config(payments=(Payment.EXTERNAL,)),
        secure=False,
    ).run()
    assert pair.ended("car").reason is EndReason.TERMINATED
    assert not sent(pair, iso2.MeteringReceiptReq)


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_challenge_of_another_length(length: int) -> None:
    pair = Pair(tap=altering(iso2.PaymentDetailsRes, with_body(gen_challenge=bytes(length)))).run()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR
    assert not sent(pair, iso2.AuthorizationReq)


@pytest.mark.parametrize("processing", ["Ongoing", "Ongoing_WaitingForCustomerInteraction"])
def test_the_authorization_loop_is_empty_and_paced(processing: str) -> None:
    ongoing = with_body(evse_processing=iso2.EVSEProcessing(processing))
    late: list[Any] = []
    hosts = Hosts(replies={AuthorizationWanted: late.append})

    pair = Pair(hosts=hosts, tap=altering(iso2.AuthorizationRes, ongoing, times=3))
    pair.run(seconds=3.0)
    requests = sent(pair, iso2.AuthorizationReq)
    assert len(requests) >= 4
    assert requests[0].gen_challenge is not None
    assert all(request == iso2.AuthorizationReq() for request in requests[1:])  # [V2G2-684]
    pair.station.answer(pair.now, AuthorizationDecision(ticket=late[0].ticket, accepted=True))
    pair.run()
    assert pair.ended("car").reason is EndReason.TERMINATED


@pytest.mark.parametrize(("payment", "limit"), [(Payment.CONTRACT, 55.0), (Payment.EXTERNAL, 240.0)])
def test_how_long_a_car_and_a_station_wait_for_a_yes(payment: Payment, limit: float) -> None:
    both = (Payment.CONTRACT, Payment.EXTERNAL)
    hosts = Hosts(replies={AuthorizationWanted: never})
    pair = Pair(secc=secc_config(payments=both), evcc=evcc_config(payments=(payment,)), hosts=hosts)
    before = pair.now
    pair.run()
    end = pair.ended("car")
    assert (end.reason, end.code) == (EndReason.REFUSED_BY_PEER, "FAILED")  # [V2G2-713]
    assert limit <= pair.now - before <= limit + 2.0
    assert pair.ended("station").reason is EndReason.REFUSED
