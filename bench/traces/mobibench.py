#!/usr/bin/env python3
"""System calls of the Facebook application on Android.

Source: ESOS-Lab/Mobibench, the facebook trace: thread, microseconds, call, arguments. Licence: none
stated.

What counts is what an object store would serve: open, read, pread, and the status of a path. Writes
are left out. A read without an offset goes on where the one before of its descriptor ended; the
trace tells the path of an open only by its directory, so a descriptor and the number of its open are
the name of the file.
"""

import shlex

import common

UNOPENED = "before the trace"


def convert(path):
    out = common.Writer("time_s", "stream", "exe", "op", "path", "offset", "bytes")
    names, offsets, opens = {}, {}, 0
    for row in common.lines(path):
        try:
            thread, time, call, *arguments = shlex.split(row)
        except ValueError:
            continue
        time = common.seconds(int(time) * 1000)

        def write(operation, name, offset="", size=""):
            out.write(time, thread, "com.facebook.katana", operation, name, offset, size)

        if call == "open" and len(arguments) >= 3 and arguments[-1] != "-1":
            descriptor = arguments[-1]
            opens += 1
            names[descriptor] = f"{arguments[0].strip('/')}/{descriptor}"
            offsets[descriptor] = 0
            write("open", names[descriptor])
        elif call == "close" and arguments:
            offsets.pop(arguments[0], None)
            if arguments[0] in names:
                write("release", names.pop(arguments[0]))
        elif call in ("read", "pread") and len(arguments) >= 2:
            descriptor = arguments[0]
            name = names.setdefault(descriptor, f"{UNOPENED}/{descriptor}")
            size = int(arguments[-1])
            offset = int(arguments[1]) if call == "pread" else offsets.get(descriptor, 0)
            if size > 0 and offset >= 0:
                write("read", name, offset, size)
                if call == "read":
                    offsets[descriptor] = offset + size
        elif call in ("stat64", "access") and len(arguments) == 2 and arguments[1] == "0":
            name = arguments[0].strip("/")
            if name:
                write("stat", name)
    out.close()


if __name__ == "__main__":
    common.run(convert, __doc__)
