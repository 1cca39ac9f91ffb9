#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Data of a view, and what a filter refuses to one process and not to another. The filter access
# refuses nothing to root; of names with a "g" to others what the data say.

load helpers

SEE=0x1 READ=0x2 WRITE=0x4 READ_DIR=0x10 MAKE_DIR=0x20 MAKE_REG=0x40 MAKE_SYM=0x80 MAKE_FIFO=0x200
REMOVE_DIR=0x1000 REMOVE_FILE=0x2000 TRUNCATE=0x4000 REFER=0x8000 CHMOD=0x10000 CHOWN=0x20000
XATTR=0x40000 ALL=0x7ffff
ENOENT=2 EACCES=13 EBUSY=16

governed() { python3 "$CHECKOUT/tests/bpf/tools/governed.py" "$@"; }

# attempt RESULT ACT PATH...: done by a user whom the filter governs.
attempt() { is "$1" governed try "${@:2}"; }

# Each line of the input: RESULT ACT PATH..., or set MOUNTPOINT WORD...
attempts() { is ok governed all; }

# refuse ACCESSES ERRNO [COMES]
refuse() { ok governed set mnt "$1" "$1" "$2" "${3:-0}"; }

layers() {
	local dir

	chmod 755 .
	mkdir -p 1/{dir,g-dir} 2/{dir,g-dir}
	for dir in 1 2; do
		echo text | tee "$dir"/{free,g-file,dir/free,dir/g-file,g-dir/inside} >/dev/null
		echo "$dir" >"$dir/dir/g-only-$dir"
	done
	ln -s free 1/g-link
	setfattr -n user.x -v y 1/g-file
	chown -R 1000:1000 1 2
	load_filter access
}

# A view of both, which others may write to.
begin() {
	layers
	writable -f access 1 2
	chown 1000:1000 mnt
}

@test "data of a view are set and read through its root, by who may" {
	layers
	writable -f access 1
	is ok governed errors mnt
	is '0' governed get mnt
	ok governed set mnt 7 8 9
	is '12 7 8 9' governed get mnt
	fails 'Operation not permitted' setpriv --reuid 1000 --clear-groups python3 "$CHECKOUT/tests/bpf/tools/governed.py" get mnt
	fails 'Operation not permitted' unshare -Ur python3 "$CHECKOUT/tests/bpf/tools/governed.py" set mnt
	is '12 7 8 9' governed get mnt
	unmount mnt
	unload access
}

@test "data go with the view, and without a filter for them there are none" {
	layers
	filtered access 1
	ok governed set mnt 1 2 3
	unmount mnt
	filtered access 1
	is '0' governed get mnt
	unmount mnt
	unload access
	writable 1
	fails 'Operation not supported' governed set mnt 1
	is '0' governed get mnt
	unmount mnt
}

@test "a filter that is asked about accesses must say about which" {
	fails '' lamina filter load "$TOOLS/bad-access.bpf.o"
	is '' filters
}

@test "without data nothing is asked, and with them only what was asked for" {
	begin
	before=$(counter asked mnt)
	attempt ok read mnt/g-file
	is "$before" counter asked mnt
	refuse "$READ" "$EACCES"
	attempts <<-END
		ok stat mnt/g-file
		ok read mnt/free
	END
	is '0 access=0x0 flags=0x0 from=0' seen_but_root
	attempt EACCES read mnt/g-file
	log governed seen
	[[ $output == *" /g-file access=$READ flags=0x0 from=0" ]]
	ok cat mnt/g-file
	unmount mnt
	unload access
}

# What was asked, but about the root, which always is.
seen_but_root() { governed seen | sed 's/^[0-9]* / /; s,^ / ,,; s/^ *access/0 access/'; }

@test "what is hidden from one is there for another, cold and warm" {
	begin
	refuse "$SEE" "$ENOENT"
	for _ in 1 2; do
		attempts <<-END
			ENOENT stat mnt/g-file
			ENOENT read mnt/dir/g-file
			ENOENT stat mnt/g-dir/inside
			ENOENT list mnt/g-dir
			ENOENT stat mnt/g-none
			ENOENT create mnt/g-file
			ENOENT open mnt/g-none
			ENOENT mkdir mnt/g-dir
			ENOENT symlink mnt/g-none
			ENOENT rename mnt/free mnt/g-file
			ENOENT link mnt/free mnt/g-none
			ENOENT unlink mnt/g-file
			ENOENT getxattr mnt/g-file
			ENOENT readlink mnt/g-link
			ENOENT fd mnt/g-file
			ENOENT fstat mnt/g-file
			ok stat mnt/free
		END
		ok cat mnt/g-file mnt/dir/g-file mnt/g-dir/inside
		fails 'No such file' cat mnt/g-none
	done
	ok touch mnt/g-none
	attempt ENOENT stat mnt/g-none
	unmount mnt
	unload access
}

# names DIRECTORY: as who isn't governed lists it, on one line.
names() { (cd "$1" && echo *); }

@test "listings leave out what is hidden, merged or not, from those from whom it is" {
	begin
	refuse "$SEE" "$ENOENT"
	for _ in 1 2; do
		is $'free\nok' governed try list mnt/dir
		is $'dir free\nok' governed try list mnt
		is 'free g-file g-only-1 g-only-2' names mnt/dir
	done
	ok touch mnt/dir/g-new mnt/dir/new
	is $'free new\nok' governed try list mnt/dir
	ok governed set mnt
	is $'free g-file g-new g-only-1 g-only-2 new\nok' governed try list mnt/dir
	unmount mnt
	filtered access 1
	refuse "$SEE" "$ENOENT"
	is $'free\nok' governed try list mnt/dir
	is 'free g-file g-only-1' names mnt/dir
	unmount mnt
	unload access
}

# each ACCESS ACT PATH...: the act is refused with the access, and done without.
each() {
	attempts <<-END
		set mnt $1 $1 $EBUSY 0
		EBUSY ${*:2}
		set mnt $((ALL & ~$1 & ~SEE)) $((ALL & ~$1 & ~SEE)) $EBUSY 0
		ok ${*:2}
	END
}

@test "each access is about what it says, and what is refused hasn't happened" {
	begin
	refuse "$((READ | WRITE))" "$EBUSY"
	attempt EBUSY create mnt/g-made
	[[ ! -e mnt/g-made && ! -e upper/g-made ]]
	refuse "$((MAKE_REG | MAKE_DIR | REMOVE_FILE | REFER))" "$EBUSY"
	attempts <<-END
		EBUSY create mnt/dir/g-made
		EBUSY mkdir mnt/dir/g-made
		EBUSY tmpfile mnt/dir
		EBUSY unlink mnt/dir/g-file
		EBUSY rename mnt/dir/g-file mnt/dir/other
		EBUSY link mnt/dir/g-file mnt/dir/other
	END
	[[ ! -e upper/dir ]]
	refuse "$TRUNCATE" "$EBUSY"
	attempt EBUSY trunc mnt/g-file
	is text cat mnt/g-file
	each "$READ" read mnt/g-file
	each "$WRITE" write mnt/g-file
	each "$TRUNCATE" truncate mnt/g-file
	each "$READ_DIR" list mnt/g-dir
	each "$CHMOD" chmod mnt/g-file
	each "$CHMOD" utime mnt/g-file
	each "$CHOWN" chown mnt/g-file
	each "$XATTR" setxattr mnt/g-file
	each "$MAKE_DIR" mkdir mnt/g-d
	each "$REMOVE_DIR" rmdir mnt/g-d
	each "$MAKE_SYM" symlink mnt/g-l
	each "$MAKE_FIFO" mkfifo mnt/g-p
	each "$REMOVE_FILE" unlink mnt/g-p
	refuse "$MAKE_REG" "$EBUSY"
	attempts <<-END
		EBUSY create mnt/g-made
		EBUSY open mnt/g-made
		ok create mnt/made
		ok open mnt/g-file
	END
	refuse "$REFER" "$EBUSY"
	attempts <<-END
		EBUSY rename mnt/g-file mnt/other
		EBUSY rename mnt/free mnt/g-other
		EBUSY exchange mnt/free mnt/g-file
		EBUSY link mnt/g-file mnt/other
	END
	refuse "$REMOVE_FILE" "$EBUSY"
	attempts <<-END
		EBUSY rename mnt/free mnt/g-file
		EBUSY rename mnt/g-file mnt/other
		ok link mnt/g-file mnt/other
	END
	is text cat mnt/free
	unmount mnt
	unload access
}

@test "who gets another name is asked about with both, and where it comes from is known" {
	begin
	refuse 0 "$EACCES" 1
	attempts <<-END
		EXDEV rename mnt/free mnt/other
		EXDEV link mnt/dir/free mnt/g-other
		EXDEV rename mnt/dir mnt/elsewhere
		EXDEV exchange mnt/free mnt/g-file
		ok rename mnt/g-file mnt/unbound
	END
	log governed seen
	[[ $output == *" /unbound access=0x0 flags=0x20 from=2" ]]
	ok mv mnt/dir mnt/elsewhere
	log governed seen
	[[ $output == *" /elsewhere access=0x0 flags=0x20 from=1" ]]
	unmount mnt
	unload access
}

@test "a name that moved is governed as what it is now" {
	begin
	refuse "$((SEE | READ))" "$ENOENT"
	ok mv mnt/g-file mnt/shown
	attempt ok read mnt/shown
	ok mv mnt/free mnt/g-hidden
	attempt ENOENT stat mnt/g-hidden
	ok mv mnt/dir mnt/g-all
	attempt ENOENT stat mnt/g-all/free
	ok mv mnt/g-all mnt/all
	attempts <<-END
		ok stat mnt/all/free
		ENOENT stat mnt/all/g-file
	END
	unmount mnt
	unload access
}

@test "new data hold for the next lookup, whoever has looked before" {
	begin
	for _ in 1 2 3; do
		attempts <<-END
			ok read mnt/g-file
			set mnt $READ $READ $EACCES 0
			EACCES read mnt/g-file
			set mnt $SEE $SEE $ENOENT 0
			ENOENT stat mnt/g-file
			set mnt
		END
	done
	unmount mnt
	unload access
}

@test "a file without a name, and one that was removed, are asked about" {
	begin
	refuse "$MAKE_REG" "$EACCES"
	attempt EACCES tmpfile mnt/dir
	log governed seen
	[[ $output == *" /dir/ access="*" flags=0x10 "* ]]
	ok governed set mnt
	attempt ok tmpfile mnt/dir
	unmount mnt
	unload access
}
