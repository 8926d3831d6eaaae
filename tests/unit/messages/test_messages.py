"""The generated classes: documented, immutable, and at home in JSON, pickle and ``match``."""

from __future__ import annotations

import inspect
import pickle
import re
import shutil
import subprocess
import sys
import typing
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugcharge import exi, messages
from plugcharge.errors import ExiError
from plugcharge.messages import (
    Message,
    din,
    iso2,
    iso20_ac,
    iso20_ac_der_iec,
    iso20_ac_der_sae,
    iso20_acdp,
    iso20_common,
    iso20_dc,
    iso20_types,
    iso20_wpt,
    sap,
    xmldsig,
)
from tests.property.exi_strategies import document_roots
from tests.property.exi_strategies import messages as random_messages

ROOT = Path(__file__).resolve().parents[3]
MODULES = {
    "sap": sap,
    "iso2": iso2,
    "xmldsig": xmldsig,
    "din": din,
    "iso20_types": iso20_types,
    "iso20_common": iso20_common,
    "iso20_ac": iso20_ac,
    "iso20_dc": iso20_dc,
    "iso20_wpt": iso20_wpt,
    "iso20_acdp": iso20_acdp,
    "iso20_ac_der_iec": iso20_ac_der_iec,
    "iso20_ac_der_sae": iso20_ac_der_sae,
}
CLASSES = [getattr(module, name) for module in MODULES.values() for name in module.__all__]
STRUCTS = [cls for cls in CLASSES if issubclass(cls, Message)]
COUNTS = {
    "sap": (3, 1),
    "iso2": (74, 15),
    "xmldsig": (28, 0),
    "din": (71, 14),
    "iso20_types": (9, 3),
    "iso20_common": (83, 10),
    "iso20_ac": (16, 0),
    "iso20_dc": (22, 0),
    "iso20_wpt": (34, 7),
    "iso20_acdp": (7, 5),
    "iso20_ac_der_iec": (36, 6),
    "iso20_ac_der_sae": (53, 9),
}


def test_what_is_there() -> None:
    for name, module in MODULES.items():
        public = [getattr(module, one) for one in module.__all__]
        structs = sum(issubclass(cls, Message) for cls in public)
        assert (structs, sum(issubclass(cls, StrEnum) for cls in public)) == COUNTS[name]
        assert list(module.__all__) == sorted(module.__all__)
        assert len(public) == sum(COUNTS[name])


@pytest.mark.parametrize(
    "cls", CLASSES, ids=lambda cls: f"{cls.__module__.rpartition('.')[2]}-{cls.__name__}"
)
def test_every_class_says_what_it_is(cls: type) -> None:
    page = inspect.getdoc(cls) or ""
    types = re.findall(r"^`(\w+)` of \S", page, re.MULTILINE)
    assert len(types) == 1
    assert cls.__name__.lower() in types[0].lower()
    for name in getattr(cls, "__struct_fields__", ()):
        assert f" {name}: `" in " ".join(page.split()) or name == "value", name


@pytest.mark.parametrize(
    "cls", STRUCTS, ids=lambda cls: f"{cls.__module__.rpartition('.')[2]}-{cls.__name__}"
)
def test_every_class_is_a_light_value(cls: type[Message]) -> None:
    config = cls.__struct_config__
    assert config.frozen
    assert not config.gc
    hints = typing.get_type_hints(cls, globalns={**vars(xmldsig), **vars(sys.modules[cls.__module__])})
    assert all(typing.get_origin(hint) is not list for hint in hints.values())


def test_a_module_is_loaded_when_it_is_used() -> None:
    code = "import sys, plugcharge.messages as m; print('plugcharge.messages.iso2' in sys.modules); m.iso2"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    with pytest.raises(AttributeError, match="din70121"):
        messages.din70121  # noqa: B018 - that it is not there is what is tested


def test_messages_are_matched_by_class_and_field() -> None:
    message: Message = iso2.SessionSetupReq(b"\x01")
    match message:
        case iso2.SessionSetupReq(evcc_id=evcc):
            assert evcc == b"\x01"
        case _:
            pytest.fail("not matched")


@pytest.mark.parametrize("root", document_roots(), ids=lambda root: f"{root.schema}-{root.element}")
@given(data=st.data())
@settings(max_examples=15)
def test_json_pickle_and_hash(root: Any, data: st.DataObject) -> None:
    message = data.draw(random_messages(root.cls))
    assert pickle.loads(pickle.dumps(message)) == message
    assert hash(message) == hash(pickle.loads(pickle.dumps(message)))
    try:
        text = msgspec.json.encode(message)
    except OverflowError:
        return  # JSON of msgspec carries integers of 64 bits, and a serial number may have more
    assert msgspec.json.decode(text, type=root.cls) == message


def test_fields_cannot_be_set() -> None:
    message = iso2.SessionSetupReq(b"\x01")
    with pytest.raises(AttributeError):
        message.evcc_id = b"\x02"  # type: ignore[misc]  # that it is refused is what is tested
    with pytest.raises(TypeError):
        iso2.SessionSetupReq()  # type: ignore[call-arg]  # that a required field is missed is what is tested


@pytest.mark.skipif(
    shutil.which("cargo") is None, reason="cargo is missing: the generated files cannot be compared"
)
def test_generated_files_are_what_the_generator_writes() -> None:
    command = ["cargo", "run", "--quiet", "-p", "plugcharge-codegen", "--", "check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def der_request(module: Any) -> Any:
    number = iso20_types.RationalNumber(exponent=0, value=11)
    mode = module.Dynamic_AC_CLReqControlMode(
        ev_target_energy_request=number,
        ev_maximum_energy_request=number,
        ev_minimum_energy_request=number,
        ev_maximum_charge_power=number,
        ev_minimum_charge_power=number,
        ev_present_active_power=number,
        ev_present_reactive_power=number,
    )
    header = iso20_types.MessageHeader(session_id=bytes(8), time_stamp=1)
    return module.AC_ChargeLoopReq(header=header, meter_info_requested=False, cl_req_control_mode=mode)


@pytest.mark.parametrize("name", ["iso20_ac_der_iec", "iso20_ac_der_sae"])
def test_a_set_that_includes_another_has_classes_of_its_own(name: str) -> None:
    """The AC messages of Amendment 1 allow more modes, and so have other event codes."""
    message = der_request(MODULES[name])
    data = exi.encode(message)
    assert exi.decode(data, name) == message
    plain = der_request(iso20_ac)
    assert exi.encode(plain) != data
    with pytest.raises(ExiError, match=f"no class of schema set {name}"):
        exi.encode(plain, schema=name)
