# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the tests of the kernel half share. Each test works in $W, an empty directory on the VM's
# scratch disk; at its end nothing of it may be mounted, and the kernel may not have complained.

CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TOOLS=$CHECKOUT/build/bpf-tests
# shellcheck disable=SC2034
MODULE=${LAMINA_MODULE:-$CHECKOUT/build/kernel/fuse_bpf.ko}
export LAMINA_FUSE_TYPE=${LAMINA_FUSE_TYPE:-fuse_bpf}
CONTROL=/sys/fs/$LAMINA_FUSE_TYPE/connections
PATH=$TOOLS:$CHECKOUT/build/bin:$PATH

. "$CHECKOUT/scripts/patience.bash"
. "$CHECKOUT/tests/bpf/module.bash"

# What the kernel says when something is wrong with it.
splats() {
	dmesg | grep -E 'BUG|WARNING|Oops|KASAN|UBSAN|general protection|possible (circular|recursive)|refcount_t|unreferenced object|soft lockup|hung task|Dentry still in use' || true
}

# What is still there at a test's end, and goes with it. Each sets "left" and says whether that is any.
still_mounted() {
	local target

	left=()
	while read -r _ _ _ _ target _; do
		printf -v target '%b' "$target"
		[[ $target != "$W"/* ]] || left=("$target" "${left[@]}")
	done </proc/self/mountinfo
	[[ ${#left[@]} != 0 ]]
}

still_loaded() {
	left=(/sys/fs/bpf/lamina/*)
	[[ -e ${left[0]} ]]
}

# Starting a program takes its time in the VM, and in the debug kernel's a second: there are few in what
# all tests do.
own_folder() {
	W=/scratch/test.$BATS_TEST_NUMBER.$$
	mkdir -m 755 "$W" || return
	cd "$W" || return
}

setup() {
	own_folder
}

teardown() {
	local left name right=true said

	cd /
	if still_mounted; then
		echo "still mounted: ${left[*]}"
		umount -l "${left[@]}"
		right=false
	fi
	if still_loaded; then
		echo "still loaded: ${left[*]##*/}"
		for name in "${left[@]##*/}"; do lamina filter remove "$name" --detach; done
		right=false
	fi
	$right || return 1
	rm -rf "$W" 2>/dev/null || { chattr -R -i -a "$W" && rm -rf "$W"; }
	# Each complaint fails one test.
	said=$(splats)
	if [[ $said != "$(<"$BATS_SUITE_TMPDIR/splats.before")" ]]; then
		diff "$BATS_SUITE_TMPDIR/splats.before" - <<<"$said"
		echo "$said" >"$BATS_SUITE_TMPDIR/splats.before"
		echo 'the kernel complained'
		return 1
	fi
}

# log COMMAND...: runs it and shows what came; sets $status and $output.
log() {
	echo "\$ $*"
	output=$("$@" 2>&1) && status=0 || status=$?
	[[ -z $output ]] || echo "$output"
	[[ $status == 0 ]] || echo "[exit status $status]"
}

# ok COMMAND...: must succeed.
ok() {
	log "$@"
	[[ $status == 0 ]]
}

# fails TEXT COMMAND...: must fail, and say TEXT.
fails() {
	local text=$1

	shift
	log "$@"
	if [[ $status == 0 || $output != *"$text"* ]]; then
		echo "expected to fail with: $text"
		return 1
	fi
}

# is EXPECTED COMMAND...: must print just this.
is() {
	local expected=$1

	shift
	log "$@"
	if [[ $status != 0 || $output != "$expected" ]]; then
		echo "expected: $expected"
		return 1
	fi
}

# mnt LAYER...: mounts a view of the layers, the topmost first, at $W/mnt.
mnt() {
	mkdir -p mnt
	ok view mnt "$@"
}

# Names of the filters that are loaded.
filters() {
	local path

	for path in /sys/fs/bpf/lamina/*; do
		[[ ! -e $path ]] || echo "${path##*/}"
	done
}

# load NAME [ARGUMENT...]: a filter that is built in, or one of the tests' own.
load_filter() {
	local what=$1

	shift
	[[ ! -e $TOOLS/$what.bpf.o ]] || what=$TOOLS/$what.bpf.o
	ok lamina filter load "$what" "$@"
}

unload() {
	local name

	for name; do
		ok lamina filter remove "$name"
	done
}

# filtered FILTERS LAYER...: a view with these filters (a,b:cookie), and no marks.
filtered() {
	local filters=$1

	shift
	mkdir -p mnt
	ok lamina mount -o "lowerdir=$(IFS=: && echo "$*"),filter=${filters//,/,filter=}" mnt
}

# both LAYER...: the view at $W/mnt and an overlayfs at $W/ovl.
both() {
	mkdir -p ovl
	mnt "$@"
	ok mount -t overlay -o "lowerdir=$(IFS=: && echo "$*")" overlay ovl
}

unmount() {
	ok umount "$@"
}

# writable [OPTION...] LOWER...: a writable view at $W/mnt, of $W/upper and the layers, with a server
# of the tests' own (see tools/serve.c), which notes upcalls in the file "upcalls".
writable() {
	local options=()

	while [[ $1 == -* ]]; do
		options+=("$1" "$2")
		shift 2
	done
	mkdir -p mnt upper work
	: >upcalls
	ok serve -l upcalls "${options[@]}" mnt upper work "$@"
}

# beside LOWER...: the same layers at $W/mnt as a writable view and at $W/ovl as an overlayfs, which
# has hard links and renames directories as the view does.
beside() {
	writable "$@"
	mkdir -p ovl ovl-upper ovl-work
	ok mount -t overlay -o "lowerdir=$(IFS=: && echo "$*"),upperdir=ovl-upper,workdir=ovl-work,index=on,redirect_dir=on" \
		overlay ovl
}

# same COMMAND...: does shell commands in the view and in the overlayfs; what each says, and its status,
# must be the same.
same() {
	same_by "" "$@"
}

# same_as USER COMMAND...: likewise, as an ordinary user.
same_as() {
	same_by "as $1" "${@:2}"
}

same_by() {
	local who=$1 side said=()

	for side in mnt ovl; do
		# shellcheck disable=SC2016,SC2086
		log $who bash -c 'cd "$1" && shift
			for command; do (echo "\$ $command"; eval "$command"); echo "status $?"; done' \
			bash "$side" "${@:2}"
		said+=("${output//"$W/ovl"/"$W/mnt"}")
	done
	diff <(echo "${said[1]}") <(echo "${said[0]}")
}

# What is seen of a tree, but for when and where it was written, and how many links directories have:
# one that was renamed has lower parts in an overlayfs, and none in a view.
dump_written() {
	dump "$1" | sed -E 's/ (blocks|[amcb]time)=[^ ]*//g; s/( mode=04.*) nlink=[0-9]*/\1/; /^PROBLEM/d'
}

# alike: the view is sound, and looks as the overlayfs does.
alike() {
	sound mnt && diff -u <(dump_written ovl) <(dump_written mnt)
}

# upcalls [KIND]: how many were made.
upcalls() {
	grep -c "^${1:-}" upcalls || true
}

# What wait_until() is about.
stuck_processes() { pgrep -x lamina-mount; pgrep -x lamina-keeper; pgrep -x serve; }

# gone PROCESS: no process of this name is left.
gone() { wait_until not_there "$1"; }
not_there() { ! pgrep -x "$1" >/dev/null; }

# runs PID NAME: it has become this program.
runs() { [[ $(cat "/proc/$1/comm") == "$2" ]]; }

# What must hold in any tree holds in this one; see tools/dump.c.
sound() {
	echo "\$ dump $1"
	if ! dump "$1" >"$BATS_TEST_TMPDIR/dump"; then
		grep -a -m 20 PROBLEM "$BATS_TEST_TMPDIR/dump"
		return 1
	fi
}

# The directory in the control file system of what is mounted at $1.
control() {
	echo "$CONTROL/$(stat -c %Ld "$1")"
}

# counter NAME MOUNTPOINT
counter() {
	awk -v name="$1:" '$1 == name { print $2 }' "$(control "$2")/view"
}

# as USER COMMAND...: as an ordinary user without groups.
as() {
	local user=$1

	shift
	setpriv --reuid "$user" --regid "$user" --clear-groups -- "$@"
}

need_module() {
	[[ $LAMINA_FUSE_TYPE == fuse_bpf ]] || skip "views are built into this kernel"
}

# need_fs TYPE: the kernel with views built in leaves out file systems that take long to build.
need_fs() {
	[[ $LAMINA_FUSE_TYPE == fuse_bpf ]] || grep -qw "$1" /proc/filesystems ||
		skip "this kernel has no $1"
}
