"""The seccomp filters: which system calls a program may make, built with libseccomp and loaded as plain BPF.

A list of what is forbidden, since a Python program may rightly need almost anything else: no sockets to the outside, no
tracing, no namespaces or mounts, no kernel interfaces known for breaking out, no memory outside the address space limit.
"""

from __future__ import annotations

import errno
import functools
import struct
import tempfile
from typing import Any

FORBIDDEN = """
acct add_key bpf chroot clock_adjtime clock_settime delete_module fanotify_init finit_module fsconfig fsmount fsopen
fspick init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl
landlock_add_rule landlock_create_ruleset landlock_restrict_self lookup_dcookie mbind migrate_pages mount mount_setattr
move_mount move_pages name_to_handle_at nfsservctl open_by_handle_at open_tree open_tree_attr perf_event_open personality
pidfd_getfd pidfd_open pidfd_send_signal pivot_root process_madvise process_mrelease process_vm_readv process_vm_writev
ptrace quotactl quotactl_fd reboot request_key seccomp set_mempolicy sethostname setdomainname setns settimeofday
swapoff swapon syslog umount umount2 unshare uselib userfaultfd ustat vhangup vmsplice
memfd_create memfd_secret msgctl msgget msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget
ioprio_set mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
socket accept accept4 bind connect listen
"""
"""Refused at every level."""
ALONE = """
fork vfork execve execveat rt_sigqueueinfo rt_tgsigqueueinfo tkill
chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat truncate utime utimes futimesat utimensat
setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat
inotify_init inotify_init1 file_setattr
"""
"""Refused too where the program may be one of the user's own processes, in the user's own file system: Landlock guards the
contents of files, but neither their modes, owners and times nor other processes."""
OTHERS = ("prlimit64", "sched_setaffinity", "sched_setparam", "sched_setscheduler", "sched_setattr", "setpriority")
"""Allowed for the calling process itself (0) and for no other: the zygote may be of the same user."""
NAMESPACES = 0x7E020000 | 0x80
"""Every CLONE_NEW... flag."""
CLONE_THREAD = 0x10000
IOCTLS = (0x5412, 0x541C, 0x8901, 0x8902)
"""TIOCSTI and TIOCLINUX (input for a terminal), FIOSETOWN and SIOCSPGRP (signals for another process)."""
FCNTLS = (8, 10, 15)
"""F_SETOWN, F_SETSIG and F_SETOWN_EX: signals for another process."""
AF_UNIX = 1
SELF = 0x7E57C0DE
"""Stands in the built filter for the process's own number, which is known only after the fork."""


@functools.cache
def build(alone: bool) -> bytes:
    """The filter as BPF instructions; `alone`: no other processes and no signals to any.

    Raises `OSError` or `ImportError` where libseccomp is missing.
    """
    import pyseccomp as seccomp  # type: ignore[import-untyped]

    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    deny, missing = seccomp.ERRNO(errno.EPERM), seccomp.ERRNO(errno.ENOSYS)
    for name in (FORBIDDEN + (ALONE if alone else "")).split():
        _add(rules, deny, name)
    _add(rules, missing, "clone3")  # its flags lie in memory, out of a filter's sight; libraries fall back to clone
    for bit in range(32):
        if NAMESPACES >> bit & 1:
            _add(rules, deny, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, 1 << bit, 1 << bit))
    for command in IOCTLS:
        _add(rules, deny, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, command))
    for command in FCNTLS:
        _add(rules, deny, "fcntl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, command))
    _add(rules, deny, "socketpair", seccomp.Arg(0, seccomp.NE, AF_UNIX))
    for name in OTHERS:
        _add(rules, deny, name, seccomp.Arg(1 if name == "setpriority" else 0, seccomp.NE, 0))
    if alone:
        _add(rules, deny, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, CLONE_THREAD, 0))
        _add(rules, deny, "tgkill", seccomp.Arg(0, seccomp.NE, SELF))
        _add(rules, deny, "kill", seccomp.Arg(0, seccomp.NE, SELF))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _add(rules: Any, action: int, name: str, *args: object) -> None:
    import pyseccomp as seccomp

    number = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
    if number != -1:  # else this libseccomp does not know it
        rules.add_rule(action, number, *args)


def for_process(code: bytes, pid: int) -> bytes:
    """A built filter with the process's own number put in."""
    return code.replace(struct.pack("=I", SELF), struct.pack("=I", pid))
