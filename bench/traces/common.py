"""What the importers share: opening packed traces, and writing the CSV of docs/traces.md."""

import csv
import gzip
import hashlib
import io
import shutil
import subprocess
import sys

COLUMNS = ("time_s", "stream", "exe", "op", "path", "offset", "bytes", "object_bytes")


def open_packed(path):
    """A binary stream of a plain, gzip or zstd file. Python has no zstd of its own, so the program
    unpacks it."""
    with open(path, "rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path, "rb")
    if magic == b"\x28\xb5\x2f\xfd":
        if shutil.which("zstd") is None:
            sys.exit(f"{path} is packed by zstd; install the program: apt-get install zstd")
        return subprocess.Popen(["zstd", "-dc", "--", path], stdout=subprocess.PIPE).stdout
    return open(path, "rb")


def lines(path):
    """The lines of a packed text file; bytes that are no UTF-8 are kept as they are."""
    return io.TextIOWrapper(open_packed(path), encoding="utf-8", errors="surrogateescape", newline="\n")


def seconds(nanoseconds):
    return f"{nanoseconds // 1_000_000_000}.{nanoseconds % 1_000_000_000:09d}"


def opaque(identity):
    """A name that tells nothing of the number it stands for: the numbers of many traces are those of
    first appearance, so that "plus one" would look into the future."""
    return hashlib.blake2b(str(identity).encode(), digest_size=8, person=b"augurfs").hexdigest()


class Writer:
    """Writes lines of the given columns to standard output."""

    def __init__(self, *columns):
        assert set(columns) <= set(COLUMNS)
        out = io.TextIOWrapper(
            sys.stdout.buffer, encoding="utf-8", errors="surrogateescape", newline=""
        )
        self._writer = csv.writer(out, lineterminator="\n")
        self._out = out
        self.write(*columns)

    def write(self, *values):
        self._writer.writerow(values)

    def close(self):
        self._out.flush()


def run(convert, documentation):
    """Calls `convert` with the path on the command line; a reader that closes the pipe is no error."""
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(f"{documentation.strip()}\n\nusage: {sys.argv[0]} FILE > trace.csv")
    try:
        convert(sys.argv[1])
    except BrokenPipeError:
        sys.stderr.close()
