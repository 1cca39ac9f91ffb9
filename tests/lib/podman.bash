# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the files on podman share: storage below the scene, and a base image of a few programs with
# something to delete, replace, rename and link.

# shellcheck source=scripts/podman.bash
source "$LAMINA_ROOT/scripts/podman.bash"

BASE=localhost/base

# podman on Lamina, and on the kernel's overlayfs.
ours() { pm "lamina:$LAMINA_ENGINE" "$@"; }
theirs() { pm overlay "$@"; }

# The type of a mount on Lamina: that of the module where it is a view, unless views are built in.
lamina_type() {
	if [[ $LAMINA_ENGINE == bpf && -e /dev/fuse_bpf ]]; then
		echo fuse_bpf.lamina
	else
		echo fuse.lamina-mount
	fi
}

# podman maps owners twice where it believes that it can map mounts, whatever the mount program is: from
# now on it does not.
map_once() {
	local seen

	seen=$(demo_storage "lamina:$LAMINA_ENGINE")/r/overlay
	rm -f "$seen/idmapped-lower-dir-true"
	touch "$seen/idmapped-lower-dir-false"
}

# A program and the libraries that it needs.
add_program() {
	local root=$1 program library

	program=$(command -v "$2")
	install -D "$program" "$root/bin/${program##*/}"
	for library in $(ldd "$program" | grep -o '/[^ ]*'); do
		[[ -e $root$library ]] || install -D "$library" "$root$library"
	done
}

# base_image FILE: the root of all images here, as a tar; or the one that LAMINA_BASE_IMAGE names.
base_image() {
	local root=$1.root base=$1.root/base i

	if [[ -n ${LAMINA_BASE_IMAGE:-} ]]; then
		cp "$LAMINA_BASE_IMAGE" "$1"
		return
	fi
	mkdir -p "$root"/{bin,etc,tmp,proc,sys,dev,run} "$base"/{dir/sub,gone/x,tree/a/b,swap-dir,many}
	chmod 1777 "$root/tmp"
	cp /bin/busybox "$root/bin"
	for i in $(busybox --list); do
		ln -s busybox "$root/bin/$i" 2>/dev/null || true
	done
	add_program "$root" setcap
	add_program "$root" setfattr
	add_program "$root" mawk
	echo one | tee "$base/dir/f1" "$base/dir/f2" "$base/dir/sub/deep" >"$base/gone/x/y"
	echo three | tee "$base/tree/a/b/c" "$base/tree/file" "$base/swap-file" >"$base/swap-dir/in"
	ln -s file "$base/tree/link"
	echo linked >"$base/linked.1"
	ln "$base/linked.1" "$base/linked.2"
	ln "$base/linked.1" "$base/linked.3"
	mkfifo "$base/fifo"
	for ((i = 0; i < 100; i++)); do
		echo "$i" >"$base/many/$i"
	done
	cp "$base/linked.1" "$base/capable"
	cp "$base/linked.1" "$base/attr"
	chown -R 7:8 "$base/tree"
	setcap cap_net_raw+ep "$base/capable"
	setfattr -n user.demo -v lower "$base/attr"
	chmod 4755 "$base/swap-file"
	tar --xattrs --xattrs-include='*' --numeric-owner --sort=name --mtime=@1000000000 \
		-C "$root" -cf "$1" .
	rm -rf "$root"
}
