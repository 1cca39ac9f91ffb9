# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The Debian archive that this machine is configured for, asked with a state of apt's own in the cache:
# the machine's state stays as it is, and root is not needed. Sourced after common.bash.

# The system in the VM.
SUITE=trixie
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The address of the Debian archive ("main") or of its security archive ("security") that this
# machine is configured for; nothing if it has none.
debian_archive() {
	local pattern='^(bookworm|trixie|forky|stable|oldstable|testing|sid)$'

	[[ $1 != security ]] || pattern='^[a-z]+-security$'
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
		awk -v p="$pattern" '$2 ~ p && !seen++ { print $1 }'
}

# debian_sources [SUITE...]: apt's lines for suites, by default those that are in the VM.
debian_sources() {
	local main security suite

	[[ $# -gt 0 ]] || set -- "$SUITE" "$SUITE-security"
	main=$(debian_archive main)
	security=$(debian_archive security)
	[[ -n $main ]] ||
		die "apt is configured for no Debian archive: add one to /etc/apt/sources.list"
	for suite; do
		case $suite in
		*-security) [[ -z $security ]] || echo "deb [signed-by=$KEYRING] $security $suite main" ;;
		*) echo "deb [signed-by=$KEYRING] $main $suite main" ;;
		esac
	done
}

# private_apt COMMAND WORD...: apt-get or apt-cache on the suites of the last private_update.
private_apt() {
	local state=$CACHE/apt

	"$1" -q -o Dir::State="$state/state" -o Dir::Cache="$state/cache" \
		-o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o Dir::State::status=/dev/null -o APT::Architecture=amd64 -o APT::Architectures=amd64 \
		-o Acquire::Languages=none -o APT::Sandbox::User= "${@:2}"
}

# private_update SUITE...: a suite that the mirror lacks is passed over, with apt's warning.
private_update() {
	local state=$CACHE/apt sources

	mkdir -p "$state"/{state/lists/partial,cache/archives/partial}
	sources=$(debian_sources "$@")
	echo "$sources" >"$state/sources.list"
	private_apt apt-get update >&2 ||
		echo "apt-get update failed in part; the lists of before are used for the rest" >&2
}

# archive_versions PACKAGE...: a line "PACKAGE VERSION" for each that the archive has.
archive_versions() {
	private_apt apt-cache madison "$@" | awk -F ' *[|] *' '{ sub(/^ */, "", $1); print $1, $2 }'
}
