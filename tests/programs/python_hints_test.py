#!/usr/bin/env python3
"""The Python package on a mount, with PyTorch's own samplers and loader.

    python_hints_test.py AUGURFS [unittest's arguments]"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
import warnings

import torch.utils.data

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bindings" / "python"))
import augurfs  # noqa: E402

PROGRAM = sys.argv.pop(1)
FILES = 80


class Files(torch.utils.data.Dataset):
    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return index, self.paths[index].read_bytes()


class HintsTest(unittest.TestCase):
    def setUp(self):
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.home = pathlib.Path(home.name)
        (self.home / "bucket").mkdir()
        for i in range(FILES):
            (self.home / "bucket" / f"{i} .bin").write_bytes(b"%d" % i * 500)
        self.drive = self.home / "my drive"
        self.drive.mkdir()
        (self.home / "run").mkdir(mode=0o700)
        previous = os.environ.copy()
        self.addCleanup(os.environ.update, previous)
        os.environ.update({"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home / "run")})
        self.augurfs("mount", f"file://{self.home}/bucket?round_trip_ms=20", str(self.drive),
                     "--set", f"cache.dir={self.home}/cache", "--set", "prefetch.brain=false",
                     "--set", f"log.file={self.home}/log")
        self.addCleanup(self.augurfs, "unmount", str(self.drive))
        self.paths = [self.drive / f"{i} .bin" for i in range(FILES)]

    def augurfs(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], check=True, capture_output=True).stdout

    def status(self, part):
        return json.loads(self.augurfs("status", str(self.drive), "--json"))[part]

    def becomes(self, part, name, value):
        # What was announced is fetched by the daemon in its own time; nothing tells us when.
        for _ in range(600):
            if self.status(part)[name] == value:
                return
            time.sleep(0.05)
        self.assertEqual(self.status(part)[name], value)

    def test_what_is_announced_is_fetched_and_what_is_elsewhere_is_left_out(self):
        elsewhere = [__file__, self.home / "bucket" / "0 .bin", "/nowhere"]
        self.assertEqual(augurfs.hint([*self.paths, *elsewhere], program=PROGRAM), FILES)
        self.becomes("hints", "ahead", FILES)
        self.assertEqual(augurfs.hint([(self.paths[0], 10, 20)], program=PROGRAM), 1)
        self.becomes("hints", "ahead", FILES + 1)
        self.assertEqual(augurfs.hint(elsewhere, program=PROGRAM), 0)
        augurfs.clear(self.drive, program=PROGRAM)

    def test_an_epoch_of_a_shuffled_loader_comes_from_the_list(self):
        files = Files(self.paths)
        sampler = augurfs.AheadSampler(torch.utils.data.RandomSampler(files), self.paths,
                                       window=32, program=PROGRAM)
        self.assertEqual(len(sampler), FILES)
        seen = []
        for index, content in torch.utils.data.DataLoader(files, sampler=sampler, num_workers=2,
                                                          batch_size=None):
            self.assertEqual(content, b"%d" % index * 500)
            seen.append(index)
        self.assertEqual(sorted(seen), list(range(FILES)))
        self.assertNotEqual(seen, sorted(seen))
        self.becomes("hints", "waiting", 0)
        self.assertEqual(self.status("hints")["unknown"], 0)
        self.assertGreater(self.status("hints")["read"], 0)

    def test_batches_are_announced_in_their_order(self):
        batches = torch.utils.data.BatchSampler(torch.utils.data.SequentialSampler(self.paths), 16,
                                                drop_last=False)
        sampler = augurfs.AheadSampler(batches, self.paths, program=PROGRAM)
        self.assertEqual(list(sampler), list(batches))
        self.assertEqual(sampler.batch_size, 16)
        self.becomes("hints", "ahead", FILES)

    def test_training_goes_on_where_a_drive_cannot_be_told(self):
        sampler = augurfs.AheadSampler(range(3), self.paths, program="/no/such/program")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            self.assertEqual(list(sampler), [0, 1, 2])
        self.assertIn("/no/such/program", str(said[0].message))
        with self.assertRaisesRegex(augurfs.HintError, "no mount of yours"):
            augurfs.clear(self.home, program=PROGRAM)


if __name__ == "__main__":
    unittest.main()
