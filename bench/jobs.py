"""What each contender is asked to do. A job answers with a speed (higher is better) and the figure
a person wants to see."""

import dataclasses
import json
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path

FIO_JOBS = Path(__file__).resolve().parent / "fio"
MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Figure:
    speed: float
    text: str


@dataclasses.dataclass(frozen=True)
class Job:
    name: str
    warms: str  # what must be read so that the cache, or the page cache, holds all of it
    unit: str
    direct: bool = False  # past the page cache: has no page-warm state
    quick: bool = False

    lists: bool = False  # names and no bytes: warm is what was listed

    @property
    def states(self):
        return ("cold", "disk", "ssd") if self.direct else ("cold", "page", "disk", "ssd")

    def run(self, contender):
        directory = contender.directory
        if self.unit == "s":
            return self.timed(contender)
        result = subprocess.run(
            ["fio", "--output-format=json", FIO_JOBS / f"{self.name}.fio"], capture_output=True,
            text=True, env={**os.environ, "DIR": str(directory)}, timeout=600)
        if result.returncode != 0:
            raise RuntimeError(f"fio: {result.stderr.strip() or result.stdout.strip()}"[:300])
        read = json.loads(result.stdout[result.stdout.index("{"):])["jobs"][0]["read"]
        if self.unit == "IOPS":
            return Figure(read["iops"], f"{read['iops']:,.0f} IOPS")
        if self.unit == "ms":
            milliseconds = read["lat_ns"]["mean"] / 1e6
            return Figure(1 / milliseconds, f"{milliseconds:.2f} ms")
        return Figure(read["bw_bytes"], f"{read['bw_bytes'] / MIB:,.0f} MiB/s")

    def timed(self, contender):
        directory = contender.directory
        start = time.monotonic()
        if self.name.startswith("list-"):
            if len(os.listdir(directory / self.warms)) != int(self.name.removeprefix("list-")):
                raise RuntimeError("a listing is not complete")
        elif self.name == "stat-tree":
            for folder, _, names in os.walk(directory / self.warms):
                for name in names:
                    os.stat(os.path.join(folder, name))
        elif self.name == "read-small-files":
            read_all(directory / self.warms)
        elif self.name == "shuffled-128k":
            paths = [directory / self.warms / str(number) for number in range(128)]
            random.Random(5).shuffle(paths)  # a loader's order: no program could guess it
            contender.announce(paths)
            for path in paths:
                path.read_bytes()
        elif self.name in ("find-tree", "ls-lr-tree"):
            command = ["find"] if self.name == "find-tree" else ["ls", "-lR"]
            listed = subprocess.run([*command, directory / self.warms], check=True, text=True,
                                    stdout=subprocess.PIPE).stdout
            if listed.count("file-") != 5000:
                raise RuntimeError("a listing is not complete")
        else:
            with tempfile.TemporaryDirectory(dir="/dev/shm") as target:
                subprocess.run(["cp", "-r", directory / self.warms, target], check=True)
        seconds = time.monotonic() - start
        return Figure(1 / seconds, f"{seconds:.3f} s")


ALL = {job.name: job for job in (
    Job("mountpoint-seq-read", "big/0", "MiB/s"),
    Job("mountpoint-seq-read-direct", "big/0", "MiB/s", direct=True),
    Job("mountpoint-seq-read-4", "big", "MiB/s"),
    Job("mountpoint-rand-read", "big/0", "MiB/s"),
    Job("mountpoint-small-read", "medium", "MiB/s"),
    Job("mountpoint-skip-17m", "big/0", "MiB/s"),
    Job("mountpoint-first-byte", "medium", "ms", direct=True),
    Job("gcsfuse-read-128k", "128k", "MiB/s", direct=True),
    Job("blobfuse-rand-4k", "big", "IOPS"),
    Job("mmap-seq", "big/0", "MiB/s"),
    Job("juicefs-seq-4m", "big/0", "MiB/s", quick=True),
    Job("juicefs-rand-4k", "big/0", "IOPS", direct=True, quick=True),
    Job("rand-4k", "big/0", "IOPS"),
    Job("read-small-files", "small", "s"),
    Job("copy-small-files", "small", "s", quick=True),
    Job("shuffled-128k", "128k", "s"),
    Job("stat-tree", "small", "s"),
    Job("find-tree", "tree", "s", quick=True, lists=True),
    Job("ls-lr-tree", "tree", "s", lists=True),
    Job("list-100", "list/100", "s"),
    Job("list-1000", "list/1000", "s", quick=True),
    Job("list-10000", "list/10000", "s"),
)}


def warm(job, directory):
    """What a warm state of the job is made of."""
    if job.lists:
        subprocess.run(["find", directory / job.warms], check=True, stdout=subprocess.DEVNULL)
    else:
        read_all(directory / job.warms)


def open_all(path):
    """Opens a file, or every file below a directory, and reads nothing."""
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            file.open("rb").close()


def read_all(path):
    """Reads a file, or every file below a directory: what a warm state is made of."""
    if path.is_file():
        with open(path, "rb", buffering=0) as file:
            while file.read(MIB):
                pass
        return
    for entry in sorted(path.iterdir()):
        read_all(entry)
