#!/usr/bin/env python3
"""A web server's access log in the combined format: what its visitors fetched.

Source: the log of semicomplete.com in elastic/examples. Licence: Apache-2.0. Any other log of that format
will do.

A visitor is an address with a browser. What was answered with 200 or 206 was read whole, in the size of the
answer; another size of the same page is another version of it. The log is in the order of the end
of requests, to the second, and not quite sorted: times never go back.
"""

import datetime
import re

import common

LINE = re.compile(
    r'^(\S+) \S+ \S+ \[([^\]]+)\] "(?:GET|POST) (\S+)[^"]*" (200|206) (\d+) "[^"]*" "([^"]*)"'
)


def convert(path):
    out = common.Writer("time_s", "stream", "exe", "op", "path", "bytes", "object_bytes")
    latest = 0
    for row in common.lines(path):
        found = LINE.match(row)
        if not found or int(found[5]) == 0:
            continue
        address, time, name, _, size, browser = found.groups()
        moment = datetime.datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z")
        latest = max(latest, int(moment.timestamp()))
        visitor = f"{address} {common.opaque(browser)}"
        out.write(latest, visitor, common.opaque(browser), "read", name.lstrip("/") or "index", size, size)
    out.close()


if __name__ == "__main__":
    common.run(convert, __doc__)
