"""Give a command a root file system of its own, inside namespaces that `unshare` made.

    python -I -S new_root.py SPECIFICATION COMMAND...

The new root is an empty tmpfs. Into it come, each read-only: the machine's programs, a few of its
settings, and the folders that the specification names. /tmp alone is writable. Then the host's root
is detached, every capability but the ones that are kept is dropped, and the command starts.

This file runs by itself, before the new root exists: it imports the standard library only.
Binding: mount_namespaces(7), pivot_root(2), capabilities(7), proc(5).
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/gnu")
SETTINGS = (
    "alternatives", "ca-certificates.conf", "crypto-policies", "fonts", "gai.conf", "group",
    "host.conf", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types",
    "nsswitch.conf", "os-release", "passwd", "pki/ca-trust", "pki/java", "pki/tls/cert.pem",
    "pki/tls/certs", "pki/tls/openssl.cnf", "protocols", "resolv.conf", "services", "ssl/certs",
    "ssl/cert.pem", "ssl/openssl.cnf", "timezone",
)  # fmt: skip
_JAVA = re.compile(r"java(-.*)?")  # Debian's Java reads its settings from /etc/java-17-openjdk
DEVICES = ("full", "null", "random", "urandom", "zero")
_STREAMS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_SIZE = "size=16m"  # of the new root, which holds mount points and nothing else

# <linux/mount.h>, <linux/prctl.h>, <linux/capability.h>
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT = 1, 2, 4, 8, 32
_BIND, _REC, _UNBINDABLE = 4096, 16384, 1 << 17
_DETACH = 2
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _CLEAR_ALL = 24, 38, 47, 4
_CAPABILITY_VERSION = 0x20080522
_CAPABILITIES = {"chown": 0, "dac_override": 1, "kill": 5, "setgid": 6, "setuid": 7}

_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The kernel does not allow a step; the message says which one."""


def _call(what: str, function: str, *arguments: Any) -> None:
    if getattr(_libc, function)(*arguments):
        raise Refused(f"cannot {what}: {os.strerror(ctypes.get_errno())}")


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    texts = (None if text is None else os.fsencode(text) for text in (source, target, kind))
    first, second, third = texts
    options = None if data is None else data.encode()
    _call(f"mount {target}", "mount", first, second, third, ctypes.c_ulong(flags), options)


def _mounts() -> Iterator[tuple[str, list[str]]]:
    """The mount points of this namespace, with their own options (not the file system's)."""
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            fields = line.split()
            path = _ESCAPE.sub(lambda found: bytes([int(found[1], 8)]), fields[4])
            yield os.fsdecode(path), fields[5].decode().split(",")


class NewRoot:
    """The file system that the command is going to see, mounted at a folder of the host."""

    def __init__(self, place: str) -> None:
        self.place = place
        _mount("faultlayer", place, "tmpfs", _NOSUID | _NODEV, f"mode=755,{_SIZE}")
        # So a folder that holds this place is bound without the mounts made here.
        _mount(None, place, None, _UNBINDABLE)
        self._device = os.stat(place).st_dev

    def at(self, path: str) -> str:
        return self.place + path

    def folder(self, path: str) -> str:
        """Make this folder. Nothing is ever made outside the new root's own memory."""
        full = self.at(path)
        if not os.path.isdir(full):
            above = self.folder(os.path.dirname(path))
            if os.stat(above).st_dev != self._device:
                raise Refused(f"there is no {path} to mount on")
            os.mkdir(full)
        return full

    def link(self, path: str, text: str) -> None:
        self.folder(os.path.dirname(path))
        os.symlink(text, self.at(path))

    def show(self, source: str, path: str, *, devices: bool = False) -> None:
        """Show a file or a folder of the host, read-only, with all that is mounted below it."""
        full = self.at(path)
        if os.path.isdir(source):
            self.folder(path)
        elif not os.path.exists(full):
            above = self.folder(os.path.dirname(path))
            if os.stat(above).st_dev != self._device:
                raise Refused(f"there is no {path} to mount on")
            with open(full, "wb"):
                pass
        _mount(source, full, None, _BIND | _REC)
        self.protect(path, devices=devices)

    def protect(self, path: str, *, devices: bool = False) -> None:
        """Make everything that is mounted at this path and below it read-only.

        Device files work on a read-only mount, too: hence `nodev`. A user namespace may not take
        away the flags that a mount has.
        """
        for point in self._points(self.at(path)):
            kept = os.statvfs(point).f_flag & (_NOSUID | _NODEV | _NOEXEC)
            flags = kept | _NOSUID | (0 if devices else _NODEV)
            _mount(None, point, None, _REMOUNT | _BIND | _RDONLY | flags)

    @staticmethod
    def _points(full: str) -> list[str]:
        """This mount point and those below it; of a file there are none."""
        if not os.path.isdir(full):
            return [full]
        points = [point for point, _ in _mounts()]
        return [point for point in points if point == full or point.startswith(full + "/")]

    def hide(self, path: str) -> None:
        """Let this folder look empty, if it is there."""
        if os.path.isdir(self.at(path)):
            full = self.at(path)
            _mount("faultlayer", full, "tmpfs", _RDONLY | _NOSUID | _NODEV, "mode=755,size=4k")

    def enter(self) -> None:
        """Make it the root, and let go of the host's."""
        _mount(None, self.place, None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)
        os.chdir(self.place)
        _call("change the root", "pivot_root", b".", b".")
        _call("detach the host's root", "umount2", b".", _DETACH)
        os.chdir("/")


def fill(root: NewRoot, specification: dict[str, Any]) -> None:
    """Everything that the command sees."""
    for path in PROGRAMS:
        if os.path.islink(path):
            root.link(path, os.readlink(path))
        elif os.path.isdir(path):
            root.show(path, path)
    _settings(root)
    for name in DEVICES:
        root.show(f"/dev/{name}", f"/dev/{name}", devices=True)
    for name, number in _STREAMS.items():
        root.link(f"/dev/{name}", f"/proc/self/fd{number}")
    if os.path.isdir("/sys"):
        root.show("/sys", "/sys")
    _processes(root)
    for source, path in specification["shown"]:
        root.show(source, path)
    for path in specification["hidden"]:
        root.hide(path)
    tmp = root.folder("/tmp")
    if specification["storage"]:
        options = f"mode=1777,size={specification['storage']}m"
        _mount("faultlayer", tmp, "tmpfs", _NOSUID | _NODEV, options)
    else:
        _mount(specification["tmp"], tmp, None, _BIND)
        _mount(None, tmp, None, _REMOUNT | _BIND | _NOSUID | _NODEV)


def _settings(root: NewRoot) -> None:
    java = [name for name in os.listdir("/etc") if _JAVA.fullmatch(name)]
    for name in (*SETTINGS, *java):
        source = os.path.realpath(f"/etc/{name}")  # resolv.conf is often a link into /run
        if os.path.isdir(source) or os.path.isfile(source):
            root.show(source, f"/etc/{name}")


def _processes(root: NewRoot) -> None:
    """/proc, read-only but for the processes: the rest is the kernel's, and so the host's."""
    proc = root.folder("/proc")
    _mount("/proc", proc, None, _BIND | _REC)
    _mount(None, proc, None, _REMOUNT | _BIND | _NOSUID | _NODEV | _NOEXEC)
    for name in os.listdir("/proc"):
        path = f"/proc/{name}"
        if not name.isdigit() and not os.path.islink(path):
            root.show(path, path)


def check() -> None:
    """Refuse to go on if anything but /tmp and the processes is writable."""
    for point, options in _mounts():
        if "ro" not in options and point not in ("/tmp", "/proc"):
            raise Refused(f"{point} is writable")


def drop(kept: Sequence[str]) -> None:
    """Give up all capabilities but these, for ever."""
    keep = {_CAPABILITIES[name] for name in kept}
    _call("clear the ambient capabilities", "prctl", _PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    for number in range(64):
        if number not in keep and _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0):
            if number <= max(_CAPABILITIES.values()):
                raise Refused(f"cannot drop the capability {number}")
            break  # there are no more of them
    words = [sum(1 << n for n in keep if n >> 5 == word) & 0xFFFFFFFF for word in (0, 1)]
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    data = (ctypes.c_uint32 * 6)(words[0], words[0], 0, words[1], words[1], 0)
    _call("drop capabilities", "capset", header, data)
    _call("forbid new privileges", "prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def main(arguments: Sequence[str]) -> NoReturn:
    specification, program = json.loads(arguments[0]), list(arguments[1:])
    try:
        root = NewRoot(specification["root"])
        fill(root, specification)
        root.enter()
        check()
        drop(specification["capabilities"])
        os.chdir(specification["folder"])
        os.execvp(program[0], program)
    except (Refused, OSError) as error:
        sys.exit(f"no root of its own for the function: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
