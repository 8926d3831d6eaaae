//! XML signatures over EXI: what the standards sign, and how it is checked.
//!
//! A signature covers elements with an `Id`, each through the digest of its EXI fragment, and the fragment of
//! `SignedInfo` under the grammar of the xmldsig schema alone. Nothing of the received bytes is taken over: every
//! fragment is written again from what was parsed, so the bytes that are verified are those of the values that are
//! used afterwards.

mod collect;
mod read_signature;
mod verify;

pub use collect::{Collected, Collector, Signed};
pub use read_signature::{Reference, Signature, read_signature};
pub use verify::{
    FormRules, MAX_REFERENCES, Refusal, Rule, SIGNED_BY_ISO2, Suite, check_coverage, digest, verify,
};
