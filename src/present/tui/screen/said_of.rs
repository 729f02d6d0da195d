//! Who the other side was and whose connection it is, in sentences.

use crate::assess::attribution::Confidence;
use crate::assess::{Identity, Judged};

/// Whether the other side was who it said; never part of the grade.
#[must_use]
pub fn identity(judged: &Judged) -> Option<String> {
    let word = match judged.judgement.identity? {
        Identity::Valid => "valid: chain, name and time of its certificate held when this was captured.",
        Identity::Invalid => "invalid: its certificate did not hold; the findings say why. Whoever it was, this is not part of the grade.",
        Identity::Private => "private: its certificate is not meant to be checked by public roots; not checkable here.",
        Identity::Unverified => "unverified: its certificate leads to no root that is known here.",
        Identity::None => "none: nobody showed who they are.",
        // The sentence about TLS 1.3 says it already.
        Identity::NotVisible => return None,
    };
    Some(format!("Identity of the server {word}"))
}

/// Whose connection it is, how sure that is, and why.
#[must_use]
pub fn app(judged: &Judged) -> Option<String> {
    let of = judged.attribution.as_ref()?;
    let sure = match of.confidence {
        Confidence::Confirmed => "belongs to",
        Confidence::Likely => "likely belongs to",
        Confidence::Possible => "possibly belongs to",
        Confidence::Shared => "belongs to one of the apps of",
    };
    let because: Vec<String> = of
        .because
        .iter()
        .map(|signal| format!("{} {} ({})", signal.signal, signal.value, super::facts::frames(&signal.evidence)))
        .collect();
    Some(format!("This connection {sure} {} ({}), because of {}.", of.platform, of.role.word(), because.join(", ")))
}
