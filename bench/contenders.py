"""What is measured: ext4 itself, and each program that mounts the bucket, with the options its own
manual gives for reading through a cache on disk. docs/benchmarks.md repeats them."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

HINTS = "hints"  # a contender augurfs:hints is told what will be read
ACCESS_KEY, SECRET_KEY, BUCKET = "test-access", "test-secret", "bench"
MOUNT_SECONDS_MAX = 60
SYNC_SECONDS = 3  # a look each second, and what the kernel then has to write
TOP = Path(__file__).resolve().parent.parent


def clean_environment(**more):
    """Nobody's proxy, profile or certificate settings take part."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/root"), **more}


def wait_until(condition, what):
    deadline = time.monotonic() + MOUNT_SECONDS_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {MOUNT_SECONDS_MAX} s")
        time.sleep(0.001)


class Native:
    """The files themselves, on the disk that the caches lie on."""

    name = "native"

    def __init__(self, work):
        self.directory = work / "data"

    def forget(self):
        pass

    def announce(self, paths):
        pass

    def settle(self, open_all):
        pass

    def mount(self, _port):
        return None

    def unmount(self):
        pass

    def rss_mib(self):
        return None


class Mounted:
    """A program that mounts the bucket. Its cache outlives unmount() and ends with forget()."""

    def __init__(self, work):
        place = self.name.replace(":", "_")  # which fio takes for the end of a file name
        self.directory = work / "mount" / place
        self.cache = work / "cache" / place
        self.log = work / f"{place}.log"
        self.process = None

    def forget(self):
        shutil.rmtree(self.cache, ignore_errors=True)

    def announce(self, paths):
        """What the job will read, in its order, for those that can make use of it."""

    def settle(self, open_all):
        """What a mount does when its files are used again a while later has then been done."""

    def mount(self, port):
        """Returns the milliseconds from the command to a mount that answers."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        start = time.monotonic()
        self.start(f"http://127.0.0.1:{port}")
        wait_until(self.answers, f"{self.name} mount (see {self.log})")
        return (time.monotonic() - start) * 1000

    def answers(self):
        if self.process and self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}, see {self.log}")
        return os.path.ismount(self.directory)

    def start(self, url):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(url), env=self.environment(url), stdout=log, stderr=log)

    def unmount(self):
        subprocess.run(["fusermount3", "-u", self.directory], check=True)
        self.process.wait(MOUNT_SECONDS_MAX)
        self.process = None

    def pid(self):
        return self.process.pid

    def rss_mib(self):
        """Of its daemon and of the processes which that has started."""
        kib = {}
        children = {}
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            except OSError:
                continue  # it has ended
            pid = int(fields["Pid"])
            kib[pid] = int(fields.get("VmRSS", "0 kB").split()[0])
            children.setdefault(int(fields["PPid"]), []).append(pid)
        total = 0
        waiting = [self.pid()]
        while waiting:
            pid = waiting.pop()
            total += kib.get(pid, 0)
            waiting += children.get(pid, [])
        return total / 1024


class Augurfs(Mounted):
    name = "augurfs"
    program = TOP / "build/release/bin/augurfs"

    def __init__(self, work, *settings):
        self.name = ":".join([self.name, *settings])
        self.takes_hints = HINTS in settings
        self.settings = dict(s.split("=", 1) for s in settings if s != HINTS)
        super().__init__(work)

    def announce(self, paths):
        if self.takes_hints:
            subprocess.run([self.program, "hint", self.directory], check=True, text=True,
                           input="".join(f"{path}\n" for path in paths), stdout=subprocess.DEVNULL)

    def settle(self, open_all):
        open_all()  # what is asked for again is synced, and then passed through
        time.sleep(SYNC_SECONDS)

    def command(self, url):
        settings = {"remote.endpoint": url, "cache.dir": self.cache, **self.settings}
        return [self.program, "mount", f"s3://{BUCKET}", self.directory,
                *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))]

    def environment(self, _url):
        return clean_environment(AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY=SECRET_KEY)

    def start(self, url):
        with open(self.log, "ab") as log:
            subprocess.run(self.command(url), env=self.environment(url), check=True,
                           stdout=log, stderr=log, timeout=MOUNT_SECONDS_MAX)

    def unmount(self):
        pid = self.pid()
        subprocess.run([self.program, "unmount", self.directory], check=True,
                       timeout=MOUNT_SECONDS_MAX)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "end of augurfs")

    def status(self):
        answer = subprocess.run([self.program, "status", self.directory, "--json"], check=True,
                                capture_output=True)
        return json.loads(answer.stdout)

    def pid(self):
        return self.status()["pid"]


class S3fs(Mounted):
    name = "s3fs"

    def command(self, url):
        return ["s3fs", BUCKET, self.directory, "-f", "-o",
                f"url={url},use_path_request_style,use_cache={self.cache},ro"]

    def environment(self, _url):
        return clean_environment(AWSACCESSKEYID=ACCESS_KEY, AWSSECRETACCESSKEY=SECRET_KEY)


class Rclone(Mounted):
    name = "rclone"

    def command(self, _url):
        return ["rclone", "mount", f"bench:{BUCKET}", self.directory, "--read-only",
                "--vfs-cache-mode", "full", "--cache-dir", self.cache]

    def environment(self, url):
        return rclone_environment(url)


def rclone_environment(url):
    return clean_environment(
        RCLONE_CONFIG="/dev/null", RCLONE_CONFIG_BENCH_TYPE="s3",
        RCLONE_CONFIG_BENCH_PROVIDER="Ceph", RCLONE_CONFIG_BENCH_ENDPOINT=url,
        RCLONE_CONFIG_BENCH_ACCESS_KEY_ID=ACCESS_KEY,
        RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY=SECRET_KEY)


ALL = {kind.name: kind for kind in (Native, Augurfs, S3fs, Rclone)}


def is_known(name):
    """A contender's name; augurfs also with settings and told what comes: augurfs:hints."""
    kind, *settings = name.split(":")
    return kind in ALL and (not settings or kind == Augurfs.name and
                            all("=" in s or s == HINTS for s in settings))


def make(name, work):
    kind, *settings = name.split(":")
    return ALL[kind](work, *settings)
