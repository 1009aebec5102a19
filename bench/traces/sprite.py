#!/usr/bin/env python3
"""Blocks that the clients of a Sprite network file system asked their server for, without times.

Source: sprite.trace of the LIRS authors (S. Jiang and X. Zhang, SIGMETRICS 2002), from
ben-manes/caffeine: one number a line. Licence: with the repository, Apache-2.0.

The numbers are those of first appearance, so that "the next number" would be a look into the future:
they are hashed, and each block is an object of its own, of 4 KiB. Replay it with --chunk 4KiB.
"""

import common

BLOCK_BYTES = 4096


def convert(path):
    out = common.Writer("path", "object_bytes")
    for row in common.lines(path):
        if row.strip():
            out.write(common.opaque(int(row)), BLOCK_BYTES)
    out.close()


if __name__ == "__main__":
    common.run(convert, __doc__)
