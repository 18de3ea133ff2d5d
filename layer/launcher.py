"""The file that Lambda starts as the extension: a static ELF program of some 700 bytes.

It drops the variables by which the function would reach into our process before there is anything
of ours to defend it (LD_PRELOAD, LD_AUDIT, …), then becomes the layer's interpreter. A shebang line
cannot do that, and the layer holds no shell. It also has the C library give blocks of 1 MiB and
more back at once: what large bodies were held in would else stay resident, ten times all the rest.
And it listens at once for the Lambda Web Adapter, which comes before an interpreter can be there.
Its code is `assembly/<arch>.S`, assembled here once, since a machine that builds the layer need not
have an assembler for either architecture.
Binding: the ELF-64 object file format, and each architecture's Linux system call convention.
"""

from __future__ import annotations

import struct

_CODE = {
    "x86_64": bytes.fromhex(
        "488b04244c8d64c4104c89e64c89e731db488d2d3302000048ad4885c0744c8b0881e1ffffff0081"
        "f94c445f0074e948ab4c8d05e0010000e816000000490f44d94c8d05f2010000e806000000490f44"
        "e9ebc54989c1418a0884c9740d413a09750849ffc049ffc1ebecc3488d058701000048ab31c048ab"
        "4885db0f84fb000000807d00007507488d2dbd01000048ffc3807bff0075f748ffcb807bff2f7503"
        "48ffcb4889ef48ffc7803f0075f848ffcf48ffcb8a073a030f85be0000004839ef75eb807bff3a0f"
        "85af0000004531ed0fb6450085c0742483e83083f8090f8798000000456bed0a4101c548ffc54181"
        "fdffff000076d9e9800000006641c1c508b829000000bf02000000be0100000031d20f0585c07864"
        "89c3b83600000089dfbe01000000ba020000006a014989e241b8040000000f05b83100000089df48"
        "b9020000007f00000149c1e5104c09e96a00514889e6ba100000000f0585c07512b83200000089df"
        "be000400000f0585c07409b80300000089df0f054c89e2488d3d290000006a00488d054100000050"
        "488d053400000050574889e6b83b0000000f05bf7f000000b83c0000000f052f6f70742f6661756c"
        "746c617965722f62696e2f707974686f6e33002d4953630066726f6d206661756c746c617965722e"
        "6d61696e20696d706f7274206d61696e3b206d61696e2829004d414c4c4f435f4d4d41505f544852"
        "4553484f4c445f3d31303438353736004157535f4c57415f4c414d4244415f52554e54494d455f41"
        "50495f50524f58593d004641554c544c415945525f504f52543d003937343700"
    ),
    "arm64": bytes.fromhex(
        "e00340f9f36f208b73420091e30313aae40313aa090080d28a12001087898852e70ba072658440f8"
        "c50200b4a60040b9c65c0012df00076b60ffff54858400f8ab0f0030060000948901899a4b100070"
        "030000948a018a9af3ffff17ec0305aa6d154038ad0000348e154038bf010e6b80ffff54c0035fd6"
        "bf010071c0035fd6a50c0050858400f89f0000f9890800b445014039450000358a0e001025154038"
        "e5ffff35290500d125f15f38bfbc007141000054290500d1eb030aaa651d4038e5ffff3565fd5f38"
        "26fd5f38bf00066b610600547f010aeb61ffff5425f15f38bfe80071c10500540c0080524d018052"
        "4515403805010034a5c00051bf240071e80400548c150d1b857d105325ffff34230000148c05c05a"
        "400080d2210080d2020080d2c81880d2010000d48003f837f403002a210080d2420080d2e10f1ff8"
        "e3030091840080d2081a80d2010000d4450080d2853d70b3e50fc0f20520e0f2e57fbfa9e003142a"
        "e1030091020280d2081980d2010000d4c0000035e003142a018080d2281980d2010000d480000034"
        "e003142a280780d2010000d4e20313aa600100102102001023020030e37fbfa9e007bfa9e1030091"
        "a81b80d2010000d4e00f80d2a80b80d2010000d42f6f70742f6661756c746c617965722f62696e2f"
        "707974686f6e33002d4953630066726f6d206661756c746c617965722e6d61696e20696d706f7274"
        "206d61696e3b206d61696e2829004d414c4c4f435f4d4d41505f5448524553484f4c445f3d313034"
        "38353736004157535f4c57415f4c414d4244415f52554e54494d455f4150495f50524f58593d0046"
        "41554c544c415945525f504f52543d003937343700"
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
