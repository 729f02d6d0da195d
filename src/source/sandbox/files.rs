//! Landlock: which files can still be opened, and that no connection is made and no other process signalled.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetStatus, Scope,
};

use rustix::fs::FileType;

use super::{Needs, State};

/// The newest version whose restrictions are asked for; older kernels give what they have.
const NEWEST: ABI = ABI::V6;

/// Opens what stays allowed.
pub(super) fn prepare(needs: &Needs) -> Result<RulesetCreated, String> {
    let failed = |e: landlock::RulesetError| e.to_string();
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .map_err(failed)?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = read | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate | AccessFs::Refer;
    let grow = write | AccessFs::MakeDir | AccessFs::RemoveDir;
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    // What the program reads of itself: its limits and its state.
    let own = ["/proc/self", "/sys/fs/cgroup"].map(Path::new);
    let each = needs.read.iter().map(std::path::PathBuf::as_path).chain(own).map(|path| (path, read));
    let each = each.chain(needs.write.iter().map(|path| (path.as_path(), write)));
    let each = each.chain(needs.grow.iter().map(|path| (path.as_path(), grow)));
    let each = each.chain(needs.devices.iter().map(|path| (path.as_path(), device)));
    let mut ruleset = ruleset;
    for (path, access) in each {
        // What is not there cannot be opened either way.
        let Ok(open) = PathFd::new(path) else { continue };
        let is_folder = rustix::fs::fstat(&open).is_ok_and(|about| FileType::from_raw_mode(about.st_mode).is_dir());
        let access = if is_folder { access } else { access & AccessFs::from_file(NEWEST) };
        ruleset = ruleset.add_rule(PathBeneath::new(open, access)).map_err(failed)?;
    }
    Ok(ruleset)
}

/// From now on nothing else can be opened.
pub(super) fn restrict(ruleset: RulesetCreated) -> State {
    match ruleset.restrict_self().map(|status| status.ruleset) {
        Ok(RulesetStatus::FullyEnforced) => State::Holds,
        Ok(RulesetStatus::PartiallyEnforced) => State::Partly("the kernel's Landlock is older than all that was asked for".to_owned()),
        Ok(RulesetStatus::NotEnforced) => State::Missing("the kernel has no Landlock, or it is switched off".to_owned()),
        Err(e) => State::Missing(e.to_string()),
    }
}
