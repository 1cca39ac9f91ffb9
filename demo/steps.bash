# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the demo does with an image, a step a function: step_NAME DRIVER. A step prints what went
# wrong and fails, or is silent. `shown` collects what must be the same on every driver.

DEMO_STEPS=(load run exec dpkg cp diff commit build export)

IMAGE=localhost/demo

must_equal() {
	[[ $2 == "$3" ]] && return 0
	printf '%s: expected "%s", got "%s"\n' "$1" "$3" "$2" >&2
	return 1
}

step_load() {
	# podman makes a name of the path, and not every path makes one.
	(cd "$DEMO_DIR" && pm "$1" pull -q --signature-policy "$DEMO_DIR/policy.json" \
		oci:image:demo >"$DEMO_DIR/id") &&
		pm "$1" tag "$(cat "$DEMO_DIR/id")" "$IMAGE"
}

# overlayfs breaks hard links at copy-up, unless it is asked not to; podman does not ask.
step_run() {
	local links=links

	[[ $1 != overlay ]] || links=
	pm "$1" run --rm "$IMAGE" /opt/demo/check "$links"
}

# From here on one container stays.
step_exec() {
	pm "$1" run -d --name demo -v "$DEMO_DIR/debs:/debs:ro" "$IMAGE" sleep 3600 >/dev/null &&
		must_equal "exec" "$(pm "$1" exec demo cat /opt/demo/data/replace)" \
			"replace, layer 3" &&
		must_equal "file capability" "$(getcap -n "$(pm "$1" mount demo)/opt/demo/bin/capable" |
			sed 's/.* //')" "cap_net_raw=ep" &&
		pm "$1" umount demo >/dev/null
}

step_dpkg() {
	# shellcheck disable=SC2016
	pm "$1" exec demo sh -ec '
		export DEBIAN_FRONTEND=noninteractive
		apt-get install -y /debs/*.deb
		hello | grep "Hello, world!"
		apt-get purge -y hello
		test ! -e /usr/bin/hello
		dpkg -i /debs/hello_*.deb
		test -z "$(dpkg --audit)"
	' >"$DEMO_DIR/dpkg.log" 2>&1 || { cat "$DEMO_DIR/dpkg.log"; return 1; }
}

step_cp() {
	echo "from outside" >"$DEMO_DIR/outside"
	pm "$1" cp "$DEMO_DIR/outside" demo:/opt/demo/outside &&
		must_equal "copied in" "$(pm "$1" exec demo cat /opt/demo/outside)" "from outside" &&
		pm "$1" cp demo:/opt/demo/tree/only "$DEMO_DIR/inside" &&
		must_equal "copied out" "$(cat "$DEMO_DIR/inside")" "all there is"
}

step_diff() {
	pm "$1" exec demo sh -ec 'cd /opt/demo
		rm data/keep; mv many moved; rm -rf tree; mkdir tree; ln bin/busybox-two link' &&
		pm "$1" diff demo | LC_ALL=C sort >"$DEMO_DIR/diff.${1//:/-}"
}

step_commit() {
	pm "$1" rm -f -t 0 committed >/dev/null 2>&1 || true
	pm "$1" commit -q demo localhost/committed >/dev/null &&
		must_equal "committed image" "$(pm "$1" run --rm localhost/committed sh -ec '
			cd /opt/demo; ls moved | wc -l; ls -A tree; test ! -e many; cat outside')" \
			$'500\nfrom outside'
}

# chroot isolation needs no cgroups; nothing here needs a network.
step_build() {
	pm "$1" build -q --isolation=chroot --layers \
		--signature-policy "$DEMO_DIR/policy.json" -t localhost/built \
		-f "$DEMO_ROOT/demo/Containerfile" "$DEMO_ROOT/demo" >/dev/null &&
		must_equal "built image" "$(pm "$1" run --rm localhost/built sh -c '
			cd /opt/demo; cat built swap; ls moved | wc -l; ls data')" \
			$'built\na file once more\n389\nreplace'
}

# The whole built tree: names, owners, modes, sizes, links, attributes and content.
step_export() {
	local id tree=$DEMO_DIR/tree
	rm -rf "$tree"
	mkdir "$tree"
	id=$(pm "$1" create --pull=never localhost/built true) &&
		pm "$1" export "$id" |
		tar --numeric-owner --xattrs --xattrs-include='*' -C "$tree" -xf - &&
		(cd "$tree" && {
			find . -printf '%P %y %m %U %G %s %n %l\n' | sed -E 's/( d [0-9]+ [0-9]+ [0-9]+) [0-9]+/\1/'
			find . -type f -exec sha256sum {} +
			getfattr -R -h -d -m - . 2>/dev/null
		} | LC_ALL=C sort) >"$DEMO_DIR/export.${1//:/-}" &&
		pm "$1" rm "$id" >/dev/null
	local status=$?
	rm -rf "$tree"
	return "$status"
}
