//! seccomp: system calls that reading packets never needs are refused.
//!
//! A list of what is refused, and not of what is allowed: the C library, the allocator and the terminal may use whatever else they like,
//! and none of it reaches another program, process or computer.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, apply_filter_all_threads,
};

use super::State;

/// Refused whatever the arguments.
const REFUSED: &[i64] = &[
    // Programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Connections. Descriptors that are open already still receive.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_tkill,
    // Privileges and namespaces.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_personality,
    // File systems.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_acct,
    // The kernel.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Another way to make any of these calls.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// The bit of the x32 calls of x86-64, which are the same calls by another number.
const X32: i64 = 0x4000_0000;

/// From now on these calls fail with `EPERM`, in every thread.
pub(super) fn restrict() -> State {
    match filter().and_then(|program| apply_filter_all_threads(&program).map_err(|e| e.to_string())) {
        Ok(()) => State::Holds,
        Err(why) => State::Missing(why),
    }
}

fn filter() -> Result<BpfProgram, String> {
    let failed = |e: seccompiler::BackendError| e.to_string();
    let when = |argument: u8, op: SeccompCmpOp, value: u64| {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, op, value)?;
        SeccompRule::new(vec![condition])
    };
    let own = u64::try_from(rustix::process::getpid().as_raw_pid()).unwrap_or(0);
    // Signals to this process are how it stops and ends; bytes to a descriptor without an address are how its threads wake each other.
    let mut rules = vec![
        (libc::SYS_kill, vec![when(0, SeccompCmpOp::Ne, own).map_err(failed)?]),
        (libc::SYS_tgkill, vec![when(0, SeccompCmpOp::Ne, own).map_err(failed)?]),
        (libc::SYS_sendto, vec![when(4, SeccompCmpOp::Ne, 0).map_err(failed)?]),
    ];
    rules.extend(REFUSED.iter().map(|call| (*call, Vec::new())));
    if cfg!(target_arch = "x86_64") {
        let again: Vec<_> = rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
        rules.extend(again);
    }
    let arch = std::env::consts::ARCH.try_into().map_err(failed)?;
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules.into_iter().collect(), SeccompAction::Allow, refuse, arch).map_err(failed)?;
    filter.try_into().map_err(failed)
}
