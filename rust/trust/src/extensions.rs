//! The extensions that V2G profiles speak about; all others are only looked at for criticality.

use crate::certificate::{Eccentricities, Eccentricity, ParseError};
use crate::der::{DerError, Reader, boolean, integer, tag};
use crate::rule::Rule;

/// More extensions than this in one certificate are refused; profiles have at most nine.
pub const MAX_EXTENSIONS: usize = 16;

/// Object identifiers of extensions, as DER content octets.
mod oid {
    pub(super) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x0E];
    pub(super) const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];
    pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x11];
    pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x13];
    pub(super) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x1E];
    pub(super) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1D, 0x1F];
    pub(super) const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1D, 0x20];
    pub(super) const POLICY_MAPPINGS: &[u8] = &[0x55, 0x1D, 0x21];
    pub(super) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x23];
    pub(super) const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x24];
    pub(super) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x25];
    pub(super) const INHIBIT_ANY_POLICY: &[u8] = &[0x55, 0x1D, 0x36];
    pub(super) const AUTHORITY_INFORMATION: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];
    pub(super) const OCSP: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
    pub(super) const ANY_EXTENDED: &[u8] = &[0x55, 0x1D, 0x25, 0x00];
    pub(super) const KEY_PURPOSE: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03];
}

/// The bits of KeyUsage (RFC 5280, 4.2.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// Signs data, such as TLS handshakes and messages.
    pub const DIGITAL_SIGNATURE: Self = Self(0x8000);
    /// Signs data that bind the signer (contentCommitment).
    pub const NON_REPUDIATION: Self = Self(0x4000);
    /// Encrypts keys.
    pub const KEY_ENCIPHERMENT: Self = Self(0x2000);
    /// Encrypts data.
    pub const DATA_ENCIPHERMENT: Self = Self(0x1000);
    /// Agrees on keys (Diffie-Hellman).
    pub const KEY_AGREEMENT: Self = Self(0x0800);
    /// Signs certificates.
    pub const KEY_CERT_SIGN: Self = Self(0x0400);
    /// Signs revocation lists.
    pub const CRL_SIGN: Self = Self(0x0200);

    const NAMES: [(Self, &'static str); 9] = [
        (Self::DIGITAL_SIGNATURE, "digitalSignature"),
        (Self::NON_REPUDIATION, "nonRepudiation"),
        (Self::KEY_ENCIPHERMENT, "keyEncipherment"),
        (Self::DATA_ENCIPHERMENT, "dataEncipherment"),
        (Self::KEY_AGREEMENT, "keyAgreement"),
        (Self::KEY_CERT_SIGN, "keyCertSign"),
        (Self::CRL_SIGN, "cRLSign"),
        (Self(0x0100), "encipherOnly"),
        (Self(0x0080), "decipherOnly"),
    ];

    /// Both sets of bits together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The bits of this set that `other` does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether at least one bit of `other` is in this set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no bit is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the bits, as RFC 5280 writes them.
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMES.iter().filter(|(bit, _)| self.intersects(*bit)).map(|(_, name)| *name).collect()
    }
}

/// The purposes of ExtendedKeyUsage that matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtendedKeyUsage(u8);

impl ExtendedKeyUsage {
    /// No purpose that this crate knows.
    pub const NONE: Self = Self(0);
    /// TLS server.
    pub const SERVER_AUTH: Self = Self(1);
    /// TLS client.
    pub const CLIENT_AUTH: Self = Self(2);
    /// Signs OCSP answers.
    pub const OCSP_SIGNING: Self = Self(4);
    /// Any purpose.
    pub const ANY: Self = Self(8);

    const NAMES: [(Self, &'static str); 4] = [
        (Self::SERVER_AUTH, "serverAuth"),
        (Self::CLIENT_AUTH, "clientAuth"),
        (Self::OCSP_SIGNING, "OCSPSigning"),
        (Self::ANY, "anyExtendedKeyUsage"),
    ];

    /// Both sets of purposes together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether at least one purpose of `other` is in this set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The names of the purposes, as RFC 5280 writes them.
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMES.iter().filter(|(bit, _)| self.intersects(*bit)).map(|(_, name)| *name).collect()
    }
}

/// Whether a certificate may issue others, and how many may stand below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// The subject is a certification authority.
    pub ca: bool,
    /// How many further sub-CAs may stand between it and a leaf.
    pub path_length: Option<u8>,
    /// The extension is critical.
    pub critical: bool,
}

/// What a certificate's extensions say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions<'a> {
    /// BasicConstraints, where present.
    pub basic_constraints: Option<BasicConstraints>,
    /// KeyUsage and whether it is critical, where present.
    pub key_usage: Option<(KeyUsage, bool)>,
    /// ExtendedKeyUsage, where present.
    pub extended_key_usage: Option<ExtendedKeyUsage>,
    /// SubjectKeyIdentifier, where present.
    pub subject_key_identifier: Option<&'a [u8]>,
    /// The key identifier of AuthorityKeyIdentifier, where present.
    pub authority_key_identifier: Option<&'a [u8]>,
    /// The first OCSP responder of AuthorityInformationAccess.
    pub ocsp_url: Option<&'a str>,
    /// CRLDistributionPoints is present.
    pub crl_distribution_points: bool,
    /// A dNSName of SubjectAltName holds a wildcard.
    pub wildcard_name: bool,
    /// An extension that is critical and not understood: the certificate must be refused.
    pub unknown_critical: Option<&'a [u8]>,
    /// An extension that V2G profiles rule out and that would change what the certificate means.
    pub forbidden: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    /// Reads the content of the SEQUENCE OF Extension.
    pub(crate) fn parse(content: &'a [u8], eccentricities: &mut Eccentricities) -> Result<Self, ParseError> {
        let mut extensions = Self::default();
        let mut seen: [&[u8]; MAX_EXTENSIONS] = [&[]; MAX_EXTENSIONS];
        let mut count = 0_usize;
        let mut list = Reader::new(content);
        while !list.is_empty() {
            let mut fields = Reader::new(list.expect(tag::SEQUENCE, "an extension that is not a SEQUENCE")?);
            let oid = fields.expect(tag::OID, "an extension without a type")?;
            let critical = match fields.optional(tag::BOOLEAN)? {
                Some(value) => {
                    let critical = boolean(value)?;
                    eccentricities.note(!critical, Eccentricity::ExplicitCriticalFalse);
                    critical
                }
                None => false,
            };
            let value = fields.expect(tag::OCTET_STRING, "an extension without a value")?;
            fields.finish("an extension with more than type, criticality and value")?;
            if seen.iter().take(count).any(|earlier| *earlier == oid) {
                return Err(ParseError {
                    rule: Rule::DuplicateExtension,
                    detail: "an extension appears twice",
                });
            }
            *seen.get_mut(count).ok_or(DerError("more than 16 extensions"))? = oid;
            count += 1;
            extensions.take(oid, critical, value, eccentricities)?;
        }
        Ok(extensions)
    }

    fn take(
        &mut self,
        oid: &'a [u8],
        critical: bool,
        value: &'a [u8],
        eccentricities: &mut Eccentricities,
    ) -> Result<(), DerError> {
        match oid {
            oid::BASIC_CONSTRAINTS => {
                self.basic_constraints = Some(basic_constraints(value, critical, eccentricities)?);
            }
            oid::KEY_USAGE => self.key_usage = Some((key_usage(value)?, critical)),
            oid::EXTENDED_KEY_USAGE => self.extended_key_usage = Some(extended_key_usage(value)?),
            oid::SUBJECT_KEY_IDENTIFIER => self.subject_key_identifier = Some(subject_key_identifier(value)?),
            oid::AUTHORITY_KEY_IDENTIFIER => self.authority_key_identifier = authority_key_identifier(value)?,
            oid::SUBJECT_ALT_NAME => self.wildcard_name = wildcard_name(value)?,
            oid::AUTHORITY_INFORMATION => self.ocsp_url = ocsp_url(value)?,
            oid::CRL_DISTRIBUTION_POINTS => self.crl_distribution_points = true,
            // Every policy is acceptable here, so a critical list of policies asks for nothing.
            oid::CERTIFICATE_POLICIES => {}
            oid::NAME_CONSTRAINTS
            | oid::POLICY_MAPPINGS
            | oid::POLICY_CONSTRAINTS
            | oid::INHIBIT_ANY_POLICY => {
                self.forbidden = Some(oid);
            }
            _ if critical => self.unknown_critical = Some(oid),
            _ => {}
        }
        Ok(())
    }
}

fn only_sequence<'a>(value: &'a [u8], otherwise: &'static str) -> Result<Reader<'a>, DerError> {
    let mut outer = Reader::new(value);
    let content = outer.expect(tag::SEQUENCE, otherwise)?;
    outer.finish(otherwise)?;
    Ok(Reader::new(content))
}

fn basic_constraints(
    value: &[u8],
    critical: bool,
    eccentricities: &mut Eccentricities,
) -> Result<BasicConstraints, DerError> {
    let mut fields = only_sequence(value, "BasicConstraints that are not one SEQUENCE")?;
    let ca = match fields.optional(tag::BOOLEAN)? {
        Some(value) => {
            let ca = boolean(value)?;
            // `30 03 01 01 00`: certificate provisioning services in the field write the default out.
            eccentricities.note(!ca, Eccentricity::ExplicitNotCa);
            ca
        }
        None => false,
    };
    let path_length = match fields.optional(tag::INTEGER)? {
        Some(value) => match *integer(value)? {
            [length] if length < 0x80 => Some(length),
            _ => return Err(DerError("a path length that is negative or above 127")),
        },
        None => None,
    };
    fields.finish("BasicConstraints with more than CA and path length")?;
    Ok(BasicConstraints { ca, path_length, critical })
}

fn key_usage(value: &[u8]) -> Result<KeyUsage, DerError> {
    let mut outer = Reader::new(value);
    let bits = outer.expect(tag::BIT_STRING, "a KeyUsage that is not a BIT STRING")?;
    outer.finish("a KeyUsage with octets after it")?;
    let (unused, high, low) = match *bits {
        [0] => (0, 0, 0),
        [unused, high] => (unused, high, 0),
        [unused, high, low] => (unused, high, low),
        _ => return Err(DerError("a KeyUsage of the wrong length")),
    };
    let last = if bits.len() == 3 { low } else { high };
    if unused > 7 || last & ((1 << unused) - 1) != 0 {
        return Err(DerError("a KeyUsage whose unused bits are set"));
    }
    Ok(KeyUsage(u16::from_be_bytes([high, low])))
}

fn extended_key_usage(value: &[u8]) -> Result<ExtendedKeyUsage, DerError> {
    let mut list = only_sequence(value, "an ExtendedKeyUsage that is not one SEQUENCE")?;
    let mut usage = ExtendedKeyUsage::NONE;
    while !list.is_empty() {
        let purpose = list.expect(tag::OID, "an ExtendedKeyUsage that is not a list of types")?;
        usage = usage.with(match (purpose, purpose.strip_prefix(oid::KEY_PURPOSE)) {
            (oid::ANY_EXTENDED, _) => ExtendedKeyUsage::ANY,
            (_, Some([1])) => ExtendedKeyUsage::SERVER_AUTH,
            (_, Some([2])) => ExtendedKeyUsage::CLIENT_AUTH,
            (_, Some([9])) => ExtendedKeyUsage::OCSP_SIGNING,
            _ => ExtendedKeyUsage::NONE,
        });
    }
    Ok(usage)
}

fn subject_key_identifier(value: &[u8]) -> Result<&[u8], DerError> {
    let mut outer = Reader::new(value);
    let identifier = outer.expect(tag::OCTET_STRING, "a SubjectKeyIdentifier that is not an OCTET STRING")?;
    outer.finish("a SubjectKeyIdentifier with octets after it")?;
    Ok(identifier)
}

fn authority_key_identifier(value: &[u8]) -> Result<Option<&[u8]>, DerError> {
    only_sequence(value, "an AuthorityKeyIdentifier that is not one SEQUENCE")?.optional(tag::IMPLICIT_0)
}

fn wildcard_name(value: &[u8]) -> Result<bool, DerError> {
    let mut names = only_sequence(value, "a SubjectAltName that is not one SEQUENCE")?;
    let mut wildcard = false;
    while !names.is_empty() {
        let name = names.element()?;
        wildcard |= name.tag == tag::IMPLICIT_2 && name.value.contains(&b'*');
    }
    Ok(wildcard)
}

fn ocsp_url(value: &[u8]) -> Result<Option<&str>, DerError> {
    let mut list = only_sequence(value, "an AuthorityInformationAccess that is not one SEQUENCE")?;
    let mut url = None;
    while !list.is_empty() {
        let mut access =
            Reader::new(list.expect(tag::SEQUENCE, "an access description that is not a SEQUENCE")?);
        let method = access.expect(tag::OID, "an access description without a method")?;
        let location = access.element()?;
        access.finish("an access description with more than method and location")?;
        if method == oid::OCSP && location.tag == tag::IMPLICIT_6 && url.is_none() {
            url = Some(core::str::from_utf8(location.value).map_err(|_| DerError("a URL that is not text"))?);
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_false_is_read_and_noted() {
        let mut eccentricities = Eccentricities::default();
        let constraints = basic_constraints(&[0x30, 0x03, 0x01, 0x01, 0x00], true, &mut eccentricities);
        assert_eq!(constraints, Ok(BasicConstraints { ca: false, path_length: None, critical: true }));
        assert_eq!(eccentricities.list(), [Eccentricity::ExplicitNotCa]);
    }

    #[test]
    fn path_lengths() {
        let read = |bytes: &[u8]| basic_constraints(bytes, true, &mut Eccentricities::default());
        let one = read(&[0x30, 0x06, 0x01, 0x01, 0xFF, 0x02, 0x01, 0x01]).unwrap();
        assert_eq!((one.ca, one.path_length), (true, Some(1)));
        assert!(read(&[0x30, 0x06, 0x01, 0x01, 0xFF, 0x02, 0x01, 0xFF]).is_err());
        assert!(read(&[0x30, 0x03, 0x01, 0x01, 0x01]).is_err());
        assert!(read(&[0x30, 0x00, 0x00]).is_err());
    }

    #[test]
    fn key_usage_bits() {
        assert_eq!(key_usage(&[0x03, 0x02, 0x01, 0x06]).unwrap().names(), ["keyCertSign", "cRLSign"]);
        assert_eq!(
            key_usage(&[0x03, 0x03, 0x07, 0x80, 0x80]).unwrap().names(),
            ["digitalSignature", "decipherOnly"]
        );
        for bad in [
            &[0x03, 0x02, 0x01, 0x07][..],
            &[0x03, 0x02, 0x08, 0x00],
            &[0x03, 0x01, 0x01],
            &[0x04, 0x01, 0x00],
        ] {
            assert!(key_usage(bad).is_err(), "{bad:02x?}");
        }
    }
}
