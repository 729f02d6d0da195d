//! Becoming a user who may do nothing special, for good.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use caps::CapSet;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use super::{Needs, State, invoker};

/// The user without rights of any kind, by convention.
const NOBODY: u32 = 65_534;

/// Gives up groups, group, user and capabilities, in this order: each needs those that are given up later. Then looks whether it is so.
pub(super) fn drop(needs: &Needs) -> State {
    // A core dump would hold the traffic.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let root = rustix::process::geteuid().is_root();
    let (user, group) = invoker().unwrap_or((NOBODY, NOBODY));
    let stays = needs.keeps_making_files_in.as_deref().is_some_and(|folder| !may_write(folder, user, group));
    let became = if root && needs.become_invoker && !stays { become_user(user, group) } else { Ok(()) };
    // Root that only reads files keeps the right to read those of others: that is why it was root.
    let kept: &[caps::Capability] = if root && !needs.become_invoker { FILES } else { &[] };
    let capabilities = give_up_all_but(kept);
    let unprivileged = rustix::thread::set_no_new_privs(true).map_err(|e| format!("new privileges could still be gained: {e}"));
    match capabilities.and(unprivileged).and_then(|()| verify(kept)) {
        Err(why) => State::Missing(why),
        Ok(()) if root && needs.become_invoker && stays => {
            State::Partly("still root, because only root may make further files in that folder".to_owned())
        }
        Ok(()) => became.map_or_else(State::Partly, |()| State::Holds),
    }
}

/// What lets a process look whose descriptors another one holds.
#[cfg(have_libpcap)]
const LOOKING: &[caps::Capability] = &[caps::Capability::CAP_SYS_PTRACE, caps::Capability::CAP_DAC_READ_SEARCH];

/// Becomes the user who called, and keeps of the capabilities only those to look at other processes. Returns whether it has them.
#[cfg(have_libpcap)]
pub(super) fn keep_looking() -> Result<bool, String> {
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let has = |cap: &caps::Capability| caps::has_cap(None, CapSet::Permitted, *cap).unwrap_or(false);
    let all = LOOKING.iter().all(has);
    if rustix::process::geteuid().is_root() {
        let (user, group) = invoker().unwrap_or((NOBODY, NOBODY));
        rustix::thread::set_keep_capabilities(true).map_err(|e| format!("capabilities cannot be kept: {e}"))?;
        // In a user namespace there may be no other user to become; root there is none outside.
        if is_mapped("/proc/self/uid_map", user) && is_mapped("/proc/self/gid_map", group) {
            become_user(user, group)?;
        }
    }
    give_up_all_but(LOOKING)?;
    rustix::thread::set_no_new_privs(true).map_err(|e| format!("new privileges could still be gained: {e}"))?;
    verify(LOOKING).map(|()| all)
}

/// What lets a process open an interface.
#[cfg(have_libpcap)]
pub(super) const WATCHING: &[caps::Capability] = &[caps::Capability::CAP_NET_RAW];

/// Whether there is such a user or group in this user namespace: a line is a first number inside, one outside, and how many there are.
#[cfg(have_libpcap)]
fn is_mapped(file: &str, id: u32) -> bool {
    let Ok(map) = std::fs::read_to_string(file) else { return true };
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        matches!(numbers.as_slice(), [first, _, count] if (*first..first.saturating_add(*count)).contains(&u64::from(id)))
    })
}

/// What a program that is started from here gets of the capabilities of this one, where it is not root.
#[cfg(have_libpcap)]
pub(super) fn inherit(passed: &[caps::Capability]) -> Result<(), String> {
    let failed = |e: caps::errors::CapsError| format!("capabilities cannot be passed on: {e}");
    let passed: caps::CapsHashSet = passed.iter().copied().collect();
    caps::clear(None, CapSet::Ambient).map_err(failed)?;
    caps::set(None, CapSet::Inheritable, &passed).map_err(failed)?;
    passed.iter().try_for_each(|cap| caps::raise(None, CapSet::Ambient, *cap)).map_err(failed)
}

/// What lets root read and write the files of others.
const FILES: &[caps::Capability] =
    &[caps::Capability::CAP_DAC_OVERRIDE, caps::Capability::CAP_DAC_READ_SEARCH, caps::Capability::CAP_FOWNER];

fn become_user(user: u32, group: u32) -> Result<(), String> {
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(group));
    setgroups(&[]).map_err(|e| format!("the groups could not be given up: {e}"))?;
    setresgid(gid, gid, gid).map_err(|e| format!("the group could not be given up: {e}"))?;
    setresuid(uid, uid, uid).map_err(|e| format!("root could not be given up: {e}"))
}

fn give_up_all_but(kept: &[caps::Capability]) -> Result<(), String> {
    let failed = |e: caps::errors::CapsError| format!("capabilities could not be given up: {e}");
    let kept = kept.iter().copied().filter(|cap| caps::has_cap(None, CapSet::Permitted, *cap).unwrap_or(false)).collect();
    // Without CAP_SETPCAP the bounding set stays; with no new privileges nothing can be gained from it.
    let _ = caps::clear(None, CapSet::Bounding);
    let _ = caps::clear(None, CapSet::Ambient);
    caps::set(None, CapSet::Effective, &kept).map_err(failed)?;
    caps::set(None, CapSet::Permitted, &kept).map_err(failed)?;
    caps::clear(None, CapSet::Inheritable).map_err(failed)
}

/// What the kernel says of this process, not what was asked of it.
fn verify(kept: &[caps::Capability]) -> Result<(), String> {
    let status = std::fs::read_to_string("/proc/thread-self/status").map_err(|e| format!("/proc cannot be read to verify it: {e}"))?;
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().trim().to_owned();
    let most = kept.iter().map(caps::Capability::bitmask).sum::<u64>();
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        let held = u64::from_str_radix(&field(set), 16).unwrap_or(u64::MAX);
        if held & !most != 0 {
            return Err(format!("capabilities are left: {set} {held:x}"));
        }
    }
    if field("NoNewPrivs") != "1" {
        return Err("new privileges could still be gained".to_owned());
    }
    for ids in ["Uid", "Gid"] {
        let all = field(ids);
        if !all.split_whitespace().all(|id| Some(id) == all.split_whitespace().next()) {
            return Err(format!("{ids}s are left: {all}"));
        }
    }
    Ok(())
}

/// By the mode of the folder alone: enough to decide whether to try.
fn may_write(folder: &Path, user: u32, group: u32) -> bool {
    std::fs::metadata(folder).is_ok_and(|meta| {
        let bits = match (meta.uid() == user, meta.gid() == group) {
            (true, _) => meta.mode() >> 6,
            (_, true) => meta.mode() >> 3,
            _ => meta.mode(),
        };
        bits & 0o3 == 0o3
    })
}
