//! The catalogue as it is written: platforms, the names and addresses they use, what is claimed of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::claim::{Beside, Claim, ConstructionClaim, InForce, Source, SourceKey};
use super::index::Index;
use super::{Cidr, Date};
use crate::base::Timestamp;

/// The catalogue that comes with the program, as people write it.
const OWN: &str = include_str!("../platforms.toml");

/// The same as `build.rs` turned it into JSON, which is read five times faster: every start of the program reads it.
const OWN_AS_JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/platforms.json"));

/// What a name or an address is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Messages.
    Messaging,
    /// Calls.
    Call,
    /// Pictures, video, files.
    Media,
    /// Notifications, for every app of a device.
    Push,
    /// A web site.
    Web,
    /// Statistics about use.
    Telemetry,
    /// Several things, or several apps.
    Shared,
}

impl Role {
    /// `messaging`, `call`, …
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Role::Messaging => "messaging",
            Role::Call => "call",
            Role::Media => "media",
            Role::Push => "push",
            Role::Web => "web",
            Role::Telemetry => "telemetry",
            Role::Shared => "shared",
        }
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// This service and no other.
    #[default]
    Service,
    /// All that the owner offers under this name, or pages of others that embed it.
    Owner,
}

/// A name: itself and everything under it; the longest match wins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// Lower case, without a leading dot.
    pub suffix: String,
    /// What it is used for.
    pub role: Role,
    /// What it stands for.
    #[serde(default)]
    pub reach: Reach,
    /// Who says so.
    pub source: SourceKey,
    /// What to know about it.
    pub note: Option<String>,
}

/// Who else is behind an address range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Only this service.
    Service,
    /// Everything of the owner.
    Owner,
    /// Customers of a hosting company, this service among them.
    Hosting,
}

impl Scope {
    /// `service`, `owner`, `hosting`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Scope::Service => "service",
            Scope::Owner => "owner",
            Scope::Hosting => "hosting",
        }
    }
}

/// A range of addresses: it supports an attribution, and only a service's own makes one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// `192.0.2.0/24`, `2001:db8::/32`.
    pub cidr: Cidr,
    /// Who else is there.
    pub scope: Scope,
    /// Who says so.
    pub source: SourceKey,
}

/// Where a sign on the wire stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// `network.protocol`.
    Protocol,
    /// An application protocol offered in TLS (RFC 7301).
    Alpn,
    /// A version of QUIC.
    QuicVersion,
    /// A realm of TURN: a name, matched as a suffix.
    StunRealm,
    /// A message or an attribute of STUN that no registry has: `message 0x0801`, `attribute 0x4003`.
    StunSign,
}

impl Sign {
    /// The word of the contract's `signal`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Sign::Protocol => "protocol",
            Sign::Alpn => "alpn",
            Sign::QuicVersion => "quic-version",
            Sign::StunRealm => "stun-realm",
            Sign::StunSign => "stun-sign",
        }
    }
}

/// How much a sign on the wire says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Others use it too: it names its users only together with a name or an address of theirs.
    Medium,
    /// Nobody else uses it.
    Strong,
}

/// A sign on the wire, as the dissectors state it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireSignature {
    /// Where it stands.
    pub sign: Sign,
    /// What it is.
    pub value: String,
    /// What such connections are for.
    pub role: Role,
    /// How much it says.
    pub strength: Strength,
    /// Who says so.
    pub source: SourceKey,
    /// What to know about it.
    pub note: Option<String>,
}

/// What the founding article said of a platform, and what was found since.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Article {
    /// Its words.
    pub said: String,
    /// What was found since.
    pub found: String,
}

/// One platform.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Its id: lower case and hyphens.
    pub id: Arc<str>,
    /// Its name for people.
    pub name: String,
    /// Who runs it.
    pub owner: String,
    /// Its servers are run by many, whoever makes the program or the protocol.
    #[serde(default)]
    pub many_servers: bool,
    /// For the platforms of the founding article: what it said.
    pub article: Option<Article>,
    /// What to know about it.
    pub note: Option<String>,
    /// Programs and apps, as operating systems and captures name them.
    #[serde(default)]
    pub apps: Vec<App>,
    /// Names of others that its app is known to write into the server name, to pass a censor. They are no contact with those others.
    #[serde(default)]
    pub borrows: Vec<Borrowed>,
    /// The names it uses.
    #[serde(default)]
    pub domains: Vec<Domain>,
    /// The addresses it uses.
    #[serde(default)]
    pub ranges: Vec<Range>,
    /// Its signs on the wire.
    #[serde(default)]
    pub wire: Vec<WireSignature>,
    /// What is claimed of its end-to-end encryption, oldest first; empty where no statement was found.
    #[serde(default, rename = "claim")]
    pub claims: Vec<Claim>,
    /// What is claimed beside it.
    #[serde(default)]
    pub beside: Beside,
}

impl Platform {
    /// The claim in force at a moment, and how it changed.
    #[must_use]
    pub fn claim_at(&self, at: Timestamp) -> InForce<'_> {
        InForce::among(&self.claims, at)
    }

    /// The latest claim.
    #[must_use]
    pub fn claim_now(&self) -> Option<&Claim> {
        self.claims.last()
    }
}

/// A program or an app.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// As the operating system names it; compared without regard to case.
    pub name: String,
    /// Who says so.
    pub source: SourceKey,
}

/// A name of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Borrowed {
    /// The host.
    pub host: String,
    /// Who says so.
    pub source: SourceKey,
}

/// Names, addresses and channels that several apps use: packets do not tell which.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its id.
    pub id: Arc<str>,
    /// Its name for people: "Meta infrastructure (Messenger, Instagram or Facebook)".
    pub name: String,
    /// Who runs it.
    pub owner: String,
    /// The platforms of this catalogue that use it.
    pub candidates: Vec<Arc<str>>,
    /// Who else uses it.
    pub others: Vec<String>,
    /// What to know about it.
    pub note: Option<String>,
    /// Programs that work for all of them.
    #[serde(default)]
    pub apps: Vec<App>,
    /// The names.
    #[serde(default)]
    pub domains: Vec<Domain>,
    /// The addresses.
    #[serde(default)]
    pub ranges: Vec<Range>,
    /// The signs on the wire.
    #[serde(default)]
    pub wire: Vec<WireSignature>,
}

/// A file of the catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    date: Date,
    #[serde(default)]
    sources: BTreeMap<String, Source>,
    #[serde(default, rename = "platform")]
    platforms: Vec<Platform>,
    #[serde(default, rename = "group")]
    groups: Vec<Group>,
    #[serde(default, rename = "construction")]
    constructions: Vec<ConstructionClaim>,
}

/// Why a catalogue is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// It is not TOML, or has a field that is not known.
    #[error("{0}")]
    Syntax(String),
    /// It contradicts itself.
    #[error("{0}")]
    Sense(String),
}

/// Everything that is known of platforms. Plain data, and quick to look up.
#[derive(Debug)]
pub struct Catalogue {
    /// When it was put together.
    pub date: Date,
    sources: BTreeMap<String, Source>,
    platforms: Vec<Platform>,
    groups: Vec<Group>,
    constructions: Vec<ConstructionClaim>,
    /// The files it was read from.
    texts: Vec<Cow<'static, str>>,
    index: Index,
}

impl Catalogue {
    /// The catalogue that comes with the program.
    #[must_use]
    pub fn own() -> &'static Catalogue {
        // A test reads every line of it; were it broken nevertheless, nothing would be attributed.
        static CATALOGUE: LazyLock<Catalogue> =
            LazyLock::new(|| own_file().and_then(|own| Catalogue::of([own])).unwrap_or_else(|_| Catalogue::empty()));
        &CATALOGUE
    }

    /// The catalogue that comes with the program, with what another file adds to it or puts in the place of an entry of the same id.
    ///
    /// # Errors
    /// When the file is not a catalogue.
    pub fn with(file: &str) -> Result<Catalogue, CatalogueError> {
        Catalogue::of([own_file()?, parsed(file)?])
    }

    /// A catalogue of files, each of which adds to those before it.
    ///
    /// # Errors
    /// When one is not a catalogue.
    pub fn read(files: &[&str]) -> Result<Catalogue, CatalogueError> {
        Catalogue::of(files.iter().map(|text| parsed(text)).collect::<Result<Vec<_>, _>>()?)
    }

    fn of(files: impl IntoIterator<Item = (File, Cow<'static, str>)>) -> Result<Catalogue, CatalogueError> {
        let mut all = Catalogue::empty();
        for (file, text) in files {
            if file.schema != 1 {
                return Err(CatalogueError::Sense(format!("its schema is {}; this program reads schema 1", file.schema)));
            }
            all.texts.push(text);
            all.date = file.date;
            all.sources.extend(file.sources);
            put(&mut all.platforms, file.platforms, |platform| &platform.id)?;
            put(&mut all.groups, file.groups, |group| &group.id)?;
            put(&mut all.constructions, file.constructions, |construction| &construction.protocol)?;
        }
        all.check()?;
        all.index = Index::of(&all.platforms, &all.groups)?;
        Ok(all)
    }

    fn empty() -> Catalogue {
        Catalogue {
            date: Date::EPOCH,
            sources: BTreeMap::new(),
            platforms: Vec::new(),
            groups: Vec::new(),
            constructions: Vec::new(),
            texts: Vec::new(),
            index: Index::default(),
        }
    }

    /// Every source is there, every id stands once, claims are in the order of time.
    fn check(&self) -> Result<(), CatalogueError> {
        let wrong = |what: String| Err(CatalogueError::Sense(what));
        for (id, key) in self.citations() {
            if !self.sources.contains_key(key.as_str()) {
                return wrong(format!("{id} names the source \"{}\", which is not in [sources]", key.as_str()));
            }
        }
        let mut ids = BTreeSet::new();
        for id in self.platforms.iter().map(|p| &p.id).chain(self.groups.iter().map(|g| &g.id)) {
            if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
                return wrong(format!("\"{}\" is no id: use lower-case letters, digits and hyphens", id.escape_debug()));
            }
            if !ids.insert(id) {
                return wrong(format!("the id {id} stands for two things"));
            }
        }
        for group in &self.groups {
            if let Some(unknown) = group.candidates.iter().find(|id| self.platform(id).is_none()) {
                return wrong(format!("{} lists {}, which is no platform", group.id, unknown.escape_debug()));
            }
        }
        for platform in &self.platforms {
            let pairs = platform.claims.iter().zip(platform.claims.iter().skip(1));
            for (last, next) in pairs {
                if next.since.is_none() || next.since <= last.since || last.until.is_some_and(|until| Some(until) > next.since) {
                    return wrong(format!("the claims of {} are not in the order of time", platform.id));
                }
            }
        }
        Ok(())
    }

    /// The keys of all sources.
    pub fn source_keys(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// Every use of a source, and by whom.
    pub(super) fn citations(&self) -> impl Iterator<Item = (&str, &SourceKey)> {
        let of_platforms = self.platforms.iter().flat_map(|p| {
            let claims = p.claims.iter().flat_map(|c| std::iter::once(&c.source).chain(&c.also));
            let beside = p.beside.answers().into_iter().flat_map(|(_, s)| s).flat_map(|s| std::iter::once(&s.source).chain(&s.also));
            let signs = signs(&p.domains, &p.ranges, &p.wire);
            let names = p.apps.iter().map(|a| &a.source).chain(p.borrows.iter().map(|b| &b.source));
            claims.chain(beside).chain(signs).chain(names).map(|key| (&*p.id, key))
        });
        let of_groups = self.groups.iter().flat_map(|g| {
            let apps = g.apps.iter().map(|app| &app.source);
            signs(&g.domains, &g.ranges, &g.wire).chain(apps).map(|key| (&*g.id, key))
        });
        let of_constructions =
            self.constructions.iter().flat_map(|c| std::iter::once(&c.source).chain(&c.also).map(|key| (c.protocol.as_str(), key)));
        of_platforms.chain(of_groups).chain(of_constructions)
    }

    /// The platforms: those of the founding article first.
    #[must_use]
    pub fn platforms(&self) -> &[Platform] {
        &self.platforms
    }

    /// The shared groups.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The platform of an id.
    #[must_use]
    pub fn platform(&self, id: &str) -> Option<&Platform> {
        self.platforms.iter().find(|platform| &*platform.id == id)
    }

    /// The group of an id.
    #[must_use]
    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|group| &*group.id == id)
    }

    /// The name for people of a platform or a group.
    #[must_use]
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.platform(id).map(|p| p.name.as_str()).or_else(|| self.group(id).map(|g| g.name.as_str())).unwrap_or(id)
    }

    /// What is known of the construction of a protocol.
    #[must_use]
    pub fn construction(&self, protocol: &str) -> Option<&ConstructionClaim> {
        self.constructions.iter().find(|construction| construction.protocol == protocol)
    }

    /// A source.
    #[must_use]
    pub fn source(&self, key: &SourceKey) -> Option<&Source> {
        self.sources.get(key.as_str())
    }

    /// The source with this key.
    #[must_use]
    pub fn source_named(&self, key: &str) -> Option<&Source> {
        self.sources.get(key)
    }

    /// SHA-256 of its files, in lower-case hexadecimal: two catalogues of the same hash say the same.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for text in &self.texts {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What names, addresses and signs say: for the attribution.
    pub(in crate::assess) fn index(&self) -> &Index {
        &self.index
    }

    /// Who uses an address, and how many others do.
    #[must_use]
    pub fn range_of(&self, ip: IpAddr) -> Option<(&str, Scope)> {
        self.index.range(ip).map(|ranged| (&*ranged.who.id, ranged.scope))
    }
}

fn signs<'a>(domains: &'a [Domain], ranges: &'a [Range], wire: &'a [WireSignature]) -> impl Iterator<Item = &'a SourceKey> {
    domains.iter().map(|d| &d.source).chain(ranges.iter().map(|r| &r.source)).chain(wire.iter().map(|w| &w.source))
}

/// Adds entries; one with the id of an earlier file's takes its place, two with one id in a file are refused.
fn put<T, I: Eq + Ord + std::fmt::Display>(all: &mut Vec<T>, new: Vec<T>, id: impl Fn(&T) -> &I) -> Result<(), CatalogueError> {
    let before = all.len();
    for entry in new {
        match all.iter().position(|old| id(old) == id(&entry)) {
            Some(at) if at >= before => return Err(CatalogueError::Sense(format!("{} stands there twice", id(&entry)))),
            Some(at) => {
                if let Some(old) = all.get_mut(at) {
                    *old = entry;
                }
            }
            None => all.push(entry),
        }
    }
    Ok(())
}

/// The program's own file, and its text.
fn own_file() -> Result<(File, Cow<'static, str>), CatalogueError> {
    let file = serde_json::from_str(OWN_AS_JSON).map_err(|error| CatalogueError::Syntax(error.to_string()))?;
    Ok((file, Cow::Borrowed(OWN)))
}

fn parsed(text: &str) -> Result<(File, Cow<'static, str>), CatalogueError> {
    let file = toml::from_str(text).map_err(|error| CatalogueError::Syntax(one_line(&error)))?;
    Ok((file, Cow::Owned(text.to_owned())))
}

/// An error of the TOML parser as one sentence: where, and what is wrong.
fn one_line(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let place = text.lines().next().and_then(|line| line.strip_prefix("TOML parse error at ")).unwrap_or_default();
    let message = error.message().replace('\n', "; ");
    if place.is_empty() { message } else { format!("{place}: {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_that_is_built_in_is_the_file_that_people_read() {
        // Without the index, which has no order.
        let text = |c: &Catalogue| format!("{:#?}", (c.date, &c.sources, &c.platforms, &c.groups, &c.constructions, c.hash()));
        assert!(!Catalogue::own().platforms.is_empty());
        assert_eq!(Ok(text(Catalogue::own())), Catalogue::read(&[OWN]).map(|written| text(&written)));
    }
}
