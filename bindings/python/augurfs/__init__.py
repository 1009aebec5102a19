"""Tells an augurfs drive which files this program will read, in which order, so that they are there
when their turn comes. Needs the standard library and the program `augurfs`, nothing else.

    import augurfs
    augurfs.hint(paths)

    sampler = augurfs.AheadSampler(torch.utils.data.RandomSampler(dataset), dataset.paths)
    loader = torch.utils.data.DataLoader(dataset, sampler=sampler, num_workers=4)
"""

import collections
import itertools
import os
import subprocess
import warnings

__all__ = ["AheadSampler", "HintError", "clear", "hint"]


class HintError(RuntimeError):
    """The drive was not told; what it said of the reason."""


def hint(paths, *, replace=False, program="augurfs"):
    """Announces reads, in the order in which they will happen; returns how many lie on a drive.

    `paths` are paths, or (path, offset, length) where only a part will be read. Files that are on
    no augurfs drive are left out, so that the same program runs on local files. `replace`: in place
    of what was announced before, not behind it.
    """
    drives = _drives()
    reads = collections.defaultdict(list)
    for one in paths:
        path, *part = one if isinstance(one, tuple) else (one,)
        whole = os.path.realpath(os.fsencode(path))
        drive = next((d for d in drives if whole.startswith(d + b"/")), None)
        if drive is not None:
            record = b"\t".join([whole[len(drive) + 1:], *(b"%d" % number for number in part)])
            reads[drive].append(record)
    for drive, records in reads.items():
        options = ["-0", "--replace"] if replace else ["-0"]
        _augurfs(program, drive, options, b"\0".join(records))
    return sum(map(len, reads.values()))


def clear(directory, *, program="augurfs"):
    """Forgets what was announced for the drive mounted on `directory` and has not been read."""
    _augurfs(program, directory, ["--clear"], b"")


class AheadSampler:
    """A sampler of PyTorch's that announces the files of the indices it gives out.

    `sampler` gives indices, or lists of them as a BatchSampler does; `paths[index]` is the file of
    one, or a (path, offset, length). At most `window` items are announced and not given out yet.
    Training does not end because a drive was not told: that is a warning.
    """

    def __init__(self, sampler, paths, *, window=65536, program="augurfs"):
        self.sampler = sampler
        self.paths = paths
        self.window = window
        self.program = program

    def __iter__(self):
        coming = iter(self.sampler)
        announced = collections.deque()
        first = True
        while True:
            if len(announced) <= self.window // 2:
                items = list(itertools.islice(coming, self.window - len(announced)))
                if items:
                    self._announce(items, replace=first)
                    first = False
                announced.extend(items)
            if not announced:
                return
            yield announced.popleft()

    def __len__(self):
        return len(self.sampler)

    def __getattr__(self, name):
        # set_epoch() and the like are the sampler's.
        if name == "sampler":
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def _announce(self, items, replace):
        indices = itertools.chain.from_iterable(
            item if isinstance(item, (list, tuple)) else (item,) for item in items)
        try:
            hint((self.paths[index] for index in indices), replace=replace, program=self.program)
        except (HintError, OSError) as error:
            warnings.warn(f"augurfs: {error}", stacklevel=3)


def _augurfs(program, drive, options, records):
    done = subprocess.run([program, "hint", drive, *options], input=records,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise HintError(os.fsdecode(done.stderr).strip())


def _drives():
    """Where augurfs drives are mounted; the innermost first."""
    found = []
    with open("/proc/self/mountinfo", "rb") as mounts:
        for line in mounts:
            fields, _, behind = line.partition(b" - ")
            if behind.split(b" ", 1)[0] == b"fuse.augurfs":
                escaped = fields.split(b" ")[4]
                found.append(escaped.decode("unicode_escape").encode("latin-1"))
    return sorted(found, key=len, reverse=True)
