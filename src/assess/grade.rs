//! The words of the judgement (contract §2).

/// How well a connection was encrypted against a passive listener at the point of capture.
///
/// The order is that of groups: the first grade that occurs among the judged connections is the group's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Readable.
    Exposed,
    /// Encrypted, but in a way that BCP 195 (RFC 9325) or its kin advises against.
    Weak,
    /// Encrypted, but its construction or strength cannot be judged from outside. Not a rank between the others.
    Custom,
    /// A current standard protects the payload.
    Protected,
    /// Bytes went by, and they do not say.
    Unknown,
    /// No application payload.
    None,
}

impl Grade {
    /// Every grade, in the order of groups.
    pub const ALL: [Grade; 6] = [Grade::Exposed, Grade::Weak, Grade::Custom, Grade::Protected, Grade::Unknown, Grade::None];

    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Grade::Exposed => "exposed",
            Grade::Weak => "weak",
            Grade::Custom => "custom",
            Grade::Protected => "protected",
            Grade::Unknown => "unknown",
            Grade::None => "none",
        }
    }

    /// The grade of a word.
    #[must_use]
    pub fn named(word: &str) -> Option<Grade> {
        Grade::ALL.into_iter().find(|grade| grade.word() == word)
    }

    /// Whether something was judged: `unknown` and `none` say that nothing could be, or was there to be.
    #[must_use]
    pub fn is_judged(self) -> bool {
        !matches!(self, Grade::Unknown | Grade::None)
    }
}

/// Whether the other side was who it said (contract §2, Peer identity): never part of the grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// Chain, name and time hold, at capture time.
    Valid,
    /// Expired, another name, self-signed where public trust is the norm, weak key or signature.
    Invalid,
    /// Not meant to be checked by public roots.
    Private,
    /// The root is missing from our dated list.
    Unverified,
    /// Nobody showed who they are.
    None,
    /// TLS 1.3 encrypts the certificate.
    NotVisible,
}

impl Identity {
    /// Every word.
    pub const ALL: [Identity; 6] =
        [Identity::Valid, Identity::Invalid, Identity::Private, Identity::Unverified, Identity::None, Identity::NotVisible];

    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Identity::Valid => "valid",
            Identity::Invalid => "invalid",
            Identity::Private => "private",
            Identity::Unverified => "unverified",
            Identity::None => "none",
            Identity::NotVisible => "not-visible",
        }
    }
}

/// What is publicly known of a construction that cannot be judged from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Construction {
    /// Its design is published.
    PublishedDesign,
    /// Weaknesses of it are published.
    PublishedWeaknesses,
    /// Nobody is known to have reviewed it.
    Unreviewed,
}

impl Construction {
    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Construction::PublishedDesign => "published-design",
            Construction::PublishedWeaknesses => "published-weaknesses",
            Construction::Unreviewed => "unreviewed",
        }
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Better than what is asked for.
    Good,
    /// Worth knowing.
    Info,
    /// Should be better.
    Low,
    /// Advised against.
    Medium,
    /// Something could be read, or easily broken.
    High,
}

impl Severity {
    /// Every severity, from good to high.
    pub const ALL: [Severity; 5] = [Severity::Good, Severity::Info, Severity::Low, Severity::Medium, Severity::High];

    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Good => "good",
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
        }
    }
}
