#!/usr/bin/env python3
"""The disk reads of a workstation, without times.

Source: P3.lis of the ARC authors (N. Megiddo and D. Modha, ARC, FAST 2003), from
moka-rs/cache-trace: start block, count, ignored, sequence, in blocks of 512 bytes. Licence: none
stated; cite the paper.

The whole disk is one object, in the addresses of the disk; replay it with --chunk 4KiB.
"""

import common

BLOCK_BYTES = 512
DISK_BYTES = 64 << 30


def convert(path):
    out = common.Writer("path", "offset", "bytes", "object_bytes")
    for row in common.lines(path):
        block, count = row.split()[:2]
        out.write("disk", int(block) * BLOCK_BYTES, int(count) * BLOCK_BYTES, DISK_BYTES)
    out.close()


if __name__ == "__main__":
    common.run(convert, __doc__)
