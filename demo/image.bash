# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A Debian image of five layers, put together by hand into an OCI layout: no registry, and full
# control over what each layer holds.

# The layers above the base, as directories below $1. Names of the form .wh.* are whiteouts.
image_layers() {
	local to=$1 base=$2

	# Adds: hard links, attributes, set-uid, and things that the next layers take away again.
	mkdir -p "$to/2/opt/demo/bin" "$to/2/opt/demo/data" "$to/2/opt/demo/tree/a/b"
	tar -xOf "$base" ./usr/bin/id >"$to/2/opt/demo/bin/whoami-really"
	chmod 4755 "$to/2/opt/demo/bin/whoami-really"
	cp /bin/busybox "$to/2/opt/demo/bin/busybox"
	for name in one two three; do
		ln "$to/2/opt/demo/bin/busybox" "$to/2/opt/demo/bin/busybox-$name"
	done
	for name in keep replace delete; do
		echo "$name, layer 2" >"$to/2/opt/demo/data/$name"
	done
	echo "below an opaque directory" >"$to/2/opt/demo/tree/a/b/hidden"
	echo "a file that becomes a directory" >"$to/2/opt/demo/swap"
	setfattr -n user.demo -v "an attribute" "$to/2/opt/demo/data/keep"

	# Replaces and deletes.
	mkdir -p "$to/3/opt/demo/data" "$to/3/opt/demo/swap" "$to/3/etc"
	echo "replace, layer 3" >"$to/3/opt/demo/data/replace"
	: >"$to/3/opt/demo/data/.wh.delete"
	echo "now a directory" >"$to/3/opt/demo/swap/file"
	echo "Welcome to the demo." >"$to/3/etc/motd"

	# An opaque directory, a deleted directory, a file capability.
	mkdir -p "$to/4/opt/demo/tree" "$to/4/usr/share" "$to/4/opt/demo/bin"
	: >"$to/4/opt/demo/tree/.wh..wh..opq"
	echo "all there is" >"$to/4/opt/demo/tree/only"
	: >"$to/4/usr/share/.wh.doc"
	cp /bin/busybox "$to/4/opt/demo/bin/capable"
	setcap cap_net_raw+ep "$to/4/opt/demo/bin/capable"

	# Many small files, and a program that checks all of this from inside.
	mkdir -p "$to/5/opt/demo/many"
	for ((i = 0; i < 500; i++)); do
		echo "$i" >"$to/5/opt/demo/many/$i"
	done
	cp "$(dirname "${BASH_SOURCE[0]}")/check-inside" "$to/5/opt/demo/check"
}

# image_put_blob OCI FILE: prints "sha256:DIGEST SIZE".
image_put_blob() {
	local digest
	digest=$(sha256sum "$2" | cut -d' ' -f1)
	cp "$2" "$1/blobs/sha256/$digest"
	echo "sha256:$digest $(stat -c %s "$2")"
}

# image_make OCI BASE: the image as an OCI layout in the directory OCI.
image_make() {
	local oci=$1 base=$2 work=$1.work blob layers=() diff_ids=()
	local arch
	arch=$(dpkg --print-architecture)

	rm -rf "$oci" "$work"
	mkdir -p "$oci/blobs/sha256" "$work/layers"
	image_layers "$work/layers" "$base"
	cp "$base" "$work/1.tar"
	for n in 2 3 4 5; do
		tar --xattrs --xattrs-include='*' --numeric-owner --owner=0 --group=0 --sort=name \
			-C "$work/layers/$n" -cf "$work/$n.tar" .
	done
	for n in 1 2 3 4 5; do
		read -ra blob < <(image_put_blob "$oci" "$work/$n.tar")
		layers+=("{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"${blob[0]}\",\"size\":${blob[1]}}")
		diff_ids+=("\"${blob[0]}\"")
	done
	printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/bin/sh"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},"rootfs":{"type":"layers","diff_ids":[%s]},"history":[%s]}' \
		"$arch" "$(IFS=,; echo "${diff_ids[*]}")" \
		"$(printf ',{"created_by":"layer %s"}' 1 2 3 4 5 | cut -c2-)" >"$work/config"
	read -ra blob < <(image_put_blob "$oci" "$work/config")
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%s},"layers":[%s]}' \
		"${blob[0]}" "${blob[1]}" "$(IFS=,; echo "${layers[*]}")" >"$work/manifest"
	read -ra blob < <(image_put_blob "$oci" "$work/manifest")
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"demo"}}]}' \
		"${blob[0]}" "${blob[1]}" >"$oci/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$oci/oci-layout"
	rm -rf "$work"
}
