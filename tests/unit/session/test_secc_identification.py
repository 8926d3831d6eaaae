from __future__ import annotations

import pytest

from plugcharge.messages import iso2
from plugcharge.session import EndReason, Payment, SessionOpened, Tolerated
from tests.unit.session.pair import EVSE_ID, NOW, SELECTION, Driver, driver_in, secc_config


def selection(payment: str, *services: int) -> iso2.PaymentServiceSelectionReq:
    return iso2.PaymentServiceSelectionReq(
        selected_payment_option=iso2.PaymentOption(payment),
        selected_service_list=iso2.SelectedServiceList(
            selected_service=tuple(iso2.SelectedService(service_id=service) for service in services)
        ),
    )


@pytest.mark.parametrize("brought", [b"\x00", bytes(8), b"", bytes.fromhex("1122334455667788")])
def test_whatever_id_a_car_brings_it_gets_a_new_one(brought: bytes) -> None:
    driver = Driver().to("WaitForSessionSetup")
    response = driver.ask(iso2.SessionSetupReq(evcc_id=bytes(6)), session_id=brought)
    assert response.response_code == "OK_NewSessionEstablished"  # [V2G2-750], [V2G2-756]
    assert response.evse_id == EVSE_ID
    assert response.evse_time_stamp == int(NOW.timestamp())
    assert len(driver.header.session_id) == 8
    assert driver.header.session_id != brought
    assert driver.of(SessionOpened)[0].session_id == driver.header.session_id


@pytest.mark.parametrize(("length", "tolerated"), [(0, 1), (1, 0), (6, 0), (7, 1), (8, 1)])
def test_evccid_of_another_length_is_tolerated(length: int, tolerated: int) -> None:
    driver = Driver().to("WaitForSessionSetup")
    driver.ask(iso2.SessionSetupReq(evcc_id=bytes(length)), session_id=bytes(8))
    assert len(driver.of(Tolerated)) == tolerated
    assert driver.core.state == "WaitForServiceDiscovery"


def test_ids_do_not_repeat() -> None:
    config = secc_config()
    assert len({Driver(config).to("WaitForServiceDiscovery").session_id for _ in range(200)}) == 200


@pytest.mark.parametrize("scope", [None, "somewhere"])
def test_services(scope: str | None) -> None:
    driver = driver_in("WaitForServiceDiscovery")
    response = driver.ask(iso2.ServiceDiscoveryReq(service_scope=scope))
    assert response.payment_option_list.payment_option == (iso2.PaymentOption.Contract,)
    assert response.charge_service.service_id == 1
    modes = response.charge_service.supported_energy_transfer_mode.energy_transfer_mode
    assert modes == (iso2.EnergyTransferMode.AC_three_phase_core,)
    assert response.service_list is None


def test_contract_is_never_offered_without_tls() -> None:
    config = secc_config(payments=(Payment.CONTRACT, Payment.EXTERNAL))
    driver = driver_in("WaitForServiceDiscovery", config=config, secure=False)
    response = driver.ask(iso2.ServiceDiscoveryReq())
    assert response.payment_option_list.payment_option == (iso2.PaymentOption.ExternalPayment,)  # [V2G2-634]
    refused = driver.ask(SELECTION)
    assert refused.response_code == "FAILED_PaymentSelectionInvalid"


def test_contract_is_never_offered_without_roots() -> None:
    config = secc_config(payments=(Payment.CONTRACT, Payment.EXTERNAL), contract_trust=None)
    driver = driver_in("WaitForPaymentServiceSelection", config=config)
    assert driver.ask(SELECTION).response_code == "FAILED_PaymentSelectionInvalid"


def test_nothing_to_pay_with_means_no_agreement() -> None:
    driver = Driver(secure=False)
    assert driver.sap().response_code == "Failed_NoNegotiation"
    assert driver.core.closed
    assert driver.ended().reason is EndReason.UNSUITABLE


def test_service_detail() -> None:
    driver = driver_in("WaitForPaymentServiceSelection")
    assert driver.ask(iso2.ServiceDetailReq(service_id=1)).response_code == "OK"
    assert driver.core.state == "WaitForPaymentServiceSelection"
    refused = driver.ask(iso2.ServiceDetailReq(service_id=2))
    assert refused.response_code == "FAILED_ServiceIDInvalid"  # [V2G2-464]
    assert driver.core.state == "Failed"


@pytest.mark.parametrize(
    ("payment", "services", "code"),
    [
        ("Contract", (1,), "OK"),
        ("Contract", (1, 1), "OK"),
        ("Contract", (2,), "FAILED_NoChargeServiceSelected"),
        ("ExternalPayment", (2,), "FAILED_NoChargeServiceSelected"),
        ("ExternalPayment", (1,), "FAILED_PaymentSelectionInvalid"),
        ("Contract", (1, 2), "FAILED_ServiceSelectionInvalid"),
        ("Contract", (60_000, 1), "FAILED_ServiceSelectionInvalid"),
    ],
)
def test_payment_service_selection(payment: str, services: tuple[int, ...], code: str) -> None:
    driver = driver_in("WaitForPaymentServiceSelection")
    assert driver.ask(selection(payment, *services)).response_code == code
    assert driver.core.state == ("WaitForPaymentDetailsOrInstallation" if code == "OK" else "Failed")


def test_external_payment_goes_straight_to_authorization() -> None:
    driver = driver_in("WaitForPaymentServiceSelection", config=secc_config(payments=(Payment.EXTERNAL,)))
    driver.ask(selection("ExternalPayment", 1))
    assert driver.core.state == "WaitForAuthorization"
