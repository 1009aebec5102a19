#!/usr/bin/env python3
"""85 starts of a container, as recorded by a FUSE layer: lookups and opens with their paths.

Source: converged-computing/lammps-time, fuse/recording, as a tar file. Licence: MIT.

Each recording is a process; all are held in memory, to be put in the order of their times. An open stands for reading the file, whose size
is not recorded: 64 KiB is taken for all. Lookups of directories are left out.
"""

import re
import tarfile

import common

FILE_BYTES = 65536
LINE = re.compile(rb"recorder\.go:\d+: (\d+) (Lookup|Open)\s+(\S.*)$")


def recording(file):
    events = []
    for line in file:
        found = LINE.search(line.rstrip(b"\n"))
        if found:
            path = found[3].rstrip().decode("utf-8", "surrogateescape")
            events.append((int(found[1]), found[2] == b"Open", path.lstrip("/")))
    directories = {path[: path.rfind("/")] for _, _, path in events if "/" in path}
    for directory in list(directories):
        while "/" in directory:
            directory = directory[: directory.rfind("/")]
            directories.add(directory)
    return [event for event in events if event[2] not in directories and event[2]]


def convert(path):
    with tarfile.open(fileobj=common.open_packed(path), mode="r|") as archive:
        files = (archive.extractfile(member) for member in archive)
        recordings = [recording(file) for file in files if file is not None]
    out = common.Writer("time_s", "stream", "exe", "op", "path", "bytes", "object_bytes")
    for number, events in enumerate(sorted(events for events in recordings if events)):
        for time, opened, name in events:
            time = common.seconds(time)
            if not opened:
                out.write(time, number, "lmp", "stat", name, "", FILE_BYTES)
                continue
            out.write(time, number, "lmp", "open", name, "", FILE_BYTES)
            out.write(time, number, "lmp", "read", name, FILE_BYTES, FILE_BYTES)
    out.close()


if __name__ == "__main__":
    common.run(convert, __doc__)
