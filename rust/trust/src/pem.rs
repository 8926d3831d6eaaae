//! Private keys out of PEM text (RFC 7468): only what an unencrypted key needs.

use zeroize::Zeroizing;

/// Longer texts are not looked through; a chain with its key is far shorter.
pub const MAX_PEM_OCTETS: usize = 1024 * 1024;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// PKCS#8 and SEC 1.
const PLAIN: [&[u8]; 2] = [b"PRIVATE KEY", b"EC PRIVATE KEY"];
const ENCRYPTED: &[u8] = b"ENCRYPTED PRIVATE KEY";

/// Why no key could be taken out of a PEM text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// No block of a private key.
    #[error("there is no PEM block of an EC private key in it")]
    Missing,
    /// More than one block of a private key: which one is meant is anybody's guess.
    #[error("there is more than one private key in it")]
    Several,
    /// The key is encrypted with a passphrase.
    #[error("the private key is encrypted")]
    Encrypted,
    /// A block without its end, or octets that are not base64.
    #[error("the PEM block is damaged")]
    Damaged,
    /// The text is too long.
    #[error("the text is longer than 1 MiB")]
    TooLong,
}

/// Gives the DER of the one private key in a PEM text. Blocks of other kinds and text between them are left out.
pub fn private_key_der(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, PemError> {
    if text.len() > MAX_PEM_OCTETS {
        return Err(PemError::TooLong);
    }
    let mut found = None;
    let mut lines = text.split(|octet| matches!(octet, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES)) else {
            continue;
        };
        if label == ENCRYPTED {
            return Err(PemError::Encrypted);
        }
        if !PLAIN.contains(&label) {
            continue;
        }
        if found.is_some() {
            return Err(PemError::Several);
        }
        found = Some(block(label, &mut lines)?);
    }
    found.ok_or(PemError::Missing)
}

/// Reads the lines of a block up to its end.
fn block<'a>(
    label: &[u8],
    lines: &mut impl Iterator<Item = &'a [u8]>,
) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let mut octets = Base64::default();
    for line in lines {
        if let Some(end) = line.strip_prefix(END) {
            return if end.strip_suffix(DASHES) == Some(label) {
                octets.finish()
            } else {
                Err(PemError::Damaged)
            };
        }
        // The headers of an encrypted key of the old kind: Proc-Type: 4,ENCRYPTED.
        if line.contains(&b':') {
            return Err(PemError::Encrypted);
        }
        line.iter().try_for_each(|symbol| octets.take(*symbol))?;
    }
    Err(PemError::Damaged)
}

/// Strict base64: no symbols of other alphabets, padding where it belongs, unused bits zero.
#[derive(Default)]
struct Base64 {
    octets: Zeroizing<Vec<u8>>,
    bits: u32,
    symbols: usize,
    padding: usize,
}

impl Base64 {
    fn take(&mut self, symbol: u8) -> Result<(), PemError> {
        self.symbols += 1;
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                self.padding += 1;
                0
            }
            _ => return Err(PemError::Damaged),
        };
        if self.padding > 2 || (self.padding > 0 && symbol != b'=') {
            return Err(PemError::Damaged);
        }
        self.bits = (self.bits << 6) | u32::from(value);
        if self.symbols.is_multiple_of(4) {
            let [_, group @ ..] = self.bits.to_be_bytes();
            let whole = group.len() - self.padding;
            if group.iter().skip(whole).any(|unused| *unused != 0) {
                return Err(PemError::Damaged);
            }
            self.octets.extend(group.iter().take(whole));
            self.bits = 0;
        }
        Ok(())
    }

    fn finish(self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        if self.symbols.is_multiple_of(4) && self.symbols > 0 {
            Ok(self.octets)
        } else {
            Err(PemError::Damaged)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(label: &str, body: &str) -> String {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    fn read(text: &str) -> Result<Vec<u8>, PemError> {
        private_key_der(text.as_bytes()).map(|octets| octets.to_vec())
    }

    #[test]
    fn finds_the_key_among_other_blocks() {
        let text = [
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
            "subject=/CN=x\r\n-----BEGIN PRIVATE KEY-----\r\nQUJD\r\n REVG \r\nRw==\r\n-----END PRIVATE KEY-----\r\n",
            &pem("CERTIFICATE", "not looked at"),
        ]
        .concat();
        assert_eq!(read(&text), Ok(b"ABCDEFG".to_vec()));
        assert_eq!(read(&pem("EC PRIVATE KEY", "QUI=")), Ok(b"AB".to_vec()));
    }

    #[test]
    fn refuses_what_is_not_one_plain_key() {
        let key = pem("PRIVATE KEY", "QUJD");
        for (text, why) in [
            (String::new(), PemError::Missing),
            (pem("CERTIFICATE", "QUJD"), PemError::Missing),
            (pem("RSA PRIVATE KEY", "QUJD"), PemError::Missing),
            (format!("{key}{key}"), PemError::Several),
            (pem("ENCRYPTED PRIVATE KEY", "QUJD"), PemError::Encrypted),
            (pem("EC PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nQUJD"), PemError::Encrypted),
            (key.replace("-----END PRIVATE KEY-----", ""), PemError::Damaged),
            (key.replace("END PRIVATE", "END EC PRIVATE"), PemError::Damaged),
            (" ".repeat(MAX_PEM_OCTETS + 1), PemError::TooLong),
        ] {
            assert_eq!(read(&text), Err(why), "{}", text.get(..80).unwrap_or(&text));
        }
        for body in ["", "QUJ", "QUI=QUJD", "QU=D", "Q===", "QUJ-", "QUJ\u{e9}", "QUJDQ", "QUJ="] {
            assert_eq!(read(&pem("PRIVATE KEY", body)), Err(PemError::Damaged), "{body}");
        }
    }
}
