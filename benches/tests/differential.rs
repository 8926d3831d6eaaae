//! Our codec against crate iso15118, on messages that neither side chose: made from our tables, read by the crate, written
//! by it again, and compared octet by octet and value by value; and the crate's own smallest messages the other way.
//!
//! `PLUGCHARGE_DIFFERENTIAL=n` makes `n` random messages per root element instead of 40.

#![allow(clippy::panic, clippy::expect_used, reason = "a test that panics is a test that fails")]

use iso15118::exi::ExiDocument;
use iso15118::{iso2, iso20};
use plugcharge_benches::random::{Fill, Random};
use plugcharge_benches::recorded::Recorded;
use plugcharge_benches::sinks::Delivery;
use plugcharge_exi::table::{Content, Schema};
use plugcharge_exi::{Form, Limits, decode};
use plugcharge_messages::{SCHEMAS, index_of};
use serde_json::Value;

const XMLDSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Content that the crate does not model: it says so itself, and refuses messages that have it.
const NOT_IN_THE_CRATE: &[&str] = &["KeyInfo", "Object", "XPath"];

fn schema(name: &str) -> &'static Schema {
    index_of(name).and_then(|index| SCHEMAS.get(index)).copied().expect("a schema set of ours")
}

/// Names are written differently in Rust: `EVMaximumChargePower_L2` is `ev_maximum_charge_power_l2`.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The simple values below a value of the crate, each with the names that lead to it.
fn leaves(value: &Value, path: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, member) in members {
                // The crate's word for the alternatives of one place; the element's name comes below it.
                if name.starts_with("choice") {
                    leaves(member, path, out);
                } else {
                    leaves(member, &format!("{path}/{}", plain(name)), out);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, path, out)),
        Value::String(text) => out.push((path.to_owned(), plain(text))),
        other => out.push((path.to_owned(), plain(&other.to_string()))),
    }
}

/// Both by path; values of the same path stay in their order.
fn sorted(mut all: Vec<(String, String)>) -> Vec<(String, String)> {
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

fn ours(message: &Recorded) -> Vec<(String, String)> {
    let path =
        |names: Vec<&str>| names.iter().fold(String::new(), |path, name| format!("{path}/{}", plain(name)));
    sorted(message.leaves().into_iter().map(|(names, value)| (path(names), plain(&value))).collect())
}

fn theirs<D: serde::Serialize>(document: &D) -> Vec<(String, String)> {
    let mut out = Vec::new();
    leaves(&serde_json::to_value(document).expect("a value of the crate as JSON"), "", &mut out);
    sorted(out)
}

/// Check one message of ours.
fn check<D: ExiDocument + serde::Serialize>(schema: &'static Schema, name: &str, message: &Recorded) {
    let bytes =
        message.encode().unwrap_or_else(|error| panic!("{name}: we cannot write our own message: {error}"));
    let read = D::from_bytes(&bytes)
        .unwrap_or_else(|error| panic!("{name}: the crate refuses {bytes:02x?}: {error}"));
    assert_eq!(theirs(&read), ours(message), "{name}: other values");
    let written = read.to_vec().expect("the crate writes what it read");
    assert_eq!(written, bytes, "{name}: other octets");
    read_and_write(schema, name, &written);
}

fn read_and_write(schema: &'static Schema, name: &str, bytes: &[u8]) -> Recorded {
    let message =
        Recorded::of(bytes, schema).unwrap_or_else(|error| panic!("{name}: we refuse {bytes:02x?}: {error}"));
    assert_eq!(
        message.encode().expect("what we read can be written"),
        bytes,
        "{name}: we write other octets"
    );
    message
}

/// Check messages of every root element of a set. The signature's own elements are no messages.
fn check_set<D: ExiDocument + serde::Serialize>(name: &str, expected: usize) {
    let rounds = std::env::var("PLUGCHARGE_DIFFERENTIAL").map_or(40, |text| text.parse().expect("a number"));
    let schema = schema(name);
    let mut count = 0;
    for (root, element) in schema.document.elements.iter().enumerate() {
        let (local, namespace) = (element.particle.name.local, usize::from(element.particle.name.namespace));
        let stands = matches!(element.particle.content, Content::Complex(_));
        if !stands || schema.namespaces.get(namespace) == Some(&XMLDSIG) {
            continue;
        }
        count += 1;
        for (seed, fill) in (0..3)
            .flat_map(|seed| [(seed, Fill::Least), (seed, Fill::Most)])
            .chain((0..rounds).map(|seed| (seed, Fill::Chance)))
        {
            let message = Random::new(seed, fill, NOT_IN_THE_CRATE).message(schema, root).expect("a message");
            check::<D>(schema, local, &message);
        }
    }
    assert_eq!(count, expected, "{name}: other root elements");
}

macro_rules! sets {
    ($($test:ident: $set:literal, $document:ty, $roots:literal;)*) => {$(
        #[test]
        fn $test() {
            check_set::<$document>($set, $roots);
        }
    )*};
}

sets! {
    iso20_ac: "iso20_ac", iso20::ac::Document, 16;
    iso20_ac_der_iec: "iso20_ac_der_iec", iso20::ac_der_iec::Document, 22;
    iso20_ac_der_sae: "iso20_ac_der_sae", iso20::ac_der_sae::Document, 23;
    iso20_acdp: "iso20_acdp", iso20::acdp::Document, 8;
    iso20_common: "iso20_common", iso20::messages::Document, 28;
    iso20_dc: "iso20_dc", iso20::dc::Document, 22;
    iso20_wpt: "iso20_wpt", iso20::wpt::Document, 12;
    iso2: "iso2", iso2::Document, 47;
}

/// Check what the crate writes by itself, and the numbers that its fragments begin with.
macro_rules! made_by_the_crate {
    ($($test:ident: $set:literal, $($module:ident)::+, messages $($message:ident),+ parts $($part:ident $name:ident),+;)*) => {$(
        #[test]
        fn $test() {
            use $($module)::+ as set;
            let schema = schema($set);
            assert_eq!(u32::from(schema.document.width), set::DOCUMENT_WIDTH);
            assert_eq!(u32::from(schema.fragment.width), set::FRAGMENT_WIDTH);
            assert_eq!(schema.fragment.elements.len() as u64 + 1, set::FRAGMENT_ED_CODE);
            $(
                let message = set::$message::minimal();
                let bytes = message.to_vec().expect("the crate writes its smallest message");
                read_and_write(schema, stringify!($message), &bytes);
                check_fragment(schema, set::$message::FRAGMENT_CODE, stringify!($message), &message.to_fragment());
            )+
            $(
                let part = set::$part::minimal();
                check_fragment(schema, set::$part::FRAGMENT_CODE, stringify!($name), &part.to_fragment());
            )+
        }
    )*};
}

fn check_fragment(
    schema: &'static Schema,
    code: u64,
    name: &str,
    bytes: &Result<Vec<u8>, iso15118::exi::ExiError>,
) {
    let bytes = bytes.as_ref().expect("the crate writes its smallest fragment");
    let element = usize::try_from(code).ok().and_then(|code| schema.fragment.elements.get(code));
    let local = element.map(|element| plain(element.particle.name.local));
    assert_eq!(local, Some(plain(name)), "{name}: another event code");
    let read = decode(bytes, schema, Form::Fragment, &Limits::default(), &mut Delivery::default());
    assert!(read.is_ok(), "{name}: {read:?}");
}

made_by_the_crate! {
    ac_der_iec_as_the_crate_makes_them: "iso20_ac_der_iec", iso20::ac_der_iec,
        messages
        ACCPDReqEnergyTransferMode, ACCPDResEnergyTransferMode, ACChargeLoopReq, ACChargeLoopRes,
        ACChargeParameterDiscoveryReq, ACChargeParameterDiscoveryRes, BPTACCPDReqEnergyTransferMode,
        BPTACCPDResEnergyTransferMode, BPTDynamicACCLReqControlMode, BPTDynamicACCLResControlMode,
        BPTScheduledACCLReqControlMode, BPTScheduledACCLResControlMode, DERACCPDReqEnergyTransferMode,
        DERACCPDResEnergyTransferMode, DERDynamicACCLReqControlMode, DERDynamicACCLResControlMode,
        DERScheduledACCLReqControlMode, DERScheduledACCLResControlMode, DynamicACCLReqControlMode,
        DynamicACCLResControlMode, ScheduledACCLReqControlMode, ScheduledACCLResControlMode
        parts
        ActivePowerSupport ActivePowerSupport, DataTuple CurveDataPoint, CurveDataPointsList CurveDataPoints,
        DERControl DERControl, DSOCosPhiSetpoint DSOCosPhiSetpoint, DSOQSetpoint DSOQSetpoint,
        EVReactivePowerLimits EVReactivePowerLimits, ReactivePowerSupport ReactivePowerSupport, VoltWatt
        VoltWatt, ZeroCurrent ZeroCurrent, SetpointExcitation yValue;
    ac_der_sae_as_the_crate_makes_them: "iso20_ac_der_sae", iso20::ac_der_sae,
        messages
        ACCPDReqEnergyTransferMode, ACCPDResEnergyTransferMode, ACChargeLoopReq, ACChargeLoopRes,
        ACChargeParameterDiscoveryReq, ACChargeParameterDiscoveryRes, BPTACCPDReqEnergyTransferMode,
        BPTACCPDResEnergyTransferMode, BPTDynamicACCLReqControlMode, BPTDynamicACCLResControlMode,
        BPTScheduledACCLReqControlMode, BPTScheduledACCLResControlMode, DERACCPDReqEnergyTransferMode,
        DERACCPDResEnergyTransferMode, DERDynamicACCLReqControlMode, DERDynamicACCLResControlMode,
        DERScheduledACCLReqControlMode, DERScheduledACCLResControlMode, DynamicACCLReqControlMode,
        DynamicACCLResControlMode, FrequencyDroop, ScheduledACCLReqControlMode, ScheduledACCLResControlMode
        parts
        ActivePowerSupportCLRes ActivePowerSupportCLRes, ActivePowerSupportCPDRes ActivePowerSupportCPDRes,
        ConstantPowerFactor ConstantPowerFactor, ConstantVar ConstantVar, ConstantWatt ConstantWatt, DataTuple
        CurveDataPoint, DERControlCLRes DERControlCLRes, DERControlCPDRes DERControlCPDRes, EVApparentPower
        EVApparentPower, EVApparentPowerLimits EVApparentPowerLimits, EVExcitation EVExcitation,
        EVExcitationLimits EVExcitationLimits, EVInverterDetails EVInverterDetails, EVReactivePower
        EVReactivePower, EVReactivePowerLimits EVReactivePowerLimits, EVSEReactivePowerLimits
        EVSEReactivePowerLimits, EnterServiceCLRes EnterServiceCLRes, EnterServiceCPDRes EnterServiceCPDRes,
        FrequencyTrip FrequencyTrip, GridLimits GridLimits, LimitMaxDischargePower LimitMaxDischargePower,
        ReactivePowerSupportCLRes ReactivePowerSupportCLRes, ReactivePowerSupportCPDRes
        ReactivePowerSupportCPDRes, VoltVar VoltVar, VoltWatt VoltWatt, VoltageTrip VoltageTrip, WattVar WattVar;
}
