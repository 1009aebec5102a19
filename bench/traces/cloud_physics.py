#!/usr/bin/env python3
"""The block I/O of a virtual machine, with seconds.

Source: 1a1a11a/libCacheSim, data/cloudPhysicsIO.csv: version,time,op,size,lbn in blocks of 512
bytes. Licence: the repository is GPL-3; the data are a sample of the CloudPhysics traces.

Operation codes are those of SCSI: 28 reads, 2a writes. Writes count as reads, as in the published
comparisons on this trace: either way the block is wanted. The whole disk is one object; replay it
with --chunk 4KiB.
"""

import common

BLOCK_BYTES = 512
DISK_BYTES = 64 << 30


def convert(path):
    out = common.Writer("time_s", "path", "offset", "bytes", "object_bytes")
    rows = iter(common.lines(path))
    next(rows)
    for row in rows:
        _, time, _, size, block = row.rstrip("\n").split(",")
        out.write(time, "disk", int(block) * BLOCK_BYTES, int(size), DISK_BYTES)
    out.close()


if __name__ == "__main__":
    common.run(convert, __doc__)
