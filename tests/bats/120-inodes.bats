#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Who is who: inode numbers, devices, link counts, times of birth, and places in directories.

load ../lib/common

# Objects of every type in two lower layers and the upper, in the root, in a merged directory and in
# one of each layer's own.
every_layer() {
	local layer

	LOWERS=middle:lower
	for layer in upper middle lower; do
		mkdir -p "$layer/merged" "$layer/only-$layer/sub"
		py inodes kinds "$layer" "$layer"
		py inodes kinds "$layer/merged" "$layer"
		py inodes kinds "$layer/only-$layer/sub" "$layer"
	done
}

# ---- numbers ----

@test "listings show the numbers that stat shows, of everything, '.' and '..' too" {
	every_layer
	mount_lamina
	py inodes tree mnt
	umount_lamina
}

@test "and still do when everything was copied up, and after a remount" {
	every_layer
	mount_lamina
	py inodes chown_all mnt
	py inodes in_upper lower upper
	py inodes tree mnt
	remount_lamina
	py inodes tree mnt
	umount_lamina
}

@test "a copy-up and a remount change no number" {
	every_layer
	mount_lamina
	py inodes remember mnt before
	remount_lamina
	py inodes remembered mnt before
	py inodes chown_all mnt
	py inodes remembered mnt before
	remount_lamina
	py inodes remembered mnt before
	umount_lamina
}

@test "what is renamed keeps its number, and what lies in it" {
	every_layer
	mount_lamina
	py inodes remember mnt before
	renames=()
	for layer in upper middle lower; do
		renames+=("only-$layer" "merged/only-$layer" "$layer.char" "$layer.moved"
			"merged/$layer.file.also" "$layer.file-here" "merged/$layer.dir" "$layer.dir-here")
	done
	for ((i = 0; i < ${#renames[@]}; i += 2)); do
		mv -T "mnt/${renames[i]}" "mnt/${renames[i + 1]}"
	done
	py inodes remembered mnt before "${renames[@]}"
	py inodes tree mnt
	remount_lamina
	py inodes remembered mnt before "${renames[@]}"
	py inodes tree mnt
	umount_lamina
}

@test "a merged directory that is renamed keeps its number" {
	mkdir -p upper/dir lower/dir/sub
	touch lower/dir/sub/file upper/dir/other
	mount_lamina
	py inodes remember mnt before
	mv mnt/dir mnt/moved
	py inodes remembered mnt before dir moved
	remount_lamina
	py inodes remembered mnt before dir moved
	umount_lamina
}

@test "objects of two file systems with the same numbers are told apart" {
	truncate -s 4M "$SCENE_BASE/one"
	mkfs.ext4 -q -F "$SCENE_BASE/one"
	mkdir one two
	mount -o loop "$SCENE_BASE/one" one
	rmdir one/lost+found
	py inodes kinds one first
	umount one
	cp "$SCENE_BASE/one" "$SCENE_BASE/two"
	mount -o loop "$SCENE_BASE/one" one
	mount -o loop "$SCENE_BASE/two" two
	(cd two && for name in first.*; do mv -T "$name" "second.${name#first.}"; done)
	mv two/second.dir/inner two/second.dir/within
	py inodes same_numbers one two
	LOWERS=one:two mount_lamina
	py inodes tree mnt
	py inodes remember mnt before
	LOWERS=one:two remount_lamina
	py inodes remembered mnt before
	py inodes chown_all mnt
	py inodes tree mnt
	py inodes remembered mnt before
	LOWERS=one:two remount_lamina
	py inodes tree mnt
	py inodes remembered mnt before
	umount_lamina
	umount one two
	rm "$SCENE_BASE"/{one,two}
}

@test "a layer on tmpfs, the upper on ext4: the same" {
	mkdir other
	mount -t tmpfs tmpfs other
	py inodes kinds other other
	py inodes kinds lower lower
	LOWERS=other:lower mount_lamina
	py inodes tree mnt
	py inodes remember mnt before
	py inodes chown_all mnt
	py inodes kinds mnt new
	py inodes tree mnt
	rm -r mnt/new.*
	LOWERS=other:lower remount_lamina
	py inodes remembered mnt before
	umount_lamina
	umount other
}

@test "numbers that the upper gives out again confuse nobody who holds a file" {
	mkdir lower/dir
	mount_lamina
	py inodes reuse mnt/dir 3000
	umount_lamina
}

@test "nor when eight processes do it in one directory" {
	mkdir lower/dir
	mount_lamina
	workers=()
	for ((i = 0; i < 8; i++)); do
		mkdir "mnt/dir/$i"
		py inodes reuse "mnt/dir/$i" 400 &
		workers+=($!)
	done
	for worker in "${workers[@]}"; do wait "$worker"; done
	py inodes all_differ mnt
	py inodes tree mnt
	umount_lamina
}

# ---- links ----

@test "names of one file, of the lower or the upper: one number, and they are counted" {
	mkdir lower/dir upper/other
	for layer in lower upper; do
		echo "$layer" >"$layer/$layer.1"
		ln "$layer/$layer.1" "$layer/$layer.2"
	done
	ln lower/lower.1 lower/dir/lower.3
	ln upper/upper.1 upper/other/upper.3
	mount_lamina
	py inodes tree mnt
	py inodes remember mnt before
	echo more | tee -a mnt/lower.2 >>mnt/upper.2
	py inodes tree mnt
	py inodes remembered mnt before
	rm mnt/lower.1 mnt/upper.1
	py inodes tree mnt
	ln mnt/dir/lower.3 mnt/other/lower.4
	ln mnt/upper.2 mnt/dir/upper.4
	py inodes tree mnt
	assert_equal "$(stat -c %h mnt/lower.2 mnt/upper.2 | paste -sd' ')" "3 3"
	remount_lamina
	py inodes tree mnt
	assert_equal "$(stat -c %h mnt/lower.2 mnt/upper.2 | paste -sd' ')" "3 3"
	umount_lamina
}

@test "2,000 names of one file are made, listed and removed again" {
	mkdir lower/dir
	printf content >lower/dir/origin
	mark_lower
	mount_lamina
	py inodes many_links mnt/dir mnt/dir/origin 2000
	remount_lamina
	py inodes fewer_links mnt/dir mnt/dir/origin 2000
	umount_lamina
	assert_lower_unchanged
}

@test "an open file or directory without a name has no links and is who it was" {
	mkdir lower/{lower-dir,up-dir} upper/upper-dir
	printf lower >lower/lower
	printf up >lower/up
	printf upper >upper/upper
	mount_lamina
	chmod 600 mnt/up
	chmod 700 mnt/up-dir
	py inodes gone mnt/{lower,up,upper,lower-dir,up-dir,upper-dir}
	umount_lamina
}

# The link counts of all directories, after what changes them.
directory_links() {
	(
		cd mnt || exit 1
		mkdir single/new merged/new upper-only/new new{,/a,/b}
		chmod 700 changed
		rmdir single/b upper-only/x
		rm -r replaced
		mkdir -p replaced/again
		find . -type d -printf '%P %n\n' | LC_ALL=C sort
	)
}

@test "directories have as many links as on overlayfs" {
	mkdir -p lower/{single,merged,changed,replaced,alone}/{a,b,c}
	mkdir -p upper/merged/d upper/upper-only/{x,y}
	mkdir -p overlay/upper overlay/work
	cp -a upper/. overlay/upper
	mount -t overlay overlay -o lowerdir=lower,upperdir=overlay/upper,workdir=overlay/work mnt
	find mnt -type d -printf '%P %n\n' | LC_ALL=C sort >before
	directory_links >after
	umount mnt
	mount_lamina
	find mnt -type d -printf '%P %n\n' | LC_ALL=C sort | diff -u before - >&2
	directory_links | diff -u after - >&2
	umount_lamina
}

# ---- statx and statfs ----

@test "the time of birth is that of the file on disk" {
	echo x >upper/file
	mount_lamina
	py inodes birth mnt/file upper/file
	umount_lamina
}

@test "statx tells what it is asked for, and the same each time" {
	py inodes kinds lower lower
	py inodes kinds upper upper
	mount_lamina
	py inodes masks mnt mnt/lower.{file,dir,link,fifo,socket,char,block} mnt/upper.{file,dir,link}
	umount_lamina
}

@test "statfs tells of the layer that is written to" {
	mkdir other
	mount -t tmpfs -o size=1m tmpfs other
	LOWERS=other mount_lamina
	py inodes space mnt "$SCENE"
	umount_lamina
	umount other
}

@test "statfs without an upper tells of the top layer" {
	mkdir other
	mount -t tmpfs -o size=1m tmpfs other
	LOWERS=other:lower mount_read_only
	assert_equal "$(stat -f -c '%s %S %b %l' mnt)" "$(stat -f -c '%s %S %b %l' other)"
	umount_lamina
	umount other
}

# ---- places in directories ----

@test "10,000 names: places are found again while names come and go" {
	mkdir -p middle/dir lower/dir upper/dir
	python3 - <<-PYTHON
		for n in range(10000):
		    open(f"{('upper', 'middle', 'lower')[n % 3]}/dir/name.{n}", "w").close()
		    if n % 7 == 0:
		        open(f"lower/dir/name.{n}", "w").close()
	PYTHON
	LOWERS=middle:lower mount_lamina
	py inodes positions mnt/dir 10000
	umount_lamina
}

@test "a directory that is renamed while it is listed has each name once" {
	mkdir lower/dir upper/dir lower/both
	touch lower/dir/lower.{1..400} upper/dir/upper.{1..400} lower/both/name.{1..500}
	mount_lamina
	py inodes moved_meanwhile mnt/dir mnt/moved
	py inodes moved_meanwhile mnt/both mnt/gone
	umount_lamina
}

# ---- link counts of directories ----

@test "a merged directory has one link, another one those of its layer, as with overlayfs" {
	mkdir -p upper/{both/a,upper/a} lower/{both/b,lower/a,below/a} second/{below/b,second}
	link_counts() { (cd mnt && find . -type d -printf '%p %n\n' | LC_ALL=C sort); }
	changes() {
		mkdir mnt/both/new mnt/lower/new mnt/upper/new mnt/new mnt/new/a
		rmdir mnt/both/b mnt/below/a
	}
	LOWERS=lower:second mount_lamina
	link_counts >ours
	changes
	link_counts >>ours
	umount_lamina
	rm -r upper work
	mkdir -p upper/{both/a,upper/a} work
	LOWERS=lower:second mount_overlay
	link_counts >theirs
	changes
	link_counts >>theirs
	umount mnt
	diff -u theirs ours
	assert_equal "$(sed -n 's,^\./both ,,p; s,^\./second ,,p; s,^\./upper ,,p' ours | xargs)" "1 2 3 1 2 4"
}
