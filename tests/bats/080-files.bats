#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What programs do with files, lower and upper ones: data, times, flags, locks, mappings.

load ../lib/common

setup_file() { scene_create 512M; }

# A file of the lower layer, one of the upper, and the same two in a plain directory.
populate() {
	local size=${1:-10000}

	mkdir -p lower/dir plain
	head -c "$size" /dev/zero | tr '\0' l >lower/lower
	head -c "$size" /dev/zero | tr '\0' u >upper/upper
	ln -s lower lower/link
	ln -s target lower/dangling
	ln -s loop lower/loop
	cp -a lower/. upper/upper plain
	mark_lower
}

# ---- files without a name ----

@test "O_TMPFILE makes a file that can get names later" {
	mkdir lower/dir upper/own
	mount_lamina
	py files tmpfile mnt
	py files tmpfile mnt/dir
	py files tmpfile mnt/own
	umount_lamina
	assert_contents upper "d dir" "f dir/taken" "d own" "f own/taken" "f taken"
}

@test "O_TMPFILE leaves nothing when it gets no name; with O_EXCL it cannot get one" {
	mkdir lower/dir
	mount_lamina
	py files tmpfile_left mnt
	py files tmpfile_left mnt/dir
	umount_lamina
	assert_contents upper "d dir"
	assert_contents work/work
}

# ---- data ----

@test "fallocate: allocating, punching holes, zeroing, as on ext4; other modes where the engine can" {
	populate
	mount_lamina
	py files allocate mnt plain "$LAMINA_ENGINE"
	umount_lamina
	assert_lower_unchanged
}

@test "SEEK_DATA and SEEK_HOLE as on ext4" {
	populate
	py files make_holes lower/lower
	py files make_holes upper/upper
	cp lower/lower upper/upper plain --sparse=always
	mark_lower
	mount_lamina
	py files seek mnt plain
	umount_lamina
	assert_lower_unchanged
}

@test "copy_file_range between lower and upper files as on ext4" {
	populate
	touch upper/other plain/other
	mount_lamina
	py files copy_ranges mnt plain
	umount_lamina
	assert_lower_unchanged
}

@test "reads and writes beyond the end, and what is refused, as on ext4" {
	populate
	mount_lamina
	py files edges mnt plain
	umount_lamina
	assert_lower_unchanged
}

@test "open refuses and follows what ext4 does" {
	populate
	mount_lamina
	py files opens mnt plain
	umount_lamina
	assert_lower_unchanged
}

@test "files beyond 4 GiB are sparse and right" {
	truncate -s 6G lower/sparse
	mount_lamina
	py files beyond_4g mnt/sparse
	py files beyond_4g mnt/new
	umount_lamina
	assert_equal "$(stat -c '%s %b' lower/sparse)" "$((6 << 30)) 0"
}

@test "big writes and reads at odd places" {
	mount_lamina
	py files big_chunks mnt/new
	umount_lamina
	assert_equal "$(stat -c %s upper/new)" $((20 * 1048576 + 3 + 777))
}

@test "what several processes append is neither lost nor torn" {
	echo lower >lower/file
	mark_lower
	mount_lamina
	py files append mnt/file
	umount_lamina
	assert_lower_unchanged
}

@test "O_DIRECT and cached reads and writes see one file" {
	populate 65536
	mount_lamina
	py files direct mnt/lower
	umount_lamina
	assert_lower_unchanged
}

@test "sendfile and splice move data between lower and upper files" {
	populate 300000
	mount_lamina
	py sharing send mnt/lower mnt/sent
	py sharing splice mnt/lower mnt/spliced
	py sharing splice mnt/upper mnt/lower
	umount_lamina
	assert_lower_unchanged
}

@test "a copy-up shares the data where the file system can" {
	command -v mkfs.xfs || skip "mkfs.xfs is not installed"
	grep -qw xfs /proc/filesystems || modprobe -q xfs || skip "this kernel has no xfs"
	truncate -s 400M xfs.image
	mkfs.xfs -q -m reflink=1 xfs.image
	mkdir xfs
	mount -o loop xfs.image xfs
	mkdir xfs/lower xfs/upper xfs/work
	head -c 10000000 /dev/urandom >xfs/lower/file
	mark_lower xfs/lower
	"$LAMINA_BIN/lamina-mount" mnt \
		-o "lowerdir=xfs/lower,upperdir=xfs/upper,workdir=xfs/work,engine=$LAMINA_ENGINE"
	chmod 0600 mnt/file
	cmp mnt/file xfs/lower/file
	run_expect 0 filefrag -v xfs/upper/file
	assert_output_has shared
	umount_lamina
	assert_lower_unchanged xfs/lower
	umount xfs
}

# ---- mappings ----

@test "shared mappings, reads and writes see one file" {
	populate
	mount_lamina
	py files map_shared mnt/lower
	cp mnt/lower mnt/copy
	head -c 10000 /dev/zero | tr '\0' l >mnt/copy
	py files map_shared mnt/copy
	umount_lamina
	assert_lower_unchanged
	assert_equal "$(head -c 17 upper/lower)" mappedllllwritten
}

@test "a private mapping changes nothing" {
	populate
	mount_lamina
	py files map_private mnt/lower
	py files map_private mnt/upper
	assert_missing upper/lower
	umount_lamina
	assert_lower_unchanged
}

@test "shared mappings of two processes see one file" {
	populate
	mount_lamina
	py files map_processes mnt/lower
	umount_lamina
	assert_lower_unchanged
}

@test "a mapping that was written renews the time of modification" {
	populate
	mount_lamina
	py files map_times mnt/lower
	py files map_times mnt/upper
	umount_lamina
}

# ---- times, attributes, flags ----

@test "utimensat sets and keeps times as ext4 does" {
	populate
	mount_lamina
	py files times mnt plain
	umount_lamina
	assert_lower_unchanged
}

@test "every change renews the times that it should, and is seen at once" {
	populate
	mount_lamina
	py files renewed mnt
	umount_lamina
	assert_lower_unchanged
}

@test "statx tells the time of birth" {
	populate
	mount_lamina
	py files birth mnt/lower lower/lower
	py files birth mnt/upper upper/upper
	echo new >mnt/new
	py files birth mnt/new upper/new
	umount_lamina
}

@test "file flags are read and set, in the upper" {
	populate
	mount_lamina
	py files flags mnt upper
	umount_lamina
	assert_equal "$(lsattr -d lower/lower | cut -d' ' -f1 | tr -d 'e-')" ""
}

@test "an append-only file can be appended to, and nothing else" {
	populate
	mount_lamina
	py files append_only mnt/lower
	py files append_only mnt/upper
	# The same when nobody has used the file before.
	echo line >mnt/later
	chattr +a mnt/later
	remount_lamina
	echo more >>mnt/later
	run_expect 1 truncate -s 0 mnt/later
	assert_output_has "Operation not permitted"
	assert_file mnt/later $'line\nmore'
	chattr -a mnt/later
	umount_lamina
}

@test "an immutable file cannot be changed" {
	populate
	mount_lamina
	py files immutable mnt/lower
	py files immutable mnt/upper
	umount_lamina
}

@test "ioctls of a layer's own file system are refused" {
	populate
	mount_lamina
	py files other_ioctls mnt
	umount_lamina
}

@test "links with targets of 4,095 bytes are read, made and copied up" {
	target=$(printf '%04095d' 0)
	ln -s "$target" lower/link
	mount_lamina
	assert_equal "$(readlink mnt/link)" "$target"
	chown -h 5:6 mnt/link
	ln -s "$target" mnt/new
	remount_lamina
	assert_equal "$(readlink mnt/link)" "$target"
	assert_equal "$(readlink mnt/new)" "$target"
	assert_equal "$(stat -c '%s %u:%g' mnt/link)" "4095 5:6"
	umount_lamina
}

# ---- together ----

@test "flock, POSIX and OFD locks exclude other processes" {
	populate
	mount_lamina
	py sharing locks mnt/lower
	py sharing locks mnt/upper
	py sharing lock_ranges mnt/upper
	py sharing lock_waits mnt/upper
	umount_lamina
}

@test "a lock on a lower file excludes processes that copy the file up, and the other way round" {
	local kind

	mkdir lower/locks
	touch lower/locks/{flock,posix,ofd}
	mount_lamina
	for kind in flock posix ofd; do
		py sharing lock_over_copy_up "mnt/locks/$kind" "$kind"
	done
	umount_lamina
}

@test "tail -f of a lower file prints what is appended later" {
	echo first >lower/log
	mark_lower
	mount_lamina
	within 60 python3 "$LAMINA_ROOT/tests/cases/sharing.py" follow mnt/log
	umount_lamina
	assert_lower_unchanged
}

@test "a database of the image can be read by an old connection while it is changed" {
	local journal

	for journal in delete wal; do
		py sharing make_database "lower/$journal" "$journal"
	done
	mark_lower
	mount_lamina
	for journal in delete wal; do
		py sharing database "mnt/$journal" "$journal"
	done
	umount_lamina
	assert_lower_unchanged
}

@test "a read through the page cache gives what an asynchronous direct write has written" {
	head -c 640K /dev/zero >lower/file
	mount_lamina
	for file in mnt/new mnt/file; do
		run_expect 0 "$LAMINA_TOOLS/aioreadback" "$file" 150
		assert_equal "$output" 0
	done
	umount_lamina
}

@test "programs of lower and upper run, and cannot be written meanwhile" {
	cp /bin/sleep lower/program
	mark_lower
	mount_lamina
	py sharing busy mnt/program
	cp /bin/echo mnt/new
	assert_equal "$(mnt/new hello)" hello
	umount_lamina
	assert_lower_unchanged
}

@test "sockets and fifos work between two processes" {
	mkfifo lower/fifo
	mkdir lower/dir
	mount_lamina
	py sharing sockets mnt/dir/socket
	py sharing fifos mnt/fifo
	umount_lamina
}

@test "device nodes work with -o dev, and only then" {
	mknod -m 0666 lower/null c 1 3
	mknod -m 0666 lower/zero c 1 5
	mount_lamina
	py sharing no_devices mnt
	umount_lamina
	mount_lamina -o dev
	py sharing devices mnt
	umount_lamina
}

@test "inotify tells of every change, also of the one that copies up" {
	populate
	mount_lamina
	py sharing inotify mnt
	umount_lamina
}

@test "a handle that is passed to another process works there" {
	populate
	mount_lamina
	py sharing pass_fd mnt/lower
	umount_lamina
}

# ---- to the disk ----

@test "fsync, fdatasync, syncfs and sync work on everything" {
	populate
	mount_lamina
	py files sync mnt
	umount_lamina
}

@test "with -o volatile they succeed, too" {
	populate
	mount_lamina -o volatile
	py files sync mnt
	umount_lamina
}

@test "with -o writeback=1 data are the same" {
	populate
	touch lower/other plain/other
	cp lower/lower lower/mapped
	echo lower >lower/lines
	mark_lower
	mount_lamina -o writeback=1
	py files allocate mnt plain "$LAMINA_ENGINE"
	py files copy_ranges mnt plain
	py files map_shared mnt/mapped
	py files big_chunks mnt/big
	py files append mnt/lines
	py files sync mnt
	picture mnt >before
	remount_lamina
	assert_picture before mnt
	umount_lamina
	assert_lower_unchanged
}
