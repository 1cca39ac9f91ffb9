# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the scripts of the VM share: where things are kept and where Debian's packages come from.
# Slow things live in a cache outside the checkout, each in a folder named after the hash of all
# that it is made from, so a change of an input makes a new one and never a mixed one.

set -euo pipefail

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034
CHECKOUT=$(cd "$VM_DIR/../.." && pwd)
CACHE=${LAMINA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lamina}
SUITE=trixie

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# The address of the Debian archive ("main") or of its security archive ("security") that this
# machine is configured for; nothing if it has none.
debian_archive() {
	local pattern='^(bookworm|trixie|forky|stable|oldstable|testing|sid)$'

	[[ $1 == security ]] && pattern='^[a-z]+-security$'
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
		awk -v p="$pattern" '$2 ~ p { print $1; exit }'
}

# apt's lines for the suite that is in the VM.
debian_sources() {
	local main security

	main=$(debian_archive main)
	security=$(debian_archive security)
	[[ -n $main ]] || die "no Debian archive in this machine's apt configuration"
	echo "deb $main $SUITE main"
	[[ -z $security ]] || echo "deb $security $SUITE-security main"
}

# hash_of NAME...: one short hash of files, and of strings given as =TEXT.
hash_of() {
	local input

	for input; do
		if [[ $input == =* ]]; then
			echo "$input"
		else
			sha256sum <"$input"
		fi
	done | sha256sum | cut -c1-16
}

# The patches of a series in the folder $1, in their order; its cover letter is none.
patches_in() { find "$1" -name '*.patch' ! -name '0000-*' | sort; }

# Run a command with a lock on a cache entry held, so that two checkouts don't make it twice.
with_lock() {
	local name=$1

	shift
	mkdir -p "$CACHE"
	(
		flock 9
		"$@"
	) 9>"$CACHE/$name.lock"
}
