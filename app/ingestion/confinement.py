"""Takes away from a process what reading a file never needs: the network, other programs, changing or finding files.

On Linux the kernel refuses it, to native code too: a filter of system calls (seccomp) and, where it has Landlock,
a list of the folders that may be read. Where these are missing, as on macOS, Python's own audit events are all that
stands. Nothing of this can be undone by the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable
from typing import Any

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 22, 38, 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _ARGUMENT_BYTES = 0, 4, 16, 8
_X32_CALLS = 0x40000000
_CLONE_THREAD = 0x10000
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

# Numbers of system calls: in the kernel, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
_REFUSED: dict[str, tuple[int, tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E,
        (
            *(41, 42, 43, 44, 49, 50, 53),  # sockets
            *(57, 58, 59, 322, 62, 101, 310, 311, 434, 438),  # processes and what is in them
            *(
                76,
                77,
                82,
                83,
                84,
                85,
                86,
                87,
                88,
                90,
                91,
                92,
                93,
                94,
                133,
            ),  # changing files by path or descriptor
            *(258, 259, 260, 263, 264, 265, 266, 268, 316, 319),
            *(155, 160, 161, 165, 166, 272, 308),  # limits, mounts and namespaces
            *(248, 249, 250, 298, 321, 323, 425),  # keys, tracing, programs in the kernel
        ),
    ),
    "aarch64": (
        0xC00000B7,
        (
            *(198, 199, 200, 201, 202, 203, 206),
            *(221, 281, 129, 117, 270, 271, 434, 438),
            *(33, 34, 35, 36, 37, 38, 45, 46, 52, 53, 54, 55, 276, 279),
            *(39, 40, 41, 51, 97, 164, 268),
            *(217, 218, 219, 241, 280, 282, 425),
        ),
    ),
}
_CLONE = {"x86_64": 56, "aarch64": 220}
# With the place of the argument that says whether it is opened for writing.
_OPENS = {"x86_64": ((2, 1), (257, 2)), "aarch64": ((56, 2),)}
# What passes its arguments in memory, where a filter cannot see them; the C library falls back to the calls above.
_OPAQUE = (435, 437)  # clone3, openat2

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_VERSION = 1
_BENEATH_PATH = 1
# What each version of Landlock can refuse: everything about files from the first on, and TCP from the fourth.
_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_TCP_RIGHTS = 0x3
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_SYSTEM_FOLDERS = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share", "/usr/local/share"),
    *("/etc/fonts", "/dev/urandom"),
)

_REFUSED_EVENTS = frozenset(
    "subprocess.Popen os.system os.exec os.fork os.forkpty os.posix_spawn os.spawn os.startfile pty.spawn os.kill"
    " os.remove os.rename os.rmdir os.mkdir os.link os.symlink os.truncate os.chmod os.chown shutil.rmtree"
    " ftplib.connect http.client.connect smtplib.connect urllib.Request webbrowser.open".split()
)


def confine() -> None:
    """Give up everything that is not needed for computing; modules of Python can still be imported."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            _read_only_below(libc, {*_SYSTEM_FOLDERS, *_code_folders()})
            _filter_calls(libc, os.uname().machine)
    sys.addaudithook(_refuse)


def _code_folders() -> Iterable[str]:
    """Python's own and those of its packages, and this package; not what is around them, which may hold data."""
    yield from (f"{sys.prefix}/lib", f"{sys.base_prefix}/lib")
    yield from (folder for folder in sys.path if folder.endswith("-packages"))
    yield os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH120, PTH100 - `pathlib` loads slowly


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        _, _, flags = arguments
        if isinstance(flags, int) and flags & _WRITES:
            raise PermissionError(errno.EPERM, "a reader of documents writes no files")
    elif event in _REFUSED_EVENTS or event.startswith("socket."):
        raise PermissionError(errno.EPERM, f"a reader of documents does not do this: {event}")


def _filter_calls(libc: ctypes.CDLL, machine: str) -> None:
    """Let the kernel answer `EPERM` to the refused system calls; an unknown kind of processor has no filter."""
    if machine not in _REFUSED:
        return
    program = _program(machine)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.create_string_buffer(header, len(header)))


def _program(machine: str) -> bytes:
    """The filter in the kernel's BPF: pairs of a test, which skips what follows when it fails, and an outcome."""
    architecture, refused = _REFUSED[machine]
    refuse = (_RETURN, 0, 0, _REFUSE | errno.EPERM)
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture),
        refuse,
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, _X32_CALLS),
        refuse,
    ]
    for number in refused:
        code += [(_JUMP_EQUAL, 0, 1, number), refuse]
    for number in _OPAQUE:
        code += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]
    for number, place in _OPENS[machine]:
        code += [
            (_JUMP_EQUAL, 0, 4, number),
            _argument(place),
            (_JUMP_ANY_BIT, 0, 1, _WRITES),
            refuse,
            _allowed(),
        ]
    code += [
        (_JUMP_EQUAL, 0, 3, _CLONE[machine]),
        _argument(0),
        (_JUMP_ANY_BIT, 1, 0, _CLONE_THREAD),
        refuse,
        _allowed(),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _argument(place: int) -> tuple[int, int, int, int]:
    """Load the lower half of an argument."""
    return (_LOAD, 0, 0, _FIRST_ARGUMENT + _ARGUMENT_BYTES * place)


def _allowed() -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, _ALLOW)


def _read_only_below(libc: ctypes.CDLL, folders: Iterable[str]) -> None:
    """Let files be read below these folders only, and none be changed; without Landlock nothing happens."""
    libc.syscall.restype = ctypes.c_long
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:
        return
    files = _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]
    attributes = struct.pack("=QQ", files, _TCP_RIGHTS if version >= 4 else 0)[: 16 if version >= 4 else 8]
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return
    for folder in sorted(folders):
        _let_read(libc, ruleset, folder)
    libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _let_read(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rights = _READ_FILE | (_READ_FOLDER if os.path.isdir(path) else 0)  # noqa: PTH112 - as above
    libc.syscall(_LANDLOCK_ADD, ruleset, _BENEATH_PATH, struct.pack("=Qi", rights, place), 0)
    os.close(place)
