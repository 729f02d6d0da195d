//! Who uses which names, addresses and protocols, and what is claimed of them: the catalogue, `assess/platforms.toml`.
//!
//! What packets show is never taken from here, and what is claimed is never taken from packets. To add a platform: one `[[platform]]`
//! in the file; every claim and every sign names a source. Names and addresses that several apps use stand in a `[[group]]`, so that
//! they cannot name one of them.

mod catalogue;
mod cidr;
mod claim;
mod date;
mod index;
#[cfg(test)]
mod tests;

pub use catalogue::{
    App, Article, Borrowed, Catalogue, CatalogueError, Domain, Group, Platform, Range, Reach, Role, Scope, Sign, Strength, WireSignature,
};
pub use cidr::Cidr;
pub use claim::{Beside, Claim, ConstructionClaim, InForce, Quality, Source, SourceKey, Statement, Status};
pub use date::Date;
pub(in crate::assess) use index::{Index, Named, Ranged, Who, Wired};
