#!/usr/bin/env bash
# Real programs over a real bucket: the machine's own headers and documents on a Ceph RGW, compared
# byte for byte, counted at the server.
#   real_programs_test.sh AUGURFS RGW_DIR ENDPOINT [FULL]
# FULL (any text) uploads all of /usr/include and /usr/share/doc; without it a part of each, which
# is enough to notice a break and quick enough for every run.
set -euo pipefail

augurfs=$1 rgw_dir=$2 endpoint=$3 full=${4:-}
work=$(mktemp -d)
mnt=$work/mnt
bucket=programs-$$
export XDG_RUNTIME_DIR=$work/run HOME=$work/home
export AWS_ACCESS_KEY_ID=${AUGURFS_TEST_S3_ACCESS_KEY:-test-access}
export AWS_SECRET_ACCESS_KEY=${AUGURFS_TEST_S3_SECRET_KEY:-test-secret}
unset AWS_CA_BUNDLE  # rclone does not get along with it
mkdir -p "$mnt" "$work/run" "$work/home" "$work/source"

cleanup() {
  status=$?
  if mountpoint -q "$mnt"; then "$augurfs" unmount "$mnt" || umount -l "$mnt"; fi
  [ $status -eq 0 ] || cat "$work/augurfs.log" >&2
  rm -rf "$work"
}
trap cleanup EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }
say() { echo "-- $*"; }
# Waits until a command succeeds, for 30 s at most: a log, a reader and the kernel follow in their
# own time. Says whether it did.
eventually() {
  for _ in $(seq 1 300); do
    if "$@"; then return; fi
    sleep 0.1
  done
  return 1
}

# server_requests [AFTER_BUCKET]: requests the server has answered, by its own log. The log is
# written behind, so a request of our own marks the place up to which it must have come.
marks=0
server_requests() {
  local mark log=$rgw_dir/client.rgw.log
  marks=$((marks + 1))
  mark=mark-$$-$marks-$RANDOM
  curl -s -o /dev/null "$endpoint/$mark"
  eventually grep -q "$mark" "$log" || fail "the server's log does not show our own request"
  grep -c " beast: .*/${bucket}${1:-[/? ]}" "$log"
}
mount_bucket() {
  "$augurfs" mount "s3://$bucket" "$mnt" --set "remote.endpoint=$endpoint" --set "cache.dir=$work/cache" \
    --set "cache.size=4 GiB" --set "metadata.ttl=1 h" --set "log.file=$work/augurfs.log" "$@"
}
not_mounted() { ! mountpoint -q "$mnt"; }
# status FIELD...: one value of the mount's status, by its path in there.
status() {
  "$augurfs" status "$mnt" --json | /usr/bin/python3 -c '
import functools, json, sys
print(functools.reduce(dict.__getitem__, sys.argv[1:], json.load(sys.stdin)))' "$@"
}
drop_page_cache() { sync; echo 3 > /proc/sys/vm/drop_caches; }
expect_same() { diff -r "$work/source" "$mnt" > "$work/diff" || { head -20 "$work/diff" >&2; fail "$1: the drive differs from the source"; }; }

say "source: real files of this machine"
if [ -n "$full" ]; then
  cp -rL /usr/include "$work/source/include"
  cp -rL /usr/share/doc "$work/source/doc" 2> /dev/null || [ -d "$work/source/doc" ]
else
  cp -rL /usr/include/linux "$work/source/include"
  mkdir "$work/source/doc"
  cp -rL /usr/share/doc/lib[a-c]* "$work/source/doc" 2> /dev/null || [ -d "$work/source/doc" ]
fi

# Programs' own data: a repository, a package tree, a database.
git init -q "$work/source/repository"
cp -r "$work/source/include" "$work/source/repository/tree"
git -C "$work/source/repository" add -A
# Without gc, which would pack the only ref and leave refs/ empty: a bucket does not keep that.
git -C "$work/source/repository" -c gc.auto=0 -c user.name=t -c user.email=t@example.org commit -qm first
git -C "$work/source/repository" repack -adq
cp -rL "$(/usr/bin/python3 -c 'import json; print(json.__path__[0])')" "$work/source/json_on_the_drive"
find "$work/source" -depth -name __pycache__ -exec rm -r {} +
sqlite3 "$work/source/numbers.db" 'create table numbers(n integer primary key, square integer);
  with recursive c(n) as (select 1 union all select n + 1 from c where n < 20000) insert into numbers select n, n * n from c;'

# A bucket has no empty directories.
find "$work/source" -depth -type d -empty -delete
files=$(find "$work/source" -type f | wc -l)
say "upload of $files files"
rclone --config /dev/null copy "$work/source" ":s3,provider=Ceph,env_auth=true,endpoint='$endpoint':$bucket" \
  --transfers 32 --checkers 32 -q

say "cold"
mount_bucket
expect_same cold
say "page cache dropped: no request may reach the server"
before=$(server_requests)
drop_page_cache
expect_same "second time"
after=$(server_requests)
[ "$before" = "$after" ] || fail "second reads made $((after - before)) requests"

say "after unmount and mount: listings only"
"$augurfs" unmount "$mnt"
mount_bucket
before=$(server_requests)
objects_before=$(server_requests /)
expect_same "remounted"
objects=$(($(server_requests /) - objects_before))
[ "$objects" = 0 ] || fail "a remount read asked for $objects objects"
listings=$(($(server_requests) - before))
# A page of a listing has 1,000 names. Beyond the first, what is looked up by name ahead of its
# listing takes a request of its own, and a second one for that page.
looked_up=$(status prefetch looked_up)
pages=$(find "$work/source" -mindepth 1 -printf '%h\n' | sort | uniq -c |
  awk '{ pages += int(($1 + 999) / 1000) } END { print pages }')
[ "$listings" -le $((pages + 2 * looked_up + 10)) ] ||
  fail "a remount read made $listings requests for $pages pages of listings and $looked_up names"

say "after kill -9 in the middle of a read"
"$augurfs" unmount "$mnt"
head -c 64M /dev/urandom > "$work/source/large"
rclone --config /dev/null copyto "$work/source/large" \
  ":s3,provider=Ceph,env_auth=true,endpoint='$endpoint':$bucket/large" -q
# The listings of the mount before are believed for an hour, and have no such file.
mount_bucket --set metadata.size=0B
daemon=$(status pid)
# The reader has had 8 MiB of 64 when the daemon dies, and wants the rest only then.
mkfifo "$work/go_on"
(
  set -o pipefail
  dd if="$mnt/large" bs=128k status=none 2> "$work/reader" | {
    head -c 8M > /dev/null
    touch "$work/reading"
    read -r _ < "$work/go_on"
    cat > /dev/null
  }
) &
reader=$!
eventually test -e "$work/reading" || fail "the reader got no 8 MiB within 30 s"
kill -9 "$daemon"
echo > "$work/go_on"
if wait $reader; then fail "the reader got all 64 MiB from a daemon that was killed after 8"; fi
[ -s "$work/reader" ] || fail "the reader ended, but not by an error of its read"
eventually not_mounted || fail "a dead mount stays after kill -9"
mount_bucket --set metadata.size=0B
expect_same "after kill -9"

say "git, python, sqlite3"
git -C "$mnt/repository" -c safe.directory='*' --no-optional-locks status --porcelain > "$work/status" || fail "git status"
[ ! -s "$work/status" ] || fail "git status sees changes: $(head -3 "$work/status")"
git -C "$mnt/repository" -c safe.directory='*' fsck --full > /dev/null 2>&1 || fail "git fsck"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$mnt /usr/bin/python3 -c '
import json_on_the_drive as j
assert j.loads(j.dumps({"a": [1, 2]})) == {"a": [1, 2]} and "'"$mnt"'" in j.__file__' || fail "python import"
sum=$(sqlite3 "file:$mnt/numbers.db?immutable=1" 'select sum(square) from numbers')
[ "$sum" = 2666866670000 ] || fail "sqlite3 says $sum"

"$augurfs" unmount "$mnt"
if mountpoint -q "$mnt"; then fail "still mounted"; fi
say "ok: $files files"
