#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make install` puts where, and that usage and man page speak of the same options.

load ../lib/common

INSTALLED=$BATS_FILE_TMPDIR/root

setup_file() {
	scene_create
	make -s -C "$LAMINA_ROOT" DESTDIR="$BATS_FILE_TMPDIR/root" PREFIX=/usr install-alternative
}

# The daemon runs under the other name, so the usual wait does not find it.
daemon_is_gone() { ! pgrep -f "$INSTALLED/usr/bin/fuse-overlayfs" >/dev/null; }

# The options of the usage that may follow -o, a line each.
options_of_usage() {
	"$LAMINA_BIN/lamina-mount" --help | sed '1,/^mount options:/d; /^$/,$d; s/^  //; s/  .*//' |
		sed 's/ as for.*//; s/, /\n/g' | sed 's/=.*//'
}

@test "the programs are installed and run" {
	run_expect 0 "$INSTALLED/usr/bin/lamina" features
	run_expect 0 "$INSTALLED/usr/bin/lamina-mount" --version
}

@test "mount(8) finds the program by both types, unless it is installed for one user" {
	local type

	for type in fuse.lamina-mount fuse_bpf; do
		assert_equal "$(readlink "$INSTALLED/sbin/mount.$type")" /usr/bin/lamina-mount
	done
	make -s -C "$LAMINA_ROOT" DESTDIR= PREFIX="$BATS_TEST_TMPDIR/home" install
	assert_equal "$(find "$BATS_TEST_TMPDIR/home" -name 'mount.*')" ""
	run_expect 0 "$BATS_TEST_TMPDIR/home/bin/lamina-mount" --version
}

# programs: those that are installed.
programs() {
	printf '%s\n' "$INSTALLED"/usr/bin/lamina "$INSTALLED"/usr/bin/lamina-mount "$INSTALLED"/usr/libexec/lamina/lamina-hook
}

@test "the programs are position-independent, their tables read-only and bound at the start" {
	local program

	for program in $(programs); do
		run_expect 0 readelf -hW "$program"
		assert_output_has "DYN (Position-Independent Executable file)"
		run_expect 0 readelf -dW "$program"
		assert_output_has "BIND_NOW"
		assert_output_has "NOW PIE"
		run_expect 0 readelf -lW "$program"
		assert_output_has GNU_RELRO
		[[ $output =~ GNU_STACK[^$'\n']*\ RW\  ]]
	done
}

@test "the programs have the C library's checks of lengths, and guards of their stacks" {
	local program name

	for program in $(programs); do
		run_expect 0 readelf --dyn-syms -W "$program"
		# pread() and memcpy() with lengths that only the third level knows are in each of them.
		for name in __stack_chk_fail __memcpy_chk __snprintf_chk __read_chk __pread_chk; do
			assert_output_has "$name"
		done
	done
}

@test "on x86, what is called by address begins with endbr64, and is marked so" {
	local object

	[[ $(uname -m) == x86_64 ]] || skip "machine $(uname -m)"
	for object in "$LAMINA_ROOT"/build/obj/{cmd,oci-hooks,driver/*}/*.o; do
		[[ $(readelf -n "$object") == *"x86 feature: IBT, SHSTK"* ]] || { echo "$object" && return 1; }
	done
	# The linker marks a program if all parts are marked, those of the C library, too.
	[[ $(readelf -n "$(cc -print-file-name=Scrt1.o)" "$(cc -print-file-name=crti.o)") == *IBT* ]] || return 0
	for object in $(programs); do
		run_expect 0 readelf -n "$object"
		assert_output_has "x86 feature: IBT, SHSTK"
	done
}

@test "under the name fuse-overlayfs it mounts as well" {
	echo hello >lower/file
	run_expect 0 "$INSTALLED/usr/bin/fuse-overlayfs" -o "lowerdir=lower,engine=$LAMINA_ENGINE" mnt
	assert_file mnt/file hello
	umount mnt
	wait_until daemon_is_gone
}

@test "each program has a man page that man can show" {
	for page in 1/lamina.1 1/lamina-mount.1 1/lamina-policy.1 8/lamina-hook.8; do
		run_expect 0 man -P cat -l "$INSTALLED/usr/share/man/man$page"
		name=${page#*/}
		[[ $(tr -s ' ' <<<"$output") == *"${name%.*} - "* ]]
	done
}

@test "the man page has every option of the usage" {
	local option n=0
	while read -r option; do
		grep -qF "**$option**" "$LAMINA_ROOT/docs/man/lamina-mount.1.md" || {
			echo "not in the man page: $option"
			return 1
		}
		n=$((n + 1))
	done < <(options_of_usage)
	[[ $n -gt 20 ]]
}

@test "the usage has every option of the man page" {
	local option usage
	usage=$(options_of_usage)
	for option in $(sed -n '/^# MOUNT OPTIONS/,/^# SIGNALS/p' \
		"$LAMINA_ROOT/docs/man/lamina-mount.1.md" | sed '/^:/d' |
		grep -oE '^\*\*.*' | grep -oE '\*\*[^*]+\*\*' | tr -d '*'); do
		grep -qxF -- "$option" <<<"$usage" || {
			echo "not in the usage: $option"
			return 1
		}
	done
}

@test "lamina's man page has every command of its usage" {
	local command n=0
	for command in $("$LAMINA_BIN/lamina" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
		grep -q "^\*\*${command}[* ]" "$LAMINA_ROOT/docs/man/lamina.1.md"
		n=$((n + 1))
	done
	[[ $n -gt 0 ]]
}

@test "the hook's man page has every option of its usage" {
	local word n=0
	for word in $("$INSTALLED/usr/libexec/lamina/lamina-hook" --help | grep '^  --' | grep -oE -- '--[a-z-]+'); do
		grep -qF "**$word**" "$LAMINA_ROOT/docs/man/lamina-hook.8.md"
		n=$((n + 1))
	done
	[[ $n -ge 5 ]]
}

@test "the hook is installed with its file, which names it" {
	run_expect 0 jq -r .hook.path "$INSTALLED/usr/share/containers/oci/hooks.d/lamina.json"
	[[ -x $INSTALLED$output ]]
	echo '{}' >state
	run_expect 1 sh -c '"$1" <state' sh "$INSTALLED$output"
	assert_output_has "the container's state has no id"
}

@test "the hook's file lies where podman looks, unless it is installed for one user" {
	local hooks=share/containers/oci/hooks.d/lamina.json

	make -s -C "$LAMINA_ROOT" DESTDIR="$BATS_TEST_TMPDIR/default" install
	assert_equal "$(cd "$BATS_TEST_TMPDIR/default" && find . -name lamina.json)" "./usr/$hooks"
	assert_equal "$(jq -r .hook.path "$BATS_TEST_TMPDIR/default/usr/$hooks")" \
		/usr/local/libexec/lamina/lamina-hook
	make -s -C "$LAMINA_ROOT" DESTDIR= PREFIX="$BATS_TEST_TMPDIR/home" install
	assert_equal "$(jq -r .hook.path "$BATS_TEST_TMPDIR/home/$hooks")" \
		"$BATS_TEST_TMPDIR/home/libexec/lamina/lamina-hook"
}

@test "what is installed can be read by all, whatever the umask" {
	(umask 077 && make -s -C "$LAMINA_ROOT" DESTDIR="$BATS_TEST_TMPDIR/root" install)
	assert_equal "$(find "$BATS_TEST_TMPDIR/root" -mindepth 1 ! -type l ! -perm -0444)" ""
	assert_equal "$(find "$BATS_TEST_TMPDIR/root" -mindepth 1 -type d ! -perm -0555)" ""
}

@test "bash completes commands and options, by what the program says" {
	run_expect 0 bash -euc 'PATH=$1/usr/bin:$PATH; . "$1/usr/share/bash-completion/completions/lamina"
		COMP_WORDS=(lamina policy ex) COMP_CWORD=2; _lamina; echo "${COMPREPLY[*]}"
		COMP_WORDS=(lamina policy compile --o) COMP_CWORD=3; _lamina; echo "${COMPREPLY[*]}"' - "$INSTALLED"
	assert_equal "$output" $'explain\n--output'
}

@test "the schema of policies is installed" {
	run_expect 0 jq -e '."$defs".rule' "$INSTALLED/usr/share/lamina/policy.schema.json"
}
