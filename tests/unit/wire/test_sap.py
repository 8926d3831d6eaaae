from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugcharge import exi
from plugcharge.errors import LocalError, PeerError
from plugcharge.messages.sap import (
    AppProtocol,
    ResponseCode,
    SupportedAppProtocolReq,
    SupportedAppProtocolRes,
)
from plugcharge.wire.sap import DIN, ISO2, ISO20_AC, ISO20_DC, KNOWN, ProtocolVersion, accept, choose, offer
from tests.shared_material import json_lines

OK = ResponseCode.OK_SuccessfulNegotiation
DEVIATION = ResponseCode.OK_SuccessfulNegotiationWithMinorDeviation
FAILED = ResponseCode.Failed_NoNegotiation


def entry(
    protocol: ProtocolVersion = ISO2, schema_id: int = 1, priority: int = 1, major: int = 2, minor: int = 0
) -> AppProtocol:
    return AppProtocol(
        protocol_namespace=protocol.namespace,
        version_number_major=major,
        version_number_minor=minor,
        schema_id=schema_id,
        priority=priority,
    )


def request(*entries: AppProtocol) -> SupportedAppProtocolReq:
    return SupportedAppProtocolReq(app_protocol=entries)


def test_the_offer_is_in_order_and_can_be_sent() -> None:
    offered = offer([ISO20_AC, ISO2, DIN])
    assert [one.priority for one in offered.app_protocol] == [1, 2, 3]
    assert len({one.schema_id for one in offered.app_protocol}) == 3
    assert exi.decode(exi.encode(offered), "sap") == offered


@pytest.mark.parametrize("count", [0, 21])
def test_an_offer_has_1_to_20_entries(count: int) -> None:
    with pytest.raises(LocalError):
        offer([ProtocolVersion("x", f"urn:{number}", 1, 0) for number in range(count)])


def test_the_same_twice_is_no_offer() -> None:
    with pytest.raises(LocalError):
        offer([ISO2, ISO2])


def test_the_lowest_number_wins() -> None:
    response, choice = choose(request(entry(DIN, 1, 2), entry(ISO2, 2, 1)), [DIN, ISO2])
    assert (response.response_code, response.schema_id) == (OK, 2)
    assert choice is not None
    assert choice.protocol is ISO2


def test_ties_keep_the_order_of_the_list() -> None:
    _, choice = choose(request(entry(DIN, 5, 3), entry(ISO2, 6, 3)), [ISO2, DIN])
    assert choice is not None
    assert choice.schema_id == 5


def test_what_the_station_cannot_serve_is_passed_over() -> None:
    vendor = ProtocolVersion("", "urn:vendor:private", 1, 0)
    asked = request(entry(vendor, 0, 1, major=1), entry(ISO20_DC, 1, 2, major=1), entry(ISO2, 2, 3))
    response, _ = choose(asked, [ISO2])
    assert response.schema_id == 2


@pytest.mark.parametrize(
    ("major", "minor", "code"), [(2, 0, OK), (2, 1, DEVIATION), (1, 0, FAILED), (3, 0, FAILED)]
)
def test_versions(major: int, minor: int, code: ResponseCode) -> None:
    response, choice = choose(request(entry(major=major, minor=minor)), [ISO2])
    assert response.response_code is code  # [V2G2-170], [V2G2-172]
    assert (choice is None) is (code is FAILED)
    assert (response.schema_id is None) is (code is FAILED)


def test_nothing_is_served() -> None:
    assert choose(offer([ISO2]), [])[1] is None


def test_equal_schema_ids_do_not_crash() -> None:
    response, choice = choose(request(entry(DIN, 1, 1), entry(ISO2, 1, 2)), [ISO2])
    assert response.schema_id == 1
    assert choice is not None
    assert choice.protocol is ISO2


@pytest.mark.parametrize("served", [[ISO2], [DIN], [ISO2, DIN]])
def test_car_and_station_agree(served: list[ProtocolVersion]) -> None:
    offered = offer([ISO20_DC, ISO2, DIN])
    response, chosen = choose(offered, served)
    assert accept(offered, response) == chosen


def test_the_station_may_choose_by_its_own_taste() -> None:
    offered = offer([ISO2, DIN])
    assert accept(offered, SupportedAppProtocolRes(response_code=OK, schema_id=2)).protocol is DIN


def test_a_missing_schema_id_is_understood_when_there_is_only_one() -> None:
    answer = SupportedAppProtocolRes(response_code=DEVIATION)
    choice = accept(offer([ISO2]), answer)
    assert (choice.protocol, choice.minor_deviation) == (ISO2, True)
    with pytest.raises(PeerError):
        accept(offer([ISO2, DIN]), answer)


@pytest.mark.parametrize("schema_id", [None, 1])
def test_a_refusal(schema_id: int | None) -> None:
    answer = SupportedAppProtocolRes(response_code=FAILED, schema_id=schema_id)
    with pytest.raises(PeerError) as refused:
        accept(offer([ISO2]), answer)
    assert refused.value.code == "Failed_NoNegotiation"


@pytest.mark.parametrize("schema_id", [0, 2, 255])
def test_something_that_was_not_offered(schema_id: int) -> None:
    with pytest.raises(PeerError) as wrong:
        accept(offer([ISO2]), SupportedAppProtocolRes(response_code=OK, schema_id=schema_id))
    assert wrong.value.code == ""


def test_an_unknown_protocol_of_our_own_is_our_fault() -> None:
    own = ProtocolVersion("x", "urn:x", 1, 0)
    with pytest.raises(LocalError):
        accept(offer([own]), SupportedAppProtocolRes(response_code=OK, schema_id=1))


def test_offers_of_real_cars_are_answered() -> None:
    seen = 0
    for line in json_lines("vectors/exi/captures.jsonl"):
        if line["schema_set"] != "sap" or line.get("root") != "supportedAppProtocolReq":
            continue
        asked = exi.decode(bytes.fromhex(line["hex"]), "sap")
        assert isinstance(asked, SupportedAppProtocolReq)
        response, choice = choose(asked, KNOWN)
        assert (choice is None) is (response.response_code is FAILED)
        seen += 1
    assert seen >= 1


entries = st.builds(
    AppProtocol,
    protocol_namespace=st.sampled_from([*(protocol.namespace for protocol in KNOWN), "urn:other", ""]),
    version_number_major=st.integers(0, 3),
    version_number_minor=st.integers(0, 2**32 - 1),
    schema_id=st.integers(0, 3),
    priority=st.integers(1, 20),
)


@given(st.lists(entries, max_size=20), st.lists(st.sampled_from(KNOWN), unique=True))
def test_any_offer_gets_an_answer_that_can_be_sent(
    offered: list[AppProtocol], served: list[ProtocolVersion]
) -> None:
    response, choice = choose(request(*offered), served)
    assert exi.decode(exi.encode(response), "sap") == response
    if choice is not None:
        assert choice.protocol in served
        assert choice.schema_id in {one.schema_id for one in offered}
