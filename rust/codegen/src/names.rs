//! Python names from schema names.

/// Words that the standard writes in capitals and that run together in its names.
const ACRONYMS: &[&str] = &[
    "EVSE", "EVCC", "SECC", "EMAID", "V2G", "SDP", "BPT", "ACDP", "WPT", "DER", "RESS", "SOC", "RCD", "PCID",
    "URI", "SKI", "CRL", "PGP", "SPKI", "DSA", "RSA", "HMAC", "X509", "TPM", "SECP521", "X448", "ECDH",
    "OEM", "CPS", "DSO", "PnC", "AC", "DC", "EV", "SA", "ID", "DH", "MO", "P2PS", "MCS", "IEC", "SAE",
];

/// Schema names that the rules would split badly.
const FIELDS: &[(&str, &str)] = &[
    ("eMAID", "emaid"),
    ("EVRESSSOC", "ev_ress_soc"),
    ("EVSEID", "evse_id"),
    ("EVCCID", "evcc_id"),
    ("PMax", "p_max"),
    ("XPath", "xpath"),
    ("SPKISexp", "spki_sexp"),
    ("PrioritizedEMAIDs", "prioritized_emaids"),
    ("EMAID", "emaid"),
    ("RemainingTimeToFullSoC", "remaining_time_to_full_soc"),
    ("RemainingTimeToBulkSoC", "remaining_time_to_bulk_soc"),
    ("EIM_AReqAuthorizationMode", "eim_areq_authorization_mode"),
    ("EIM_ASResAuthorizationMode", "eim_asres_authorization_mode"),
    ("PnC_AReqAuthorizationMode", "pnc_areq_authorization_mode"),
    ("PnC_ASResAuthorizationMode", "pnc_asres_authorization_mode"),
    ("EVMaximumV2XEnergyRequest", "ev_maximum_v2x_energy_request"),
    ("EVMinimumV2XEnergyRequest", "ev_minimum_v2x_energy_request"),
    ("CapacitiveEnergyReadingVARh", "capacitive_energy_reading_varh"),
    ("BPT_InductiveEnergyReadingVARh", "bpt_inductive_energy_reading_varh"),
    ("SupportedServiceIDs", "supported_service_ids"),
    ("Fstart", "f_start"),
    ("Fstop", "f_stop"),
    ("IntentionalDelayFstop", "intentional_delay_f_stop"),
    ("ListOfRootCertificateIDs", "list_of_root_certificate_ids"),
];

/// `PaymentDetailsReqType` -> `PaymentDetailsReq`; `responseCodeType` -> `ResponseCode`.
pub(crate) fn class_name(schema: &str) -> String {
    let name = schema.strip_suffix("Type").filter(|name| !name.is_empty()).unwrap_or(schema);
    let mut letters = name.chars();
    match letters.next() {
        Some(first) if name.starts_with("eMAID") => {
            format!("{}{}", first.to_ascii_uppercase(), letters.as_str())
        }
        Some(first) => format!("{}{}", first.to_ascii_uppercase(), letters.as_str()),
        None => String::new(),
    }
}

/// `EVSEMaximumCurrentLimit` -> `evse_maximum_current_limit`.
pub(crate) fn field_name(schema: &str) -> String {
    if let Some((_, name)) = FIELDS.iter().find(|(from, _)| *from == schema) {
        return (*name).to_owned();
    }
    let joined = schema.split('_').map(|part| words(part).join("_")).collect::<Vec<_>>().join("_");
    let name = joined.to_ascii_lowercase();
    if matches!(name.as_str(), "from" | "import" | "class" | "def" | "is" | "not" | "pass" | "in") {
        format!("{name}_")
    } else {
        name
    }
}

/// Split a name where a word begins: at a capital after a small letter, and between known acronyms.
fn words(name: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let length = acronym(rest).unwrap_or_else(|| word(rest));
        let (head, tail) = rest.split_at(length);
        out.push(head.to_owned());
        rest = tail;
    }
    out
}

fn acronym(text: &str) -> Option<usize> {
    let fits = |word: &&&str| {
        text.strip_prefix(**word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    ACRONYMS.iter().filter(fits).map(|word| word.len()).max()
}

fn word(text: &str) -> usize {
    let letters: Vec<char> = text.chars().collect();
    let mut end = 1;
    while end < letters.len() {
        let boundary = letters[end].is_ascii_uppercase()
            && (!letters[end - 1].is_ascii_uppercase()
                || letters.get(end + 1).is_some_and(char::is_ascii_lowercase));
        if boundary {
            break;
        }
        end += 1;
    }
    end
}

/// A Python identifier for an enumeration value.
pub(crate) fn member_name(value: &str) -> String {
    let name: String = value.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    match name.as_str() {
        "None" | "True" | "False" => format!("{name}_"),
        _ if name.starts_with(|c: char| c.is_ascii_digit()) => format!("_{name}"),
        _ => name,
    }
}
