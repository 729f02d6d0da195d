//! What keys say of Encrypted Client Hello (RFC 9849).

use super::terms::Terms;
use crate::base::{AlertDescription, Basis, Evidence, Fact, Facts, Kind, What};
use crate::dissect::keys::Lookup;

/// The alert of a client whose ECH was not taken (RFC 9849 §6.1.6).
const ECH_REQUIRED: AlertDescription = AlertDescription(121);

/// States whether ECH was taken. Keys filed under another random than the hello's are those of the inner hello: they open only what a server
/// sent that took it. `opened` is the first record, or packet, that opened.
pub(in crate::dissect) fn state(lookup: &Lookup, opened: Option<&Evidence>, terms: Option<&Terms>, facts: &mut Facts) {
    let Some(Fact { what: What::TlsEch("present"), evidence: offered, .. }) = facts.get(Kind::TlsEch) else { return };
    if facts.has(Kind::Ech) {
        return;
    }
    let of_another = terms.and_then(|terms| terms.client_random).is_some_and(|outer| lookup.is_of_another(outer));
    let (verdict, shown_by) = match (opened, rejected(facts)) {
        (Some(opened), _) if of_another => ("accepted", opened.clone()),
        (Some(_), Some(evidence)) => ("rejected", evidence),
        _ => return,
    };
    let evidence = offered.clone().and(&shown_by);
    facts.add(Fact { what: What::Ech(verdict), basis: Basis::ObservedWithKeys, evidence });
}

/// A server that did not take the ECH it got answers with other keys to try, and the client ends with an alert (RFC 9849 §6.1.6).
fn rejected(facts: &Facts) -> Option<Evidence> {
    let retry = facts.get(Kind::TlsEchRetryConfigs);
    let alert = facts.get(Kind::TlsAlerts).filter(|fact| match &fact.what {
        What::TlsAlerts(list) => list.iter().any(|alert| alert.description == ECH_REQUIRED),
        _ => false,
    });
    retry.or(alert).map(|fact| fact.evidence.clone())
}
