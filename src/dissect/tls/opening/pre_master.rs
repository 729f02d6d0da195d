//! Where the master secret of TLS 1.2 and before comes from.

use std::sync::Arc;

use super::prf;
use super::suite::Suite;
use crate::dissect::keys::{Lookup, Secret};
use crate::dissect::tls::terms::Terms;

/// The master secret of TLS 1.2 and before: logged, or made from the pre-master secret, where that is known.
pub(in crate::dissect) fn master_of(lookup: &mut Lookup, terms: &Terms) -> Option<Arc<Secret>> {
    let session = lookup.session(terms.client_random).cloned();
    if let Some(master) = session.as_ref().and_then(|session| session.master.clone()) {
        return Some(master);
    }
    let suite = Suite::before_1_3(terms.cipher?)?;
    let pre_master = match session.and_then(|session| session.pre_master.clone()) {
        Some(secret) => secret,
        None if suite.rsa => {
            let (key, secret) = lookup.keys().pre_master(terms.encrypted_pre_master.as_ref()?)?;
            lookup.matches(key);
            secret
        }
        None => return None,
    };
    prf::master(terms, suite.hash, &pre_master).map(Arc::new)
}
