# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What scripts share: where the checkout and the cache are, and how an entry of the cache is made.
# Slow things live in the cache, outside the checkout, each in a folder named after the hash of all
# that it is made from, so a change of an input makes a new one and never a mixed one.

# shellcheck source-path=SCRIPTDIR source=strict.bash
. "${BASH_SOURCE[0]%/*}/strict.bash"

# shellcheck disable=SC2034
CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${LAMINA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lamina}

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

# with_lock NAME COMMAND...: run it with a lock on a cache entry held, so that two checkouts don't
# make the entry twice.
with_lock() {
	local name=$1

	shift
	mkdir -p "$CACHE"
	(
		flock 9
		"$@"
	) 9>"$CACHE/$name.lock"
}

# The patches of a series in the folder $1, in their order; its cover letter is none.
patches_in() { find "$1" -name '*.patch' ! -name '0000-*' | sort; }
