//! `plugcharge_trust` for Python: anchors, chain checks, keys and contract key envelopes.

use plugcharge_trust::{
    AnchorError, AnchorKind, Certificate, ChainError, Curve, Eccentricity, ISO2, KeyError, KeyUsage,
    ParseError, PemError, PublicKey, Purpose, Request, Revoked, RootValidity, Rule, Rules, Scope, SigningKey,
    TrustAnchors, ValidatedChain,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyInt, PyTuple, PyType};

/// Adds what this file offers to the extension module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyTrustAnchors>()?;
    module.add_class::<PyPublicKey>()?;
    module.add_class::<PySigningKey>()?;
    module.add_class::<ValidatedPath>()?;
    module.add_class::<CertificateSummary>()?;
    module.add_function(wrap_pyfunction!(validate_chain, module)?)?;
    module.add_function(wrap_pyfunction!(chain_rules, module)?)?;
    module.add_function(wrap_pyfunction!(parse_certificate, module)?)?;
    module.add_function(wrap_pyfunction!(open_envelope, module)?)?;
    module.add_function(wrap_pyfunction!(seal_envelope, module)?)
}

/// A certificate's position and revocation key as Python gives it: issuer name in DER, serial number octets.
type IssuerAndSerial = (Vec<u8>, Vec<u8>);

/// Trust anchors, parsed once; immutable.
#[pyclass(name = "TrustAnchors", module = "plugcharge._core", frozen)]
struct PyTrustAnchors(TrustAnchors);

#[pymethods]
impl PyTrustAnchors {
    /// Parses root certificates, given as pairs of kind (`v2g`, `mo`, `oem`, `private`) and DER.
    #[new]
    #[pyo3(signature = (anchors = Vec::new()))]
    #[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
    fn new(py: Python<'_>, anchors: Vec<(String, Bound<'_, PyBytes>)>) -> PyResult<Self> {
        extended(py, &TrustAnchors::default(), &anchors)
    }

    /// A copy with more anchors.
    #[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
    fn with_more(&self, py: Python<'_>, anchors: Vec<(String, Bound<'_, PyBytes>)>) -> PyResult<Self> {
        extended(py, &self.0, &anchors)
    }

    /// Every anchor as a pair of kind and DER, in the order in which they were added.
    fn anchors<'py>(&self, py: Python<'py>) -> Vec<(&'static str, Bound<'py, PyBytes>)> {
        self.0.iter().map(|anchor| (anchor.kind().name(), PyBytes::new(py, anchor.der()))).collect()
    }

    fn __len__(&self) -> usize {
        self.0.iter().count()
    }
}

fn extended(
    py: Python<'_>,
    trust: &TrustAnchors,
    anchors: &[(String, Bound<'_, PyBytes>)],
) -> PyResult<PyTrustAnchors> {
    let mut parsed = Vec::with_capacity(anchors.len());
    for (name, der) in anchors {
        parsed.push((named(AnchorKind::ALL, AnchorKind::name, name, "kind of anchor")?, der.as_bytes()));
    }
    trust.with(parsed).map(PyTrustAnchors).map_err(|error| anchor_error(py, &error))
}

/// Finds a value by its name.
fn named<T: Copy, const N: usize>(
    all: [T; N],
    name_of: fn(T) -> &'static str,
    name: &str,
    what: &str,
) -> PyResult<T> {
    all.into_iter()
        .find(|value| name_of(*value) == name)
        .ok_or_else(|| PyValueError::new_err(format!("{name:?} is not a {what}")))
}

/// Validates a chain of -2; see `plugcharge.pki.validate`.
#[pyfunction]
#[pyo3(signature = (
    chain, anchors, *, purpose, at, rules, revoked_signed_parts = Vec::new(), revoked_serials = Vec::new(),
    danger_ignore_root_validity = false
))]
#[expect(clippy::too_many_arguments, reason = "the one entry point, keyword-only but for two")]
#[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
fn validate_chain(
    py: Python<'_>,
    chain: Vec<Bound<'_, PyBytes>>,
    anchors: &PyTrustAnchors,
    purpose: &str,
    at: i64,
    rules: &str,
    revoked_signed_parts: Vec<[u8; 32]>,
    revoked_serials: Vec<IssuerAndSerial>,
    danger_ignore_root_validity: bool,
) -> PyResult<ValidatedPath> {
    let revoked = Revoked {
        signed_parts: revoked_signed_parts.into_iter().collect(),
        serials: revoked_serials.into_iter().collect(),
    };
    let rules = match rules {
        "strict" => Rules::Strict,
        "interop" => Rules::Interop,
        _ => return Err(PyValueError::new_err("rules are \"strict\" or \"interop\"")),
    };
    let request = Request {
        profile: &ISO2,
        purpose: named(Purpose::ALL, Purpose::name, purpose, "purpose")?,
        at,
        rules,
        revoked: &revoked,
        root_validity: if danger_ignore_root_validity {
            RootValidity::DangerIgnored
        } else {
            RootValidity::Checked
        },
    };
    let certificates: Vec<&[u8]> = chain.iter().map(PyBytesMethods::as_bytes).collect();
    let trust = &anchors.0;
    match py.detach(|| plugcharge_trust::validate(&certificates, trust, &request)) {
        Ok(found) => ValidatedPath::new(py, found, &chain),
        Err(error) => Err(chain_error(py, &error)),
    }
}

/// A chain that was checked and found good.
#[pyclass(module = "plugcharge._core", frozen, get_all)]
struct ValidatedPath {
    /// The certificates of the path in DER, leaf first, anchor not included.
    chain: Py<PyTuple>,
    /// The anchor in DER.
    anchor: Py<PyBytes>,
    /// The kind of the anchor: `v2g`, `mo`, `oem` or `private`.
    anchor_kind: &'static str,
    /// The leaf's common name.
    subject_cn: String,
    /// The leaf's public key.
    public_key: Py<PyPublicKey>,
    /// Names of the leaf's KeyUsage bits, as RFC 5280 writes them; none where it has no KeyUsage.
    key_usage: Py<PyTuple>,
    /// The SHA-256 of the leaf.
    fingerprint: Py<PyBytes>,
    /// The SHA-256 of what the leaf's issuer signed.
    signed_part_sha256: Py<PyBytes>,
    /// When the whole path becomes valid, seconds since 1970.
    not_before: i64,
    /// When the first certificate of the path expires, seconds since 1970.
    not_after: i64,
    /// Ids of the rules that were broken and tolerated.
    tolerated: Py<PyTuple>,
}

impl ValidatedPath {
    fn new(py: Python<'_>, found: ValidatedChain, given: &[Bound<'_, PyBytes>]) -> PyResult<Self> {
        let usage = found.leaf.key_usage.map_or_else(Vec::new, KeyUsage::names);
        Ok(Self {
            chain: PyTuple::new(
                py,
                found.path.iter().filter_map(|index| given.get(*index)).collect::<Vec<_>>(),
            )?
            .unbind(),
            anchor: PyBytes::new(py, found.anchor.der()).unbind(),
            anchor_kind: found.anchor.kind().name(),
            subject_cn: found.leaf.subject_cn,
            public_key: Py::new(py, PyPublicKey(found.leaf.public_key))?,
            key_usage: PyTuple::new(py, usage)?.unbind(),
            fingerprint: PyBytes::new(py, &found.leaf.fingerprint).unbind(),
            signed_part_sha256: PyBytes::new(py, &found.leaf.signed_part_sha256).unbind(),
            not_before: found.not_before,
            not_after: found.not_after,
            tolerated: PyTuple::new(py, found.tolerated)?.unbind(),
        })
    }
}

/// A row of the table of rules.
type RuleRow = (String, &'static str, &'static str, &'static str, &'static str, bool, &'static str);

/// The table of rules: id, requirement, what must hold, advice, response code, whether interop tolerates it, stage.
#[pyfunction]
fn chain_rules() -> Vec<RuleRow> {
    let mut rows = Vec::new();
    for rule in Rule::ALL {
        let info = rule.info();
        let purposes: &[Purpose] =
            if info.scope == Scope::Leaf { &Purpose::ALL } else { &[Purpose::Contract] };
        for purpose in purposes {
            let id = ISO2.rule_id(*rule, *purpose);
            rows.push((
                id,
                info.requirement,
                info.description,
                info.advice,
                info.code.name(),
                info.tolerated,
                info.stage.name(),
            ));
        }
    }
    rows
}

/// A public key on secp256r1.
#[pyclass(name = "PublicKey", module = "plugcharge._core", frozen)]
pub(crate) struct PyPublicKey(pub(crate) PublicKey);

#[pymethods]
impl PyPublicKey {
    /// Takes an uncompressed point (65 octets: 04, X, Y) and checks that it is on the curve.
    #[new]
    fn new(py: Python<'_>, point: &[u8]) -> PyResult<Self> {
        PublicKey::from_point(Curve::P256, point).map(Self).map_err(|error| key_error(py, error))
    }

    /// Takes the key of a certificate, without judging the certificate.
    #[staticmethod]
    fn from_certificate(py: Python<'_>, certificate: &[u8]) -> PyResult<Self> {
        let parsed = Certificate::parse(certificate).map_err(|error| parse_error(py, error))?;
        let curve = parsed.key.curve.ok_or_else(|| key_error(py, KeyError::Encoding))?;
        PublicKey::from_point(curve, parsed.key.octets).map(Self).map_err(|error| key_error(py, error))
    }

    /// The curve, as certificate tools call it.
    #[getter]
    fn curve(&self) -> &'static str {
        self.0.curve().name()
    }

    /// The uncompressed point.
    #[getter]
    fn point<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.point())
    }

    /// Verifies r and s in fixed width (64 octets), as XML signatures carry them; raises `SignatureError`.
    fn verify_raw(&self, py: Python<'_>, message: &[u8], signature: &[u8]) -> PyResult<()> {
        py.detach(|| self.0.verify_raw(message, signature)).map_err(|_| signature_error(py))
    }

    /// Verifies r and s in DER, as certificates carry them; raises `SignatureError`.
    fn verify_der(&self, py: Python<'_>, message: &[u8], signature: &[u8]) -> PyResult<()> {
        py.detach(|| self.0.verify_der(message, signature)).map_err(|_| signature_error(py))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __hash__(&self) -> u64 {
        let octets = self.0.point().iter().skip(1).take(8);
        octets.fold(0, |hash, octet| (hash << 8) | u64::from(*octet))
    }

    fn __repr__(&self) -> String {
        let point = self.0.point();
        format!("PublicKey({}, x={:02x?}...)", self.0.curve().name(), point.get(1..5).unwrap_or_default())
    }
}

/// PEM is text, and comes out of files as octets.
#[derive(FromPyObject)]
enum PemText<'py> {
    Octets(Bound<'py, PyBytes>),
    Text(String),
}

impl PemText<'_> {
    fn octets(&self) -> &[u8] {
        match self {
            Self::Octets(octets) => octets.as_bytes(),
            Self::Text(text) => text.as_bytes(),
        }
    }
}

/// A private key on secp256r1; its representation never shows the key.
#[pyclass(name = "SigningKey", module = "plugcharge._core", frozen)]
struct PySigningKey(SigningKey);

#[pymethods]
impl PySigningKey {
    /// Makes a new key from the system's random numbers.
    #[staticmethod]
    fn generate(py: Python<'_>) -> PyResult<Self> {
        SigningKey::generate(Curve::P256).map(Self).map_err(|error| key_error(py, error))
    }

    /// Takes a scalar of 32 octets, big-endian, above zero and below the group order.
    #[staticmethod]
    fn from_scalar(py: Python<'_>, scalar: &[u8]) -> PyResult<Self> {
        SigningKey::from_scalar(Curve::P256, scalar).map(Self).map_err(|error| key_error(py, error))
    }

    /// Takes an unencrypted private key in PKCS#8 or SEC 1 DER.
    #[staticmethod]
    fn from_der(py: Python<'_>, der: &[u8]) -> PyResult<Self> {
        SigningKey::from_der(Curve::P256, der).map(Self).map_err(|error| key_error(py, error))
    }

    /// Takes the one unencrypted private key, PKCS#8 or SEC 1, of a PEM text; other blocks are left out.
    #[staticmethod]
    #[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
    fn from_pem(py: Python<'_>, pem: PemText<'_>) -> PyResult<Self> {
        let der = plugcharge_trust::private_key_der(pem.octets()).map_err(|error| pem_error(py, error))?;
        SigningKey::from_der(Curve::P256, &der).map(Self).map_err(|error| key_error(py, error))
    }

    /// The public key.
    #[getter]
    fn public_key(&self) -> PyPublicKey {
        PyPublicKey(self.0.public_key().clone())
    }

    /// Signs a message (it is hashed here) and gives r and s in fixed width, 64 octets.
    fn sign_raw<'py>(&self, py: Python<'py>, message: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let signature = py.detach(|| self.0.sign_raw(message)).map_err(|error| key_error(py, error))?;
        Ok(PyBytes::new(py, &signature))
    }

    /// ECDH with an uncompressed point: the x coordinate of the common point, 32 octets.
    fn agree<'py>(&self, py: Python<'py>, peer_point: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let secret = py.detach(|| self.0.agree(peer_point)).map_err(|error| key_error(py, error))?;
        Ok(PyBytes::new(py, &secret))
    }

    /// The key in unencrypted PKCS#8 DER, to be stored where nobody else can read it.
    fn to_pkcs8<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let der = self.0.to_pkcs8().map_err(|error| key_error(py, error))?;
        Ok(PyBytes::new(py, &der))
    }

    fn __repr__(&self) -> String {
        format!("SigningKey({})", self.0.public_key().curve().name())
    }
}

/// Opens a contract key envelope of -2; see `plugcharge.pki.envelope`.
#[pyfunction]
fn open_envelope(
    py: Python<'_>,
    encrypted_key: &[u8],
    dh_public_key: &[u8],
    recipient: &PySigningKey,
    certificate_key: &PyPublicKey,
) -> PyResult<PySigningKey> {
    let (recipient, certificate_key) = (&recipient.0, &certificate_key.0);
    py.detach(|| plugcharge_trust::open_envelope(encrypted_key, dh_public_key, recipient, certificate_key))
        .map(PySigningKey)
        .map_err(|error| {
            let parts = Parts {
                place: "ContractSignatureEncryptedPrivateKey",
                why: "length, curve point, key range or key match is wrong [V2G2-822] [V2G2-823]",
                advice: "the envelope was made for another vehicle or contract, or was changed on its way",
                ..Parts::default()
            };
            raise(py, &PEER_ERROR, "PeerError", &error.to_string(), &parts)
        })
}

/// Seals a contract key of -2; gives ContractSignatureEncryptedPrivateKey and DHpublickey.
#[pyfunction]
#[pyo3(signature = (contract_key, recipient, *, iv = None, ephemeral_key = None))]
fn seal_envelope<'py>(
    py: Python<'py>,
    contract_key: &PySigningKey,
    recipient: &PyPublicKey,
    iv: Option<[u8; 16]>,
    ephemeral_key: Option<&PySigningKey>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let (contract_key, recipient) = (&contract_key.0, &recipient.0);
    let ephemeral = ephemeral_key.map(|key| &key.0);
    let sealed = py
        .detach(|| plugcharge_trust::seal_envelope(contract_key, recipient, iv, ephemeral))
        .map_err(|error| key_error(py, error))?;
    Ok((PyBytes::new(py, &sealed.encrypted_key), PyBytes::new(py, &sealed.dh_public_key)))
}

/// What a certificate says, without any judgement.
#[pyclass(module = "plugcharge._core", frozen, get_all)]
struct CertificateSummary {
    /// 1, 2 or 3.
    version: u8,
    /// The serial number.
    serial_number: Py<PyInt>,
    /// The serial number's octets as the certificate has them.
    serial: Py<PyBytes>,
    /// The issuer's name in DER.
    issuer: Py<PyBytes>,
    /// The subject's name in DER.
    subject: Py<PyBytes>,
    /// The issuer's first common name.
    issuer_cn: Option<String>,
    /// The subject's first common name.
    subject_cn: Option<String>,
    /// The subject's domain components.
    domain_components: Vec<String>,
    /// The subject's organizations.
    organizations: Vec<String>,
    /// The subject's countries.
    countries: Vec<String>,
    /// Start of validity, seconds since 1970.
    not_before: i64,
    /// End of validity, seconds since 1970.
    not_after: i64,
    /// The whole SubjectPublicKeyInfo.
    public_key_info: Py<PyBytes>,
    /// The key octets: for a curve the point, which is what an OCSP issuerKeyHash is taken over.
    public_key_octets: Py<PyBytes>,
    /// The named curve, if it is one that a V2G profile knows.
    curve: Option<&'static str>,
    /// Whether it is the certificate of a CA.
    is_ca: bool,
    /// How many sub-CAs may stand below it.
    path_length: Option<u8>,
    /// Names of the KeyUsage bits; absent without the extension.
    key_usage: Option<Vec<&'static str>>,
    /// Names of the ExtendedKeyUsage purposes that are known; absent without the extension.
    extended_key_usage: Option<Vec<&'static str>>,
    /// SubjectKeyIdentifier.
    subject_key_identifier: Option<Py<PyBytes>>,
    /// The key identifier of AuthorityKeyIdentifier.
    authority_key_identifier: Option<Py<PyBytes>>,
    /// The first OCSP responder.
    ocsp_url: Option<String>,
    /// Whether it names revocation lists.
    has_crl_distribution_points: bool,
    /// The SHA-256 of the certificate.
    fingerprint: Py<PyBytes>,
    /// The SHA-256 of what its issuer signed.
    signed_part_sha256: Py<PyBytes>,
    /// Names of encodings in it that are not strict DER.
    eccentricities: Vec<&'static str>,
}

/// Reads a certificate in DER without judging it.
#[pyfunction]
fn parse_certificate(py: Python<'_>, certificate: &[u8]) -> PyResult<CertificateSummary> {
    let parsed = Certificate::parse(certificate).map_err(|error| parse_error(py, error))?;
    let extensions = &parsed.extensions;
    let bytes = |octets: &[u8]| PyBytes::new(py, octets).unbind();
    let owned = |texts: &mut dyn Iterator<Item = &str>| texts.map(str::to_owned).collect::<Vec<_>>();
    let signed = PyDict::new(py);
    signed.set_item("signed", true)?;
    let serial_number = py
        .get_type::<PyInt>()
        .call_method("from_bytes", (PyBytes::new(py, parsed.serial), "big"), Some(&signed))?
        .cast_into::<PyInt>()?;
    Ok(CertificateSummary {
        version: parsed.version,
        serial_number: serial_number.unbind(),
        serial: bytes(parsed.serial),
        issuer: bytes(parsed.issuer.der()),
        subject: bytes(parsed.subject.der()),
        issuer_cn: parsed.issuer.common_names().next().map(str::to_owned),
        subject_cn: parsed.subject.common_names().next().map(str::to_owned),
        domain_components: owned(&mut parsed.subject.domain_components()),
        organizations: owned(&mut parsed.subject.organizations()),
        countries: owned(&mut parsed.subject.countries()),
        not_before: parsed.not_before,
        not_after: parsed.not_after,
        public_key_info: bytes(parsed.key.info),
        public_key_octets: bytes(parsed.key.octets),
        curve: parsed.key.curve.map(Curve::name),
        is_ca: extensions.basic_constraints.is_some_and(|constraints| constraints.ca),
        path_length: extensions.basic_constraints.and_then(|constraints| constraints.path_length),
        key_usage: extensions.key_usage.map(|(usage, _)| usage.names()),
        extended_key_usage: extensions.extended_key_usage.map(plugcharge_trust::ExtendedKeyUsage::names),
        subject_key_identifier: extensions.subject_key_identifier.map(bytes),
        authority_key_identifier: extensions.authority_key_identifier.map(bytes),
        ocsp_url: extensions.ocsp_url.map(str::to_owned),
        has_crl_distribution_points: extensions.crl_distribution_points,
        fingerprint: bytes(&parsed.fingerprint()),
        signed_part_sha256: bytes(&parsed.signed_part_sha256()),
        eccentricities: parsed.eccentricities().into_iter().map(Eccentricity::name).collect(),
    })
}

static CHAIN_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static LOCAL_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static PEER_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static SIGNATURE_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// The keyword arguments of the package's exceptions; empty ones are left out.
#[derive(Default)]
struct Parts<'a> {
    code: &'a str,
    rule: &'a str,
    certificate: &'a str,
    place: &'a str,
    why: &'a str,
    advice: &'a str,
}

fn raise(py: Python<'_>, class: &PyOnceLock<Py<PyType>>, name: &str, what: &str, parts: &Parts<'_>) -> PyErr {
    let build = || -> PyResult<PyErr> {
        let keywords = PyDict::new(py);
        for (keyword, value) in [
            ("code", parts.code),
            ("rule", parts.rule),
            ("certificate", parts.certificate),
            ("where", parts.place),
            ("why", parts.why),
            ("advice", parts.advice),
        ] {
            if !value.is_empty() {
                keywords.set_item(keyword, value)?;
            }
        }
        let class = class.import(py, "plugcharge.errors", name)?;
        Ok(PyErr::from_value(class.call((what,), Some(&keywords))?))
    };
    // What went wrong while the exception was made is itself an exception: never a silent pass.
    build().unwrap_or_else(|error| error)
}

fn chain_error(py: Python<'_>, error: &ChainError) -> PyErr {
    let why = error.why();
    let parts = Parts {
        code: error.code().name(),
        rule: &error.id,
        certificate: &error.certificate,
        why: &why,
        advice: error.advice(),
        ..Parts::default()
    };
    raise(py, &CHAIN_ERROR, "ChainError", &error.what, &parts)
}

fn parse_error(py: Python<'_>, error: ParseError) -> PyErr {
    let (info, rule) = (error.rule.info(), ISO2.rule_id(error.rule, Purpose::Contract));
    let parts = Parts {
        code: info.code.name(),
        rule: &rule,
        why: info.description,
        advice: info.advice,
        ..Parts::default()
    };
    raise(py, &CHAIN_ERROR, "ChainError", &format!("The certificate cannot be read: {error}."), &parts)
}

fn anchor_error(py: Python<'_>, error: &AnchorError) -> PyErr {
    let place = format!("{} anchor {}", error.kind.name(), error.position);
    let parts = Parts {
        place: &place,
        why: error.rule.info().description,
        advice: "give the root certificate of the operator you trust, in DER or PEM",
        ..Parts::default()
    };
    raise(
        py,
        &LOCAL_ERROR,
        "LocalError",
        &format!("This cannot be a trust anchor: {}.", error.detail),
        &parts,
    )
}

fn key_error(py: Python<'_>, error: KeyError) -> PyErr {
    let parts = Parts { why: "only keys on secp256r1 are used in -2 [V2G2-007]", ..Parts::default() };
    raise(py, &LOCAL_ERROR, "LocalError", &error.to_string(), &parts)
}

fn pem_error(py: Python<'_>, error: PemError) -> PyErr {
    let advice = match error {
        PemError::Encrypted => {
            "plugcharge.transport's load_contract and load_identity take a passphrase; or decrypt the file first"
        }
        _ => "give one unencrypted key with BEGIN PRIVATE KEY or BEGIN EC PRIVATE KEY lines",
    };
    let parts = Parts { why: "an unencrypted PKCS#8 or SEC 1 key is needed", advice, ..Parts::default() };
    raise(py, &LOCAL_ERROR, "LocalError", &error.to_string(), &parts)
}

fn signature_error(py: Python<'_>) -> PyErr {
    let parts = Parts {
        code: "FAILED_SignatureError",
        rule: "signature-mismatch",
        why: "the signature was not made over this message with this key",
        ..Parts::default()
    };
    raise(py, &SIGNATURE_ERROR, "SignatureError", "The signature does not verify.", &parts)
}
