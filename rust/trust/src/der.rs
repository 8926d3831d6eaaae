//! A reader for DER that trusts nothing: every length is checked, nothing recurses, nothing is copied.

/// Why some octets are not the DER that was expected; the text says what was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DerError(pub &'static str);

/// Tags of the types that certificates are made of.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0C;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[0]` constructed: the version of a certificate.
    pub(crate) const CONTEXT_0: u8 = 0xA0;
    /// `[3]` constructed: the extensions of a certificate.
    pub(crate) const CONTEXT_3: u8 = 0xA3;
    /// `[0]` primitive: the key identifier of an AuthorityKeyIdentifier.
    pub(crate) const IMPLICIT_0: u8 = 0x80;
    /// `[2]` primitive: a dNSName.
    pub(crate) const IMPLICIT_2: u8 = 0x82;
    /// `[6]` primitive: a uniformResourceIdentifier.
    pub(crate) const IMPLICIT_6: u8 = 0x86;
}

/// One tag-length-value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The identifier octet; tags above 30 are refused.
    pub tag: u8,
    /// The content octets.
    pub value: &'a [u8],
    /// All octets of the element, tag and length included.
    pub full: &'a [u8],
}

/// Reads elements one after the other from a slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first octet of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all octets were read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element, without reading it.
    pub fn peek_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads the next element, whatever it is. Lengths above 65 535 octets are refused.
    pub fn element(&mut self) -> Result<Element<'a>, DerError> {
        let start = self.rest;
        let (&tag, after_tag) = start.split_first().ok_or(DerError("the data end before a tag"))?;
        if tag & 0x1F == 0x1F {
            return Err(DerError("a tag number above 30"));
        }
        let (length, after_length) = length(after_tag)?;
        let (value, rest) =
            after_length.split_at_checked(length).ok_or(DerError("a length reaches beyond the data"))?;
        let full =
            start.get(..start.len() - rest.len()).ok_or(DerError("a length reaches beyond the data"))?;
        self.rest = rest;
        Ok(Element { tag, value, full })
    }

    /// Reads the next element, which must have this tag, and gives all of it.
    pub fn expect_element(&mut self, tag: u8, otherwise: &'static str) -> Result<Element<'a>, DerError> {
        let element = self.element()?;
        if element.tag == tag { Ok(element) } else { Err(DerError(otherwise)) }
    }

    /// Reads the next element, which must have this tag, and gives its content.
    pub fn expect(&mut self, tag: u8, otherwise: &'static str) -> Result<&'a [u8], DerError> {
        Ok(self.expect_element(tag, otherwise)?.value)
    }

    /// Reads the next element if it has this tag.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.peek_tag() == Some(tag) { Ok(Some(self.element()?.value)) } else { Ok(None) }
    }

    /// Refuses octets that were not read.
    pub fn finish(self, otherwise: &'static str) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError(otherwise)) }
    }
}

/// The definite length at the start of `bytes`, in its shortest form, and what follows it.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), DerError> {
    match *bytes {
        [short, ref rest @ ..] if short < 0x80 => Ok((usize::from(short), rest)),
        [0x81, long, ref rest @ ..] if long >= 0x80 => Ok((usize::from(long), rest)),
        [0x82, high, low, ref rest @ ..] if high != 0 => {
            Ok((usize::from(u16::from_be_bytes([high, low])), rest))
        }
        [] => Err(DerError("the data end before a length")),
        _ => Err(DerError("a length that is indefinite, too long or not in its shortest form")),
    }
}

/// The value of a BOOLEAN; DER knows only 0x00 and 0xFF.
pub(crate) fn boolean(value: &[u8]) -> Result<bool, DerError> {
    match value {
        [0x00] => Ok(false),
        [0xFF] => Ok(true),
        _ => Err(DerError("a BOOLEAN that is neither 00 nor FF")),
    }
}

/// The content of an INTEGER after a check that it is in its shortest form.
pub(crate) fn integer(value: &[u8]) -> Result<&[u8], DerError> {
    match *value {
        [] => Err(DerError("an INTEGER without content")),
        [0x00, next, ..] if next < 0x80 => Err(DerError("an INTEGER with a needless leading 00")),
        [0xFF, next, ..] if next >= 0x80 => Err(DerError("an INTEGER with a needless leading FF")),
        _ => Ok(value),
    }
}

/// The octets of a BIT STRING that has no unused bits.
pub(crate) fn whole_bit_string(value: &[u8]) -> Result<&[u8], DerError> {
    match *value {
        [0x00, ref octets @ ..] => Ok(octets),
        _ => Err(DerError("a BIT STRING with unused bits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_short_and_long_lengths() {
        let mut long = vec![0x04, 0x81, 0x80];
        long.extend([7; 0x80]);
        let mut longer = vec![0x04, 0x82, 0x01, 0x00];
        longer.extend([7; 0x100]);
        for (bytes, size) in [(vec![0x04, 0x01, 7], 1), (long, 0x80), (longer, 0x100)] {
            let mut reader = Reader::new(&bytes);
            let element = reader.element().unwrap();
            assert_eq!((element.tag, element.value.len(), element.full), (0x04, size, bytes.as_slice()));
            assert!(reader.finish("rest").is_ok());
        }
    }

    #[test]
    fn refuses_what_der_does_not_allow() {
        for bytes in [
            &[][..],
            &[0x04],
            &[0x04, 0x80],
            &[0x04, 0x02, 0x00],
            &[0x04, 0x81, 0x01, 0x00],
            &[0x04, 0x81],
            &[0x04, 0x82, 0x00, 0x01, 0x00],
            &[0x04, 0x83, 0x01, 0x00, 0x00],
            &[0x04, 0xFF],
            &[0x1F, 0x01, 0x00],
        ] {
            assert!(Reader::new(bytes).element().is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn integers_and_booleans_have_one_form() {
        assert_eq!(integer(&[0x00, 0x80]), Ok(&[0x00, 0x80][..]));
        for bad in [&[][..], &[0x00, 0x01], &[0xFF, 0x80]] {
            assert!(integer(bad).is_err());
        }
        assert_eq!((boolean(&[0x00]), boolean(&[0xFF])), (Ok(false), Ok(true)));
        assert!(boolean(&[0x01]).is_err() && boolean(&[]).is_err());
    }
}
