//! Picks an XML signature out of the events of a message.

use plugcharge_exi::table::{Complex, Schema};
use plugcharge_exi::{Datum, Encoder, Error, Form, Limits, Place, Result as ExiResult, Sink, Stop, decode};
use plugcharge_messages::generated::xmldsig;

/// The namespace of XML signatures.
const XMLDSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// One reference of a signature: which element, and its digest.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `#` and the element's Id; `None` if the attribute is absent.
    pub uri: Option<String>,
    /// The transforms, by algorithm.
    pub transforms: Vec<String>,
    /// The algorithm of the digest.
    pub digest_method: String,
    /// The digest.
    pub digest: Vec<u8>,
}

/// A signature as it stands in a message.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `SignedInfo`, written again as a fragment under the xmldsig schema alone: the octets that were signed.
    pub signed_info: Vec<u8>,
    /// The canonicalization algorithm.
    pub canonicalization: String,
    /// The signature algorithm.
    pub method: String,
    /// The references, in their order.
    pub references: Vec<Reference>,
    /// The signature value.
    pub value: Vec<u8>,
    /// A part that the standards forbid in a signature ([V2G2-771]), if there is one.
    pub forbidden: Option<&'static str>,
}

/// Follows the events of a `Signature` (or of a `SignedInfo`) and keeps what it says.
#[derive(Debug, Default)]
pub(crate) struct SignatureReader {
    pub(crate) signature: Signature,
    /// The names of the open elements, from the signature inwards.
    open: Vec<&'static str>,
    /// Writes `SignedInfo` while it is open.
    signed_info: Option<Encoder>,
}

/// The element belongs to XML signatures and has this name.
pub(crate) fn is_xmldsig(schema: &Schema, place: Place, local: &str) -> bool {
    let name = place.particle.name;
    name.local == local
        && schema.namespaces.get(usize::from(name.namespace)).is_some_and(|uri| *uri == XMLDSIG)
}

impl SignatureReader {
    /// The signature was begun and not yet ended.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    pub(crate) fn begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        let name = place.particle.name.local;
        match name {
            "SignedInfo" => self.signed_info = Some(signed_info_encoder().map_err(|_| Stop)?),
            "Reference" => self.signature.references.push(Reference::default()),
            "KeyInfo" => self.signature.forbidden = Some("KeyInfo"),
            "Object" => self.signature.forbidden = Some("Object"),
            _ => {}
        }
        self.open.push(name);
        match &mut self.signed_info {
            Some(encoder) => encoder.begin(place, ty),
            None => Ok(()),
        }
    }

    pub(crate) fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop> {
        self.keep(place.particle.name.local, datum);
        match &mut self.signed_info {
            Some(encoder) => encoder.value(place, datum),
            None => Ok(()),
        }
    }

    pub(crate) fn end(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        let closed = self.open.pop();
        let Some(encoder) = &mut self.signed_info else { return Ok(()) };
        encoder.end(place, ty)?;
        if closed == Some("SignedInfo") {
            let encoder = self.signed_info.take().ok_or(Stop)?;
            self.signature.signed_info = encoder.finish().map_err(|_| Stop)?;
        }
        Ok(())
    }

    fn keep(&mut self, name: &'static str, datum: Datum<'_>) {
        let signature = &mut self.signature;
        let inside = self.open.last().copied().unwrap_or_default();
        match (inside, name, datum) {
            ("CanonicalizationMethod", "Algorithm", Datum::Text(text)) => {
                text.clone_into(&mut signature.canonicalization);
            }
            ("SignatureMethod", "Algorithm", Datum::Text(text)) => text.clone_into(&mut signature.method),
            ("SignatureValue", "", Datum::Octets(octets)) => octets.append_to(&mut signature.value),
            ("SignatureMethod", "HMACOutputLength", _) => {
                signature.forbidden = Some("SignatureMethod/HMACOutputLength");
            }
            ("SignedInfo", "Id", _) => signature.forbidden = Some("SignedInfo/@Id"),
            ("SignatureValue", "Id", _) => signature.forbidden = Some("SignatureValue/@Id"),
            ("Reference", "Type", _) => signature.forbidden = Some("Reference/@Type"),
            ("Transform", "XPath", _) => signature.forbidden = Some("Transform/XPath"),
            _ => self.keep_of_reference(inside, name, datum),
        }
    }

    fn keep_of_reference(&mut self, inside: &str, name: &str, datum: Datum<'_>) {
        let Some(reference) = self.signature.references.last_mut() else { return };
        match (inside, name, datum) {
            ("Reference", "URI", Datum::Text(text)) => reference.uri = Some(text.to_owned()),
            ("Transform", "Algorithm", Datum::Text(text)) => reference.transforms.push(text.to_owned()),
            ("DigestMethod", "Algorithm", Datum::Text(text)) => text.clone_into(&mut reference.digest_method),
            ("Reference", "DigestValue", Datum::Octets(octets)) => octets.append_to(&mut reference.digest),
            _ => {}
        }
    }
}

fn signed_info_encoder() -> ExiResult<Encoder> {
    let roots = xmldsig::SCHEMA.fragment.elements;
    let root = roots.iter().position(|root| root.particle.name.local == "SignedInfo").unwrap_or(usize::MAX);
    Encoder::new(&xmldsig::SCHEMA, Form::Fragment, root, false)
}

/// Read a `Signature` (or a `SignedInfo` alone) from a fragment under the xmldsig schema.
pub fn read_signature(fragment: &[u8]) -> Result<Signature, Box<Error>> {
    struct Alone(SignatureReader);
    impl Sink for Alone {
        fn begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
            self.0.begin(place, ty)
        }
        fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop> {
            self.0.value(place, datum)
        }
        fn end(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
            self.0.end(place, ty)
        }
    }
    let mut sink = Alone(SignatureReader::default());
    decode(fragment, &xmldsig::SCHEMA, Form::Fragment, &Limits::default(), &mut sink)?;
    Ok(sink.0.signature)
}
