"""A function that tries to harm the machine it runs on, and tells what it could do.

It is tame if it succeeds: it opens files for writing and writes nothing, takes away what it made,
and deletes only below the paths that it is given.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import stat
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWUSER = 0x20000, 0x10000000
REMOUNT_BIND = ctypes.c_ulong(32 | 4096)
DEPTH, ENTRIES = 3, 60
OWN = "/tmp"


def seen(top, depth=DEPTH):
    """Folders and files below this one; neither its own /tmp nor the processes."""
    with contextlib.suppress(OSError):
        entries = sorted(os.scandir(top), key=lambda entry: entry.name)[:ENTRIES]
        yield top, [entry.path for entry in entries if stat.S_ISREG(os.lstat(entry.path).st_mode)]
        for entry in entries:
            process = top == "/proc" and entry.name.isdigit()
            if entry.is_dir(follow_symlinks=False) and not process and entry.path != OWN and depth:
                yield from seen(entry.path, depth - 1)


def writable(mark):
    """Where it can make a file or change one."""
    found = []
    for folder, files in seen("/"):
        path = os.path.join(folder, mark)
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            os.unlink(path)
            found.append(folder)
        for path in files:
            with contextlib.suppress(OSError):
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                found.append(path)
    return found


def mount_points():
    with open("/proc/self/mountinfo") as file:
        return [line.split()[4] for line in file]


def changed_mounts(points):
    """The mounts that it could make writable, or take away to see what is below."""
    found = []
    for point in points:
        if point != OWN and not LIBC.mount(None, point.encode(), None, REMOUNT_BIND, None):
            found.append(f"remounted {point}")
        if not LIBC.umount2(point.encode(), 2):
            found.append(f"unmounted {point}")
    return found


def in_a_child(steps):
    """What these steps find, in a process of their own."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            os.write(writer, "\n".join(steps()).encode()[:60000])
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        found = file.read().split("\n")
    os.waitpid(child, 0)
    return [line for line in found if line]


def as_root_of_a_user_namespace(mark):
    """The same with all capabilities in a namespace of its own, if the kernel gives one."""
    if LIBC.unshare(NEWUSER | NEWNS):
        return []
    found = changed_mounts(mount_points())
    if not LIBC.mount(b"none", b"/var", b"tmpfs", ctypes.c_ulong(0), None):
        LIBC.umount2(b"/var", 2)
    return found + writable(mark)


def disks():
    """Block devices that it can open by making their device files."""
    found = []
    for name in os.listdir("/sys/class/block") if os.path.isdir("/sys/class/block") else []:
        with open(f"/sys/class/block/{name}/dev") as file:
            major, minor = map(int, file.read().split(":"))
        with contextlib.suppress(OSError):
            os.mknod(f"{OWN}/disk", stat.S_IFBLK | 0o600, os.makedev(major, minor))
            os.close(os.open(f"{OWN}/disk", os.O_RDONLY))
            found.append(name)
        with contextlib.suppress(OSError):
            os.unlink(f"{OWN}/disk")
    return found


def reached(process, sockets):
    """The host's processes and services that it can reach."""
    found = []
    with contextlib.suppress(OSError):
        os.kill(process, signal.SIGKILL)
        found.append(f"ended {process}")
    for path in sockets:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path)
            found.append(f"connected to {path}")
    return found


def delete(path):
    """Delete this and all below it, as far as it goes."""
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.unlink(path)


def handler(event, context):
    told = {
        "tmp": os.listdir(OWN),
        "visible": [path for path in event["host"] + event["hidden"] if os.path.lexists(path)],
        "writable": writable(event["mark"]),
        "mounts": in_a_child(lambda: changed_mounts(mount_points())),
        "user namespace": in_a_child(lambda: as_root_of_a_user_namespace(event["mark"])),
        "disks": disks(),
        "reached": reached(event["process"], event["sockets"]),
        "hostname": not LIBC.sethostname(b"harmed", 6),
    }
    with open(f"{OWN}/mine", "w") as file:
        file.write("x" * 1000)
    told["ran from tmp"] = subprocess.run(["sh", "-c", f"ls {OWN}"], capture_output=True).returncode
    mine = [f"{OWN}/{name}" for name in os.listdir(OWN) if not told["tmp"]]
    for path in [*event["host"], "/var/task", "/opt/extensions", "/opt/faultlayer", *mine]:
        delete(path)
    told["left of tmp"] = os.listdir(OWN)
    return told
