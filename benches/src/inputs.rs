//! The inputs: third-party messages from beside the checkout, or else our own from `inputs.json`.

use std::fs;
use std::path::{Path, PathBuf};

use plugcharge_exi::table::Schema;
use plugcharge_messages::{SCHEMAS, index_of};
use serde_json::Value;

/// A message to measure with.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its name in both languages, such as `iso2_SessionSetupReq`.
    pub name: String,
    /// Its schema set.
    pub schema: &'static Schema,
    /// The EXI stream.
    pub bytes: Vec<u8>,
}

/// A contract's chain: leaf first, then the root that is trusted, and a time at which all are valid.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Leaf and sub-CAs as DER.
    pub certificates: Vec<Vec<u8>>,
    /// The root as DER.
    pub root: Vec<u8>,
    /// Seconds since 1970.
    pub at: i64,
}

/// A signed AuthorizationReq, and the key it verifies with.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The EXI stream of the whole message.
    pub bytes: Vec<u8>,
    /// The challenge it has to carry.
    pub challenge: Vec<u8>,
    /// The signer's public key as an uncompressed point.
    pub point: Vec<u8>,
}

/// Everything the benches measure with.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The messages of every schema set that exists here.
    pub messages: Vec<Message>,
    /// For the chain check.
    pub chain: Chain,
    /// For the signature check.
    pub signed: Signed,
}

impl Inputs {
    /// Read the inputs.
    ///
    /// # Errors
    ///
    /// A sentence about the file that cannot be read.
    pub fn load() -> Result<Self, String> {
        let own = json(&here().join("inputs.json"))?;
        let third_party = here().join("../../shared/vectors/exi/bench_messages.jsonl");
        let lines = if third_party.exists() {
            read(&third_party)?.lines().map(parse).collect::<Result<Vec<_>, _>>()?
        } else {
            list(&own, "messages")?.clone()
        };
        let mut messages = Vec::new();
        for line in &lines {
            messages.extend(message(line)?);
        }
        let (chain, signed) = (&own["chain"], &own["signed"]);
        Ok(Self {
            messages,
            chain: Chain {
                certificates: list(chain, "certificates")?.iter().map(octets).collect::<Result<_, _>>()?,
                root: octets(&chain["root"])?,
                at: chain["at"].as_i64().ok_or("inputs.json: chain.at is no number")?,
            },
            signed: Signed {
                bytes: octets(&signed["hex"])?,
                challenge: octets(&signed["challenge"])?,
                point: octets(&signed["point"])?,
            },
        })
    }
}

/// A message of a schema set that exists here; the name begins with the set's.
fn message(line: &Value) -> Result<Option<Message>, String> {
    let name = line["name"].as_str().ok_or("a message has no name")?;
    let schema = index_of(name.split('_').next().unwrap_or_default()).and_then(|index| SCHEMAS.get(index));
    let Some(schema) = schema else { return Ok(None) };
    Ok(Some(Message { name: name.to_owned(), schema, bytes: octets(&line["hex"])? }))
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Result<Value, String> {
    parse(&read(path)?)
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn list<'v>(value: &'v Value, key: &str) -> Result<&'v Vec<Value>, String> {
    value[key].as_array().ok_or_else(|| format!("inputs.json: {key} is no list"))
}

fn octets(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.as_str().ok_or("octets are written as hex")?;
    (0..text.len() / 2)
        .map(|at| text.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| "octets are written as hex".to_owned())
}
