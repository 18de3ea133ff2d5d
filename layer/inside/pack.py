"""Zips a tree: sorted, dated 1980, modes kept, nothing of this machine in it.

Run by the unpacked interpreter, so that the compressor is always the same zlib.
"""

import os
import stat
import sys
import zipfile

EPOCH = (1980, 1, 1, 0, 0, 0)
MSDOS_DIRECTORY = 0x10


def main(tree: str, target: str) -> None:
    names = []
    for folder, folders, files in os.walk(tree):
        names += [os.path.relpath(os.path.join(folder, name), tree) for name in folders + files]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(names):
            path = os.path.join(tree, name)
            mode = os.stat(path).st_mode
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix: the upper half of external_attr is the mode
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            if stat.S_ISDIR(mode):
                entry.filename += "/"
                entry.external_attr |= MSDOS_DIRECTORY
                entry.compress_type = zipfile.ZIP_STORED
                archive.writestr(entry, b"")
            else:
                with open(path, "rb") as file:
                    archive.writestr(entry, file.read(), compresslevel=9)


main(*sys.argv[1:])
