/* Runs a program in which one system call that writes fails: a listener of seccomp answers these calls, so that it makes no difference
   whether they come from the C library or not.

   usage: failing N ERRNO MARK CALLS PROGRAM [ARGUMENT...]

   CALLS is write, sync or rename. The N-th of these calls that is for a file fails with this number, and the folder MARK is made to tell
   that it came to that. Ends with the status of the program, or 77 where the system has no such listener (before Linux 5.5). */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const int WRITE[] = {SYS_write, SYS_pwrite64, SYS_writev, SYS_pwritev, SYS_pwritev2, -1};
static const int SYNC[] = {SYS_fsync, SYS_fdatasync, -1};
static const int RENAME[] = {
#ifdef SYS_rename
    SYS_rename,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
    SYS_renameat2, SYS_linkat, -1};

/* A listener for these calls. */
static int listen_for(const int *calls)
{
    struct sock_filter code[32] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    unsigned short n = 1;
    for (; *calls >= 0; calls++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, *calls, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* Whether a descriptor of the program is a file, as far as may be seen, and not where it says what went wrong. */
static int is_file(int pid, unsigned long long fd)
{
    char path[64];
    struct stat about;
    if (fd == 2)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/fd/%llu", pid, fd);
    return stat(path, &about) ? fd > 2 : S_ISREG(about.st_mode);
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 2;
    long left = atol(argv[1]);
    int error = atoi(argv[2]);
    const int *calls = !strcmp(argv[4], "write") ? WRITE : !strcmp(argv[4], "sync") ? SYNC : RENAME;
    int listener = listen_for(calls);
    if (listener < 0)
        return 77;
    pid_t child = fork();
    if (child == 0) {
        close(listener);
        execvp(argv[5], argv + 5);
        _exit(127);
    }
    for (;;) {
        /* Nothing is written here: it would have to be answered here. */
        struct pollfd ready = {listener, POLLIN, 0};
        if (poll(&ready, 1, 5) <= 0) {
            int status;
            if (waitpid(child, &status, WNOHANG) == child)
                _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
            continue;
        }
        struct seccomp_notif asked;
        struct seccomp_notif_resp answer;
        memset(&asked, 0, sizeof asked);
        memset(&answer, 0, sizeof answer);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked))
            continue;
        answer.id = asked.id;
        if ((calls == RENAME || is_file(asked.pid, asked.data.args[0])) && --left == 0) {
            answer.error = -error;
            mkdir(argv[3], 0777);
        } else {
            answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        }
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
}
