#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Which kernel is decided on, from what an archive has that is made up: no network is asked.

bats_require_minimum_version 1.5.0
CHECKOUT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

setup() {
	export LAMINA_CACHE=$BATS_TEST_TMPDIR/cache ARCHIVE=$BATS_TEST_TMPDIR/archive
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	: >"$ARCHIVE"
	fake apt-get <<-'FAKE'
		# what is asked of it last
		case $* in
		*indextargets*) echo "http://mirror.invalid/debian trixie" ;;
		*update*) echo update >>"$ARCHIVE.updates" ;;
		*) echo "E: $*" >&2; exit 100 ;;
		esac
	FAKE
	fake apt-cache <<-'FAKE'
		while [[ $1 == -* ]]; do [[ $1 == -o ]] && shift; shift; done
		verb=$1; shift
		case $verb in
		pkgnames) awk -v p="$1" 'index($1, p) == 1 { print $1 }' "$ARCHIVE" | sort -u ;;
		madison)
			# Written line by line, so that a reader that goes away is noticed.
			awk -v names=" $* " 'index(names, " " $1 " ") {
				printf "%24s | %17s | http://mirror.invalid/debian trixie/main amd64 Packages\n", $1, $2
				fflush()
			}' "$ARCHIVE"
			;;
		esac
	FAKE
}

# fake NAME: a program of that name, before the machine's.
fake() {
	{ echo '#!/bin/bash' && cat; } >"$BATS_TEST_TMPDIR/bin/$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}

# archive_has KIND NUMBER...: of kernels 6.12.NUMBER.
archive_has() {
	local kind=$1 number

	shift
	for number; do
		case $kind in
		source) echo "linux-source-6.12 6.12.$number-1" ;;
		image) echo "linux-image-6.12.$number+deb13-amd64 6.12.$number-1" ;;
		headers) echo "linux-headers-6.12.$number+deb13-amd64 6.12.$number-1" ;;
		esac
	done >>"$ARCHIVE"
}

# archive_loses NUMBER
archive_loses() {
	sed -i "/6\.12\.$1-1/d" "$ARCHIVE"
}

decide() {
	run --separate-stderr "$CHECKOUT/kernel/decide" "$@"
	echo "status $status, output: $output, stderr: $stderr"
}

@test "the newest version whose source, image and headers the archive has is decided on" {
	archive_has source 9 95 100 107
	archive_has image 9 95 100 110
	archive_has headers 9 95 100 107 110
	echo "linux-image-6.12.107+deb13-cloud-amd64 6.12.107-1" >>"$ARCHIVE"
	echo "linux-image-6.12.110+deb13-amd64-unsigned 6.12.110-1" >>"$ARCHIVE"
	decide
	[[ $status == 0 && $output == '6.12.100-1 6.12.100+deb13-amd64' ]]
}

@test "an image without headers is passed over" {
	archive_has source 95 100
	archive_has image 95 100
	archive_has headers 95
	decide
	[[ $status == 0 && $output == '6.12.95-1 6.12.95+deb13-amd64' ]]
}

@test "many versions in the archive end nothing early" {
	local numbers

	mapfile -t numbers < <(seq 1 400)
	archive_has source "${numbers[@]}"
	archive_has image "${numbers[@]}"
	archive_has headers "${numbers[@]}"
	decide
	[[ $status == 0 && $output == '6.12.400-1 6.12.400+deb13-amd64' ]]
}

@test "a decision is kept when the archive moves on, and taken anew on demand" {
	archive_has source 95
	archive_has image 95
	archive_has headers 95
	decide
	archive_has source 100
	archive_has image 100
	archive_has headers 100
	archive_loses 95
	decide
	[[ $output == '6.12.95-1 6.12.95+deb13-amd64' ]]
	[[ $(wc -l <"$ARCHIVE.updates") == 1 ]]
	decide --again
	[[ $output == '6.12.100-1 6.12.100+deb13-amd64' ]]
	decide
	[[ $output == '6.12.100-1 6.12.100+deb13-amd64' ]]
	grep -qx 'version 6.12.100-1' "$LAMINA_CACHE/kernel"
}

@test "no version in common: a sentence that names what there is, and no decision" {
	archive_has source 95 96
	archive_has image 100
	archive_has headers 100
	decide
	[[ $status == 1 && $output == '' ]]
	[[ $stderr == *"6.12.95-1, 6.12.96-1"*"6.12.100-1"*"try again"* ]]
	[[ ! -e $LAMINA_CACHE/kernel ]]
}

@test "an archive with no such kernel at all: a sentence" {
	decide
	[[ $status == 1 && $stderr == *"the archive has no kernel 6.12"* ]]
}

@test "a machine without a Debian archive: a sentence" {
	fake apt-get </dev/null
	decide
	[[ $status == 1 && $stderr == *"apt is configured for no Debian archive"* ]]
}

@test "a source that vanished from the archive: which, and what to do" {
	archive_has source 95
	archive_has image 95
	archive_has headers 95
	decide
	archive_loses 95
	archive_has source 100
	run --separate-stderr "$CHECKOUT/kernel/fetch-source"
	echo "$stderr"
	[[ $status == 1 && $output == '' ]]
	[[ $stderr == *"no linux-source-6.12 6.12.95-1"*"the archive has 6.12.100-1"*"kernel/decide --again"* ]]
	[[ ! -e $LAMINA_CACHE/source-6.12.95-1 ]]
}

@test "a source that is in the cache is not looked for in the archive" {
	archive_has source 95
	archive_has image 95
	archive_has headers 95
	decide
	mkdir "$LAMINA_CACHE/source-6.12.95-1"
	archive_loses 95
	run --separate-stderr "$CHECKOUT/kernel/fetch-source"
	[[ $status == 0 && $output == "$LAMINA_CACHE/source-6.12.95-1" ]]
	[[ $(wc -l <"$ARCHIVE.updates") == 1 ]]
}

@test "an image that vanished from the archive: which, and what to do" {
	[[ $(id -u) == 0 ]] || skip "not root: $(id -u)"
	archive_has source 95
	archive_has image 95
	archive_has headers 95
	decide
	archive_loses 95
	run --separate-stderr "$CHECKOUT/tests/vm/image"
	echo "$stderr"
	[[ $status == 1 && $stderr == *"linux-image-6.12.95+deb13-amd64"*"kernel/decide --again"* ]]
}

@test "a version that is named is found among many, in any suite" {
	local numbers

	mapfile -t numbers < <(seq 1 400)
	archive_has source "${numbers[@]}"
	run --separate-stderr "$CHECKOUT/kernel/fetch-source" 6.12.7
	echo "$stderr"
	# It is found; this archive has nothing to download.
	[[ $status != 0 && $stderr == *'download linux-source-6.12=6.12.7-1'* ]]
}

@test "a decision that cannot be read is named" {
	mkdir -p "$LAMINA_CACHE"
	echo nonsense >"$LAMINA_CACHE/kernel"
	decide
	[[ $status == 1 && $stderr == *"$LAMINA_CACHE/kernel cannot be read"* ]]
}
