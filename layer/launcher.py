"""The file that Lambda starts as the extension: a static ELF program of some 350 bytes.

It drops the variables by which the function would reach into our process before there is anything
of ours to defend it (LD_PRELOAD, LD_AUDIT, …), then becomes the layer's interpreter. A shebang line
cannot do that, and the layer holds no shell. It also has the C library give blocks of 1 MiB and
more back at once: what large bodies were held in would else stay resident, ten times all the rest.
Its code is `assembly/<arch>.S`, assembled here once, since a machine that builds the layer need not
have an assembler for either architecture.
Binding: the ELF-64 object file format, and each architecture's Linux system call convention.
"""

from __future__ import annotations

import struct

_CODE = {
    "x86_64": bytes.fromhex(
        "488b0424488d54c4104889d64889d748ad4885c074148b0881e1ffffff0081f94c445f0074e948ab"
        "ebe5488d058000000048ab31c048ab488d3d290000006a00488d054100000050488d053400000050"
        "574889e6b83b0000000f05bf7f000000b83c0000000f052f6f70742f6661756c746c617965722f62"
        "696e2f707974686f6e33002d4953630066726f6d206661756c746c617965722e6d61696e20696d70"
        "6f7274206d61696e3b206d61696e2829004d414c4c4f435f4d4d41505f5448524553484f4c445f3d"
        "3130343835373600"
    ),
    "arm64": bytes.fromhex(
        "e00340f9e26f208b42400091e30302aae40302aa87898852e70ba072658440f8e50000b4a60040b9"
        "c65c0012df00076b60ffff54858400f8f9ffff1705040050858400f89f0000f96001001021020010"
        "23020030e37fbfa9e007bfa9e1030091a81b80d2010000d4e00f80d2a80b80d2010000d42f6f7074"
        "2f6661756c746c617965722f62696e2f707974686f6e33002d4953630066726f6d206661756c746c"
        "617965722e6d61696e20696d706f7274206d61696e3b206d61696e2829004d414c4c4f435f4d4d41"
        "505f5448524553484f4c445f3d3130343835373600"
    ),
}
_MACHINE = {"x86_64": 62, "arm64": 183}
_BASE = 0x400000
_HEADERS = 64 + 56


def code(arch: str) -> bytes:
    """The machine code of one architecture."""
    return _CODE[arch]


def launcher(arch: str) -> bytes:
    """The whole program: one header, one segment, the code."""
    size = _HEADERS + len(_CODE[arch])
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        2,  # an executable at fixed addresses
        _MACHINE[arch],
        1,
        _BASE + _HEADERS,  # where it starts
        64,  # where the segment's header is
        0,
        0,
        64,
        56,
        1,
        0,
        0,
        0,
    )
    readable_executable, page = 5, 0x10000
    segment = struct.pack("<IIQQQQQQ", 1, readable_executable, 0, _BASE, _BASE, size, size, page)
    return header + segment + _CODE[arch]
