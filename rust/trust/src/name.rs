//! Distinguished names, read in place.

use crate::der::{DerError, Reader, tag};

/// Object identifiers of the attributes that V2G profiles speak about, as DER content octets.
mod oid {
    pub(super) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    pub(super) const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
    pub(super) const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0A];
    pub(super) const DOMAIN_COMPONENT: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x19];
}

/// A name that was checked to be well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    der: &'a [u8],
    content: &'a [u8],
}

/// One attribute of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The content octets of its object identifier.
    pub oid: &'a [u8],
    /// Its text; `None` for string types other than UTF8String, PrintableString and IA5String.
    pub text: Option<&'a str>,
}

impl<'a> Name<'a> {
    /// Checks all of a name, given with its tag and its content.
    pub(crate) fn parse(der: &'a [u8], content: &'a [u8]) -> Result<Self, DerError> {
        let mut attributes = Attributes::new(content);
        while attributes.read()?.is_some() {}
        Ok(Self { der, content })
    }

    /// The name as it stands in the certificate; names are compared octet by octet.
    pub fn der(&self) -> &'a [u8] {
        self.der
    }

    /// Every attribute, in order.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.content)
    }

    /// Every common name (CN).
    pub fn common_names(&self) -> impl Iterator<Item = &'a str> {
        self.texts(oid::COMMON_NAME)
    }

    /// Every organization (O).
    pub fn organizations(&self) -> impl Iterator<Item = &'a str> {
        self.texts(oid::ORGANIZATION)
    }

    /// Every country (C).
    pub fn countries(&self) -> impl Iterator<Item = &'a str> {
        self.texts(oid::COUNTRY)
    }

    /// Every domain component (DC): the role of a certificate in the V2G trees.
    pub fn domain_components(&self) -> impl Iterator<Item = &'a str> {
        self.texts(oid::DOMAIN_COMPONENT)
    }

    fn texts(&self, wanted: &'static [u8]) -> impl Iterator<Item = &'a str> {
        self.attributes()
            .filter(move |attribute| attribute.oid == wanted)
            .filter_map(|attribute| attribute.text)
    }
}

/// Walks over the attributes of a name.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    sets: Reader<'a>,
    current: Reader<'a>,
}

impl<'a> Attributes<'a> {
    fn new(content: &'a [u8]) -> Self {
        Self { sets: Reader::new(content), current: Reader::new(&[]) }
    }

    fn read(&mut self) -> Result<Option<Attribute<'a>>, DerError> {
        if self.current.is_empty() {
            if self.sets.is_empty() {
                return Ok(None);
            }
            self.current = Reader::new(self.sets.expect(tag::SET, "a name whose part is not a SET")?);
        }
        let pair = self.current.expect(tag::SEQUENCE, "a name whose attribute is not a SEQUENCE")?;
        let mut pair = Reader::new(pair);
        let kind = pair.expect(tag::OID, "a name whose attribute has no type")?;
        let value = pair.element()?;
        pair.finish("a name whose attribute has more than type and value")?;
        let text = match value.tag {
            tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING => {
                Some(core::str::from_utf8(value.value).map_err(|_| DerError("a name that is not UTF-8"))?)
            }
            // A name that decides about trust must not hide in a type that is not read.
            _ if kind == oid::COMMON_NAME || kind == oid::DOMAIN_COMPONENT => {
                return Err(DerError("a common name or domain component of an unusual string type"));
            }
            _ => None,
        };
        Ok(Some(Attribute { oid: kind, text }))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        // Name::parse walked the same octets to their end, so no error is left to be lost here.
        self.read().ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &[u8] = &[
        0x30, 0x22, 0x31, 0x0B, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0C, 0x02, b'A', b'B', 0x31, 0x13,
        0x30, 0x11, 0x06, 0x0A, 0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x19, 0x16, 0x03, b'C',
        b'P', b'O',
    ];

    fn parse(der: &[u8]) -> Result<Name<'_>, DerError> {
        Name::parse(der, Reader::new(der).element()?.value)
    }

    #[test]
    fn gives_common_name_and_domain_component() {
        let name = parse(NAME).unwrap();
        assert_eq!(name.common_names().collect::<Vec<_>>(), ["AB"]);
        assert_eq!(name.domain_components().collect::<Vec<_>>(), ["CPO"]);
        assert_eq!((name.countries().count(), name.attributes().count()), (0, 2));
    }

    #[test]
    fn other_string_types_cannot_hide_a_name() {
        let mut bytes = NAME.to_vec();
        bytes[11] = 0x1E;
        assert!(parse(&bytes).is_err());
    }

    #[test]
    fn every_changed_octet_is_a_name_or_an_error() {
        for position in 0..NAME.len() {
            for value in 0..=u8::MAX {
                let mut bytes = NAME.to_vec();
                bytes[position] = value;
                if let Ok(name) = parse(&bytes) {
                    assert!(name.attributes().count() <= 4);
                }
            }
        }
    }
}
