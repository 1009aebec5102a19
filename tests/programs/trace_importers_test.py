#!/usr/bin/env python3
"""The importers of bench/traces on small samples of each format, made here."""

import gzip
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest

IMPORTERS = pathlib.Path(__file__).resolve().parents[2] / "bench" / "traces"


class ImportersTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = pathlib.Path(directory.name) / "sample"

    def imported(self, importer, sample):
        self.file.write_bytes(sample)
        done = subprocess.run(
            [sys.executable, str(IMPORTERS / importer), str(self.file)], capture_output=True, check=True
        )
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode().splitlines()

    def test_an_arc_trace_is_bytes_of_one_disk(self):
        lines = self.imported("arc.py", b"230027 8 0 0\n1842745 64 0 1\n")
        self.assertEqual(lines[0], "path,offset,bytes,object_bytes")
        self.assertEqual(lines[1:], ["disk,117773824,4096,68719476736", "disk,943485440,32768,68719476736"])

    def test_sprites_numbers_tell_nothing_of_their_order(self):
        lines = self.imported("sprite.py", gzip.compress(b"0\n1\n2\n0\n"))
        names = [line.split(",")[0] for line in lines[1:]]
        self.assertEqual(len(set(names)), 3)
        self.assertEqual(names[0], names[3])
        self.assertNotEqual(names[:3], sorted(names[:3]))
        self.assertTrue(all(len(name) == 16 for name in names))

    def test_cloud_physics_keeps_times_and_addresses(self):
        lines = self.imported(
            "cloud_physics.py", b"version,time,op,size,lbn\n1,5633898,2a,512,42932745\n1,5633899,28,4096,8\n"
        )
        self.assertEqual(lines[1], "5633898,disk,21981565440,512,68719476736")
        self.assertEqual(lines[2], "5633899,disk,4096,4096,68719476736")

    def test_a_container_start_is_lookups_and_reads_in_the_order_of_time(self):
        def recording(start, name):
            place = "2024/11/10 18:05:05 recorder.go:46:"
            return (
                f"{place} {start} Lookup     /usr\n{place} {start + 1} Lookup     /usr/{name}\n"
                f"{place} {start + 1_000_000_002} Open       /usr/{name}\n"
            ).encode()

        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, data in (("late.out", recording(9, "b")), ("early.out", recording(5, "a,c"))):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        lines = self.imported("lammps_fuse.py", packed.getvalue())
        self.assertEqual(
            lines[1:],
            [
                '0.000000006,0,lmp,stat,"usr/a,c",,65536',
                '1.000000007,0,lmp,open,"usr/a,c",,65536',
                '1.000000007,0,lmp,read,"usr/a,c",65536,65536',
                "0.000000010,1,lmp,stat,usr/b,,65536",
                "1.000000011,1,lmp,open,usr/b,,65536",
                "1.000000011,1,lmp,read,usr/b,65536,65536",
            ],
        )

    def test_system_calls_become_reads_of_the_files_that_are_open(self):
        lines = self.imported(
            "mobibench.py",
            b'2 1000 open "/data/x" O_RDONLY 7\n2 1001 read 7 100\n2 1002 read 7 50\n3 1003 pread 7 4096 30\n'
            b"2 1004 write 7 9\n2 1005 close 7 0\n2 1006 read 7 10\n"
            b'2 1007 stat64 "/a/b" 0\n2 1008 access "/a/c" -1\n2 1009 stat64 0\n',
        )
        self.assertEqual(
            [line.split(",", 3)[3] for line in lines[1:]],
            [
                "open,data/x/7,,",
                "read,data/x/7,0,100",
                "read,data/x/7,100,50",
                "read,data/x/7,4096,30",
                "release,data/x/7,,",
                "read,before the trace/7,0,10",
                "stat,a/b,,",
            ],
        )
        self.assertTrue(lines[4].startswith("0.001003000,3,"))

    def test_a_web_log_is_whole_reads_of_what_was_answered(self):
        line = '1.2.3.4 - - [17/May/2015:10:05:{}] "GET {} HTTP/1.1" {} {} "-" "Browser 1"\n'
        sample = (
            line.format("03 +0000", "/a,b.png", 200, 500)
            + line.format("01 +0000", "/", 200, 7)
            + line.format("04 +0000", "/gone", 404, 9)
            + line.format("04 +0000", "/same", 304, "-")
        )
        lines = self.imported("access_log.py", sample.encode())
        self.assertEqual(len(lines), 3)
        self.assertTrue(lines[1].startswith("1431857103,1.2.3.4 "))
        self.assertTrue(lines[1].endswith(',read,"a,b.png",500,500'))
        self.assertTrue(lines[2].startswith("1431857103,"), "times never go back")
        self.assertTrue(lines[2].endswith(",read,index,7,7"))

    def test_each_says_its_source_and_licence(self):
        for importer in IMPORTERS.glob("*.py"):
            if importer.name != "common.py":
                text = importer.read_text()
                self.assertIn("Source:", text, importer.name)
                self.assertIn("Licence:", text, importer.name)


if __name__ == "__main__":
    unittest.main()
