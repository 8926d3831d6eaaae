//! Keys and signatures. A curve is a row of data; everything else is the same for all of them.

use aws_lc_rs::agreement::{self, UnparsedPublicKey};
use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, ParsedPublicKey};
use zeroize::{Zeroize as _, Zeroizing};

use crate::der::{DerError, Reader, integer, tag};

/// The order of the group of P-256.
const P256_ORDER: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC,
    0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
];

/// A signature that does not verify; which check failed is not told, because no honest caller needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct SignatureInvalid;

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The point does not have the length and first octet of an uncompressed point.
    #[error("the public key is not an uncompressed point of its curve (04 followed by both coordinates)")]
    PointForm,
    /// The point is not on the curve.
    #[error("the public key is not a point on its curve")]
    PointNotOnCurve,
    /// The scalar has the wrong length, is zero, or is not below the group order.
    #[error("the private key is not a scalar between 1 and the group order")]
    ScalarRange,
    /// The encoding is not PKCS#8 or SEC 1, or is of another curve.
    #[error("the private key is not an unencrypted PKCS#8 or SEC 1 key of this curve")]
    Encoding,
    /// The cryptographic library failed although the input is good.
    #[error("the cryptographic library failed")]
    Library,
}

/// A curve that a profile may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Curve {
    /// secp256r1, the only curve of -2 [V2G2-007].
    P256,
}

struct CurveData {
    name: &'static str,
    oid: &'static [u8],
    order: &'static [u8],
    verification: &'static signature::EcdsaVerificationAlgorithm,
    signing: &'static signature::EcdsaSigningAlgorithm,
    agreement: &'static agreement::Algorithm,
}

static P256: CurveData = CurveData {
    name: "secp256r1",
    oid: &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
    order: &P256_ORDER,
    verification: &signature::ECDSA_P256_SHA256_ASN1,
    signing: &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    agreement: &agreement::ECDH_P256,
};

impl Curve {
    const ALL: [Self; 1] = [Self::P256];

    fn data(self) -> &'static CurveData {
        match self {
            Self::P256 => &P256,
        }
    }

    /// The curve with this object identifier (DER content octets).
    pub fn from_oid(oid: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.data().oid == oid)
    }

    /// The name that certificates tools print.
    pub fn name(self) -> &'static str {
        self.data().name
    }

    /// Octets of a scalar and of a coordinate.
    pub fn scalar_octets(self) -> usize {
        self.data().order.len()
    }

    /// Octets of an uncompressed point.
    pub fn point_octets(self) -> usize {
        1 + 2 * self.scalar_octets()
    }

    /// Whether 0 < scalar < group order, in time that does not depend on the scalar.
    pub(crate) fn scalar_in_range(self, scalar: &[u8]) -> bool {
        let order = self.data().order;
        if scalar.len() != order.len() {
            return false;
        }
        let mut any_bit = 0_u8;
        let mut borrow = 0_u16;
        for (digit, limit) in scalar.iter().zip(order).rev() {
            any_bit |= digit;
            // 0x100 keeps the difference positive; the bit above the octet is then "no borrow".
            let difference = 0x100 + u16::from(*digit) - u16::from(*limit) - borrow;
            borrow = 1 - (difference >> 8);
        }
        u16::from(any_bit != 0) & borrow == 1
    }
}

/// A public key that was checked to be a point on its curve; parsed once, used often.
#[derive(Clone, Debug)]
pub struct PublicKey {
    curve: Curve,
    point: Box<[u8]>,
    key: ParsedPublicKey,
}

impl PublicKey {
    /// Takes an uncompressed point (for P-256 65 octets: 04, X, Y) and checks that it is on the curve.
    pub fn from_point(curve: Curve, point: &[u8]) -> Result<Self, KeyError> {
        if point.len() != curve.point_octets() || point.first() != Some(&0x04) {
            return Err(KeyError::PointForm);
        }
        let key =
            ParsedPublicKey::new(curve.data().verification, point).map_err(|_| KeyError::PointNotOnCurve)?;
        Ok(Self { curve, point: point.into(), key })
    }

    /// The curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The uncompressed point.
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    /// Verifies a signature in DER (SEQUENCE of r and s), as certificates carry it.
    ///
    /// Only strict DER with 0 < r, s < group order is taken, so that nobody can write one signature in two ways;
    /// a high s is as good as a low one, because half of all genuine signatures have it.
    pub fn verify_der(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureInvalid> {
        if !is_strict_signature(self.curve, signature) {
            return Err(SignatureInvalid);
        }
        self.key.verify_sig(message, signature).map_err(|_| SignatureInvalid)
    }

    /// Verifies a signature in fixed width (r then s), as XML signatures carry it.
    ///
    /// Exactly two scalars with 0 < r, s < group order are taken; a high s is as good as a low one.
    pub fn verify_raw(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureInvalid> {
        let size = self.curve.scalar_octets();
        if signature.len() != 2 * size {
            return Err(SignatureInvalid);
        }
        let (r, s) = signature.split_at_checked(size).ok_or(SignatureInvalid)?;
        if !self.curve.scalar_in_range(r) || !self.curve.scalar_in_range(s) {
            return Err(SignatureInvalid);
        }
        let body = [der_integer(r), der_integer(s)].concat();
        let mut der = vec![0x30];
        match u8::try_from(body.len()) {
            Ok(length @ ..0x80) => der.push(length),
            Ok(length) => der.extend([0x81, length]),
            Err(_) => return Err(SignatureInvalid),
        }
        der.extend(body);
        self.verify_der(message, &der)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.curve == other.curve && self.point == other.point
    }
}

impl Eq for PublicKey {}

/// Whether `signature` is exactly one SEQUENCE of two INTEGERs in shortest form, both in the curve's range.
fn is_strict_signature(curve: Curve, signature: &[u8]) -> bool {
    let read = || -> Result<[&[u8]; 2], DerError> {
        let mut outer = Reader::new(signature);
        let mut numbers = Reader::new(outer.expect(tag::SEQUENCE, "no SEQUENCE")?);
        outer.finish("octets after the signature")?;
        let mut next = || integer(numbers.expect(tag::INTEGER, "no INTEGER")?);
        let both = [next()?, next()?];
        numbers.finish("octets after s")?;
        Ok(both)
    };
    read().is_ok_and(|both| both.into_iter().all(|number| integer_in_range(curve, number)))
}

/// Whether the content of an INTEGER in shortest form is above zero and below the group order.
fn integer_in_range(curve: Curve, content: &[u8]) -> bool {
    let digits = match *content {
        [0x00, ref rest @ ..] => rest,
        [first, ..] if first >= 0x80 => return false,
        _ => content,
    };
    let Some(missing) = curve.scalar_octets().checked_sub(digits.len()) else { return false };
    curve.scalar_in_range(&[vec![0; missing].as_slice(), digits].concat())
}

/// A positive number as a DER INTEGER; scalars are at most 66 octets, so one length octet is enough.
fn der_integer(scalar: &[u8]) -> Vec<u8> {
    let zeros = scalar.iter().take_while(|octet| **octet == 0).count();
    let digits = scalar.get(zeros..).unwrap_or_default();
    let sign = digits.first().is_some_and(|octet| *octet >= 0x80);
    let mut der = vec![0x02, u8::try_from(digits.len() + usize::from(sign)).unwrap_or(0x7F)];
    if sign {
        der.push(0);
    }
    der.extend_from_slice(digits);
    der
}

/// A private key with its public key. The library wipes its copy of the key when it is dropped.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    agreement: agreement::PrivateKey,
    public: PublicKey,
}

impl core::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a new key from the system's random numbers.
    pub fn generate(curve: Curve) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(curve.data().signing).map_err(|_| KeyError::Library)?;
        Self::from_pair(curve, pair)
    }

    /// Takes a scalar of the curve's full width, big-endian; it must be above zero and below the group order.
    pub fn from_scalar(curve: Curve, scalar: &[u8]) -> Result<Self, KeyError> {
        if !curve.scalar_in_range(scalar) {
            return Err(KeyError::ScalarRange);
        }
        let agreement = agreement::PrivateKey::from_private_key(curve.data().agreement, scalar)
            .map_err(|_| KeyError::ScalarRange)?;
        let point = agreement.compute_public_key().map_err(|_| KeyError::Library)?;
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(curve.data().signing, scalar, point.as_ref())
                .map_err(|_| KeyError::Library)?;
        let public = PublicKey::from_point(curve, point.as_ref())?;
        Ok(Self { pair, agreement, public })
    }

    /// Takes an unencrypted private key in PKCS#8 or SEC 1 (RFC 5915) DER.
    pub fn from_der(curve: Curve, der: &[u8]) -> Result<Self, KeyError> {
        let pair =
            EcdsaKeyPair::from_private_key_der(curve.data().signing, der).map_err(|_| KeyError::Encoding)?;
        Self::from_pair(curve, pair)
    }

    fn from_pair(curve: Curve, pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let scalar = pair.private_key().as_be_bytes().map_err(|_| KeyError::Library)?;
        let agreement = agreement::PrivateKey::from_private_key(curve.data().agreement, scalar.as_ref())
            .map_err(|_| KeyError::ScalarRange)?;
        let public = PublicKey::from_point(curve, pair.public_key().as_ref())?;
        Ok(Self { pair, agreement, public })
    }

    /// The public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message (it is hashed here) and gives r then s in fixed width.
    pub fn sign_raw(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Library)?;
        Ok(signature.as_ref().to_vec())
    }

    /// The scalar, big-endian, full width; wiped when dropped.
    pub fn scalar(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let scalar = self.pair.private_key().as_be_bytes().map_err(|_| KeyError::Library)?;
        Ok(Zeroizing::new(scalar.as_ref().to_vec()))
    }

    /// The key in unencrypted PKCS#8 DER; wiped when dropped.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError::Library)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// ECDH: the x coordinate of the common point; the peer's point must be uncompressed and on the curve.
    pub fn agree(&self, peer_point: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let curve = self.public.curve;
        if peer_point.len() != curve.point_octets() || peer_point.first() != Some(&0x04) {
            return Err(KeyError::PointForm);
        }
        let peer = UnparsedPublicKey::new(curve.data().agreement, peer_point);
        agreement::agree(&self.agreement, peer, KeyError::PointNotOnCurve, |secret| {
            Ok(Zeroizing::new(secret.to_vec()))
        })
    }
}

/// Replaces a scalar that is out of range by 1, so that what follows takes the same time; tells whether it was good.
pub(crate) fn usable_scalar(curve: Curve, scalar: &mut [u8]) -> bool {
    let in_range = curve.scalar_in_range(scalar);
    if !in_range {
        scalar.zeroize();
        if let Some(last) = scalar.last_mut() {
            *last = 1;
        }
    }
    in_range
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_plus(change: i16) -> Vec<u8> {
        let mut octets = P256_ORDER.to_vec();
        octets[31] = u8::try_from(i16::from(octets[31]) + change).unwrap();
        octets
    }

    #[test]
    fn scalars_are_above_zero_and_below_the_order() {
        let one = [&[0; 31][..], &[1]].concat();
        for (scalar, good) in [
            (vec![0; 32], false),
            (one, true),
            (order_plus(-1), true),
            (order_plus(0), false),
            (order_plus(1), false),
            (vec![0xFF; 32], false),
            (vec![1; 31], false),
            (vec![1; 33], false),
        ] {
            assert_eq!(Curve::P256.scalar_in_range(&scalar), good, "{scalar:02x?}");
            assert_eq!(SigningKey::from_scalar(Curve::P256, &scalar).is_ok(), good);
        }
    }

    #[test]
    fn signs_and_verifies() {
        let key = SigningKey::from_scalar(Curve::P256, &[0x11; 32]).unwrap();
        let signature = key.sign_raw(b"message").unwrap();
        assert_eq!(signature.len(), 64);
        assert!(key.public_key().verify_raw(b"message", &signature).is_ok());
        assert!(key.public_key().verify_raw(b"massage", &signature).is_err());
        for length in [0, 1, 63, 65, 128] {
            let cut: Vec<u8> = signature.iter().copied().cycle().take(length).collect();
            assert!(key.public_key().verify_raw(b"message", &cut).is_err(), "{length}");
        }
        for bad in [[0; 32].to_vec(), P256_ORDER.to_vec(), order_plus(1)] {
            assert!(key.public_key().verify_raw(b"message", &[&bad[..], &signature[32..]].concat()).is_err());
            assert!(key.public_key().verify_raw(b"message", &[&signature[..32], &bad[..]].concat()).is_err());
        }
    }

    /// r and s in DER, with whatever is wanted in front of and behind each.
    fn der_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
        let body = [r, s].concat();
        [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat()
    }

    #[test]
    fn a_signature_has_one_encoding() {
        let key = SigningKey::from_scalar(Curve::P256, &[0x11; 32]).unwrap();
        let raw = key.sign_raw(b"message").unwrap();
        let (r, s) = (der_integer(&raw[..32]), der_integer(&raw[32..]));
        let good = der_signature(&r, &s);
        let verify = |signature: &[u8]| key.public_key().verify_der(b"message", signature);
        assert!(verify(&good).is_ok());
        let padded = [&[0x02, r[1] + 1, 0x00][..], &r[2..]].concat();
        let long_length = [&[0x30, 0x81][..], &good[1..]].concat();
        let zero = [0x02, 0x01, 0x00];
        for bad in [
            der_signature(&padded, &s),
            der_signature(&r, &[&s[..], &[0x05, 0x00]].concat()),
            der_signature(&r, &zero),
            der_signature(&r, &der_integer(&P256_ORDER)),
            der_signature(&[0x02, 0x01, 0x80], &s),
            der_signature(&der_integer(&[0x01; 33]), &s),
            der_signature(&r, &[]),
            [&good[..], &[0x00]].concat(),
            long_length,
            raw,
            Vec::new(),
        ] {
            assert!(verify(&bad).is_err(), "{bad:02x?}");
        }
    }

    #[test]
    fn every_bit_of_a_signature_counts() {
        let key = SigningKey::generate(Curve::P256).unwrap();
        let signature = key.sign_raw(b"message").unwrap();
        for position in 0..signature.len() * 8 {
            let mut changed = signature.clone();
            changed[position / 8] ^= 1 << (position % 8);
            assert!(key.public_key().verify_raw(b"message", &changed).is_err(), "bit {position}");
        }
    }

    #[test]
    fn keys_survive_export() {
        let key = SigningKey::generate(Curve::P256).unwrap();
        let again = SigningKey::from_der(Curve::P256, &key.to_pkcs8().unwrap()).unwrap();
        let scalar = SigningKey::from_scalar(Curve::P256, &key.scalar().unwrap()).unwrap();
        assert!(again.public_key() == key.public_key() && scalar.public_key() == key.public_key());
        assert_eq!(SigningKey::from_der(Curve::P256, b"\x30\x00").err(), Some(KeyError::Encoding));
        assert!(!format!("{key:?}").contains("pair"));
    }

    #[test]
    fn points_are_checked() {
        let good = SigningKey::generate(Curve::P256).unwrap().public_key().point().to_vec();
        assert!(PublicKey::from_point(Curve::P256, &good).is_ok());
        let mut off = good.clone();
        off[64] ^= 1;
        assert_eq!(PublicKey::from_point(Curve::P256, &off).err(), Some(KeyError::PointNotOnCurve));
        let compressed = [&[0x02][..], &good[1..33]].concat();
        for bad in [&compressed[..], &good[..64], &[0x00], &[]] {
            assert_eq!(PublicKey::from_point(Curve::P256, bad).err(), Some(KeyError::PointForm));
        }
    }

    #[test]
    fn agreement_is_the_same_from_both_ends() {
        let (one, two) =
            (SigningKey::generate(Curve::P256).unwrap(), SigningKey::generate(Curve::P256).unwrap());
        let secret = one.agree(two.public_key().point()).unwrap();
        assert_eq!(*secret, *two.agree(one.public_key().point()).unwrap());
        assert_eq!(secret.len(), 32);
        let mut off = two.public_key().point().to_vec();
        off[1] ^= 1;
        assert!(one.agree(&off).is_err() && one.agree(&off[..64]).is_err());
    }
}
