//! The envelope in which -2 carries a contract's private key to the vehicle.
//!
//! ECDH between an ephemeral key of the sender and a static key of the vehicle [V2G2-819]..[V2G2-821], a
//! concatenation key derivation over SHA-256 [V2G2-818], AES-128 in CBC mode without padding [V2G2-815]..[V2G2-817].
//! CBC authenticates nothing: only the comparison with the certificate's key tells a good key [V2G2-823].

use aws_lc_rs::cipher::{
    AES_128, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, rand};
use zeroize::Zeroizing;

use crate::key::{Curve, KeyError, PublicKey, SigningKey, usable_scalar};

const IV_OCTETS: usize = 16;
const AES_128_OCTETS: usize = 16;
/// Octets of ContractSignatureEncryptedPrivateKey: the initialisation vector and the encrypted scalar [V2G2-817].
pub const SEALED_KEY_OCTETS: usize = IV_OCTETS + 32;
/// AlgorithmID 01, PartyUInfo "U", PartyVInfo "V" [V2G2-818].
const OTHER_INFO: &[u8] = &[0x01, 0x55, 0x56];

/// An envelope that does not open. Every reason looks the same, so that no sender learns anything from trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the contract key envelope does not open to the key of the contract certificate")]
pub struct EnvelopeError;

/// What goes into the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// ContractSignatureEncryptedPrivateKey: 48 octets.
    pub encrypted_key: Vec<u8>,
    /// DHpublickey: the sender's ephemeral point, 65 octets.
    pub dh_public_key: Vec<u8>,
}

/// Opens an envelope with the vehicle's key and gives the contract key, if it is the certificate's [V2G2-823].
///
/// `recipient` is the key of the OEM provisioning certificate (installation [V2G2-820]) or of the contract in use
/// (update [V2G2-821]); `certificate_key` is the public key of the contract certificate that came along.
pub fn open_envelope(
    encrypted_key: &[u8],
    dh_public_key: &[u8],
    recipient: &SigningKey,
    certificate_key: &PublicKey,
) -> Result<SigningKey, EnvelopeError> {
    if encrypted_key.len() != SEALED_KEY_OCTETS {
        return Err(EnvelopeError);
    }
    let (iv, encrypted) = encrypted_key.split_at_checked(IV_OCTETS).ok_or(EnvelopeError)?;
    let iv: [u8; IV_OCTETS] = iv.try_into().map_err(|_| EnvelopeError)?;
    let key = content_key(recipient, dh_public_key).map_err(|_| EnvelopeError)?;
    let mut scalar = Zeroizing::new(encrypted.to_vec());
    DecryptingKey::cbc(key)
        .and_then(|key| key.decrypt(&mut scalar, DecryptionContext::Iv128(FixedLength::from(iv))).map(|_| ()))
        .map_err(|_| EnvelopeError)?;
    // A sender can steer the first half of the scalar through the vector, so whether it is in range must not show.
    let in_range = usable_scalar(Curve::P256, &mut scalar);
    let opened = SigningKey::from_scalar(Curve::P256, &scalar).map_err(|_| EnvelopeError)?;
    let matches = verify_slices_are_equal(opened.public_key().point(), certificate_key.point()).is_ok();
    if in_range & matches { Ok(opened) } else { Err(EnvelopeError) }
}

/// Seals a contract key for the vehicle that holds the private key of `recipient`.
///
/// Without `iv` and `ephemeral` both come from the system's random numbers; give them only to reproduce a vector,
/// never the same pair for two envelopes.
pub fn seal_envelope(
    contract_key: &SigningKey,
    recipient: &PublicKey,
    iv: Option<[u8; IV_OCTETS]>,
    ephemeral: Option<&SigningKey>,
) -> Result<Sealed, KeyError> {
    let iv = match iv {
        Some(iv) => iv,
        None => random_iv()?,
    };
    let generated;
    let ephemeral = if let Some(ephemeral) = ephemeral {
        ephemeral
    } else {
        generated = SigningKey::generate(Curve::P256)?;
        &generated
    };
    let key = content_key(ephemeral, recipient.point())?;
    let mut encrypted = contract_key.scalar()?;
    EncryptingKey::cbc(key)
        .and_then(|key| {
            key.less_safe_encrypt(&mut encrypted, EncryptionContext::Iv128(FixedLength::from(iv)))
        })
        .map_err(|_| KeyError::Library)?;
    Ok(Sealed {
        encrypted_key: [&iv[..], &encrypted].concat(),
        dh_public_key: ephemeral.public_key().point().to_vec(),
    })
}

fn random_iv() -> Result<[u8; IV_OCTETS], KeyError> {
    let mut iv = [0; IV_OCTETS];
    rand::fill(&mut iv).map_err(|_| KeyError::Library)?;
    Ok(iv)
}

/// The content key: the first 16 octets of SHA-256(00000001, Z, OtherInfo) [V2G2-818].
fn content_key(own: &SigningKey, peer_point: &[u8]) -> Result<UnboundCipherKey, KeyError> {
    let secret = own.agree(peer_point)?;
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&[0, 0, 0, 1]);
    hash.update(&secret);
    hash.update(OTHER_INFO);
    let derived = hash.finish();
    let key = derived.as_ref().get(..AES_128_OCTETS).ok_or(KeyError::Library)?;
    UnboundCipherKey::new(&AES_128, key).map_err(|_| KeyError::Library)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        contract: SigningKey,
        vehicle: SigningKey,
        sealed: Sealed,
    }

    fn case() -> Case {
        let contract = SigningKey::generate(Curve::P256).unwrap();
        let vehicle = SigningKey::generate(Curve::P256).unwrap();
        let sealed = seal_envelope(&contract, vehicle.public_key(), None, None).unwrap();
        Case { contract, vehicle, sealed }
    }

    fn open(case: &Case, encrypted: &[u8], point: &[u8]) -> Result<SigningKey, EnvelopeError> {
        open_envelope(encrypted, point, &case.vehicle, case.contract.public_key())
    }

    #[test]
    fn what_is_sealed_opens() {
        let case = case();
        assert_eq!((case.sealed.encrypted_key.len(), case.sealed.dh_public_key.len()), (48, 65));
        let opened = open(&case, &case.sealed.encrypted_key, &case.sealed.dh_public_key).unwrap();
        assert_eq!(opened.scalar().unwrap(), case.contract.scalar().unwrap());
    }

    #[test]
    fn given_randomness_makes_it_reproducible() {
        let case = case();
        let ephemeral = SigningKey::from_scalar(Curve::P256, &[7; 32]).unwrap();
        let seal =
            || seal_envelope(&case.contract, case.vehicle.public_key(), Some([9; 16]), Some(&ephemeral));
        assert_eq!(seal().unwrap(), seal().unwrap());
        assert_eq!(seal().unwrap().encrypted_key[..16], [9; 16]);
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let case = case();
        for position in 0..SEALED_KEY_OCTETS * 8 {
            let mut changed = case.sealed.encrypted_key.clone();
            changed[position / 8] ^= 1 << (position % 8);
            assert_eq!(open(&case, &changed, &case.sealed.dh_public_key).err(), Some(EnvelopeError));
        }
        for position in 0..65 * 8 {
            let mut changed = case.sealed.dh_public_key.clone();
            changed[position / 8] ^= 1 << (position % 8);
            assert_eq!(open(&case, &case.sealed.encrypted_key, &changed).err(), Some(EnvelopeError));
        }
    }

    #[test]
    fn wrong_sizes_and_wrong_keys_are_refused() {
        let case = case();
        let Sealed { encrypted_key, dh_public_key } = &case.sealed;
        for length in [0, 16, 32, 47, 49, 64] {
            let cut: Vec<u8> = encrypted_key.iter().copied().cycle().take(length).collect();
            assert!(open(&case, &cut, dh_public_key).is_err(), "{length}");
        }
        assert!(open(&case, encrypted_key, &dh_public_key[..64]).is_err());
        let other = SigningKey::generate(Curve::P256).unwrap();
        assert!(open_envelope(encrypted_key, dh_public_key, &other, case.contract.public_key()).is_err());
        assert!(open_envelope(encrypted_key, dh_public_key, &case.vehicle, other.public_key()).is_err());
    }
}
