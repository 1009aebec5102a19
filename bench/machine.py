"""The machine that measures: what it is, and the state it is brought into before each measurement."""

import datetime
import mmap
import os
import platform
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
MEMORY_BYTES = 3 << 30  # the largest job's files twice, and what programs and server need


def drop_page_cache():
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")
    # A virtual machine gives memory that is free for some seconds back to its host, and the first
    # touch of it afterwards costs more than the disk: native read the same file at 500 or at 1,500
    # MiB/s by that alone. All that a job may need is touched once and freed again.
    mmap.mmap(-1, MEMORY_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


def machine(arguments, program):
    def output(*command):
        return subprocess.run(command, capture_output=True, text=True, cwd=TOP).stdout.strip()

    cpus = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    changed = "" if not output("git", "status", "--porcelain", "-uno") else " and changes"
    return {"cpus": os.cpu_count(), "cpu": cpus[0] if cpus else platform.machine(),
            "memory_gib": round(memory / (1 << 30)), "kernel": platform.release(),
            "file_system": output("findmnt", "-no", "FSTYPE", "-T", str(arguments.work)),
            "commit": output("git", "rev-parse", "--short", "HEAD") + changed,
            "date": datetime.date.today().isoformat(), "rounds": arguments.rounds,
            "contenders": arguments.contenders, "command": " ".join([program, *sys.argv[1:]])}
