"""The bucket every contender mounts: one data set, a Ceph RGW on loopback that holds it, and a
distance in front."""

import random
import socket
import subprocess
from pathlib import Path

import contenders

TOP = Path(__file__).resolve().parent.parent
MIB = 1 << 20


def free_ports():
    """A port that is free, and the one after it: ceph-rgw and wan take two each."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", random.randrange(20000, 32000, 2)))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def files(quick):
    """(path, bytes) of every file. The same on every machine."""
    sizes = random.Random(3)
    for i in range(4):
        yield f"big/{i}", (64 if quick else 256) * MIB
    for i in range(8):
        yield f"medium/{i}", 5 * MIB
    for i in range(128):
        yield f"128k/{i}", 128 << 10
    for i in range(100 if quick else 640):
        yield f"small/{i % 100}/{i}", int(1024 * sizes.uniform(0.5, 300))
    for i in range(5000):
        yield f"tree/{i % 100:02}/file-{i}", 1
    for count in (10, 100, 1000) if quick else (10, 100, 1000, 10000):
        for i in range(count):
            yield f"list/{count}/{i}", 1


def make_data(directory, quick):
    mark = directory.with_suffix(".quick" if quick else ".full")
    if mark.exists():
        return
    subprocess.run(["rm", "-rf", directory, *directory.parent.glob("data.*")], check=True)
    contents = random.Random(4)
    for path, size in files(quick):
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "wb") as file:
            for offset in range(0, size, MIB):
                file.write(contents.randbytes(min(MIB, size - offset)))
    mark.touch()


class Server:
    """A context: RGW with the data set in its bucket; set_round_trip() says how far away it is."""

    def __init__(self, work):
        self.work = work
        self.port, self.wan_port = free_ports(), free_ports()

    def __enter__(self):
        self.run("scripts/ceph-rgw", "start", self.work / "ceph", self.port)
        subprocess.run(
            ["rclone", "copy", self.work / "data", f"bench:{contenders.BUCKET}", "--transfers", "16",
             "--checkers", "16", "--quiet"],
            check=True, env=contenders.rclone_environment(f"http://127.0.0.1:{self.port}"))
        return self

    def __exit__(self, *_):
        self.run("bench/wan", "stop", self.work / "wan")
        self.run("scripts/ceph-rgw", "stop", self.work / "ceph")

    def set_round_trip(self, milliseconds):
        self.run("bench/wan", "stop", self.work / "wan")
        self.wan_port = free_ports()
        self.run("bench/wan", "start", self.work / "wan", self.wan_port, self.port, milliseconds)

    def counts(self):
        """Requests and bytes of answers that passed since set_round_trip()."""
        requests, count = self.run("bench/wan", "counts", self.work / "wan").split()
        return int(requests), int(count)

    @staticmethod
    def run(program, *words):
        return subprocess.run([TOP / program, *map(str, words)], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
