#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# podman on Lamina: containers, builds and commits, beside the same on kernel overlayfs.

load ../lib/common
load ../lib/podman

setup_file() {
	scene_create 1G
	export DEMO_DIR=$SCENE/p
	mkdir "$DEMO_DIR"
	demo_write_conf
	base_image "$DEMO_DIR/base.tar"
	for driver in "lamina:$LAMINA_ENGINE" overlay; do
		pm "$driver" import -q "$DEMO_DIR/base.tar" "$BASE" >/dev/null
	done
	demo_find_runtime overlay "$BASE"
	export DEMO_RUNTIME
}

teardown_file() {
	demo_remove_storage "lamina:$LAMINA_ENGINE"
	demo_remove_storage overlay
	scene_destroy
}

teardown() {
	ours image umount -a >/dev/null
	theirs image umount -a >/dev/null
	ours rm -fa -t 0 >/dev/null
	theirs rm -fa -t 0 >/dev/null
	wait_until nothing_left
	leak_check
}

nothing_left() { [[ -z $(demo_leftovers) ]]; }

# With a mount program podman finds changes by comparing two mounts; on overlayfs it reads the upper
# instead, unless it believes that it cannot.
their_diff() {
	local seen
	seen=$(demo_storage overlay)/r/overlay

	# A podman that still cleans up writes down what it finds where nothing is written, and "true" counts first.
	if [[ $1 == compared ]]; then
		touch "$seen/native-diff()-false"
		rm -f "$seen"/native-diff*-true
	else
		rm -f "$seen"/native-diff*
	fi
}

build() {
	local who=$1
	shift
	"$who" build -q --isolation=chroot --layers --no-cache \
		--signature-policy "$DEMO_DIR/policy.json" "$@" >/dev/null
}

save() { "$1" save -q --format docker-archive -o "$3" "$2"; }

# ---- containers ----

@test "a container runs on Lamina, and writes to it" {
	assert_equal "$(ours run --rm "$BASE" awk '$2 == "/" { print $3 }' /proc/mounts)" "$(lamina_type)"
	run_expect 0 ours run --rm "$BASE" sh -ec '
		test "$(cat /base/tree/a/b/c)" = three
		echo new >/new
		rm -r /base/dir
		mv /base/tree /base/moved
		test "$(cat /new /base/moved/link)" = "$(printf "new\nthree")"
		test ! -e /base/dir -a ! -e /base/tree'
	assert_equal "$(ours run --rm "$BASE" cat /base/dir/f1)" one
}

@test "the status of the command is that of podman" {
	run_expect 37 ours run --rm "$BASE" sh -c 'exit 37'
	run_expect 126 ours run --rm "$BASE" /base
}

@test "set-uid programs and file capabilities of lower layers work" {
	build ours -t localhost/programs - <<-END
		FROM $BASE
		RUN cp /bin/mawk /bin/awk.su && chmod 4755 /bin/awk.su && cp /bin/mawk /bin/awk.cap \\
		    && setcap cap_dac_override+ep /bin/awk.cap && echo secret >/secret && chmod 600 /secret
	END
	for program in awk.su awk.cap; do
		assert_equal "$(ours run --rm -u 1000 localhost/programs "$program" 1 /secret)" secret
	done
	run_expect 2 ours run --rm -u 1000 localhost/programs mawk 1 /secret
}

@test "exec sees and changes what the container does" {
	ours run -d --name box "$BASE" sh -c 'echo started >/started; sleep 1000' >/dev/null
	wait_until ours exec box test -e /started
	ours exec box sh -c 'echo by exec >/base/dir/f1; mkdir /base/new'
	assert_equal "$(ours exec box cat /base/dir/f1)" "by exec"
	assert_equal "$(ours exec -u 7 box sh -c 'echo mine >>/base/tree/file; cat /base/tree/file')" \
		$'three\nmine'
}

@test "a stopped container starts again with what it wrote" {
	ours run --name box "$BASE" sh -c 'date >>/runs; rm -rf /base/gone; sync'
	ours start -a box
	mounted=$(ours mount box)
	assert_equal "$(wc -l <"$mounted/runs")" 2
	assert_missing "$mounted/base/gone"
	ours umount box >/dev/null
}

@test "--read-only: nothing can be written" {
	run_expect 0 ours run --rm --read-only "$BASE" sh -c '
		cat /base/dir/f1 >/dev/null || exit 1
		echo x 2>/dev/null >/base/dir/f1 && exit 2
		rm /base/dir/f1 2>/dev/null && exit 3
		mkdir /new 2>&1 | grep "Read-only file system" || exit 4
		echo x >/tmp/file'
}

@test "two containers over the same layers do not see each other's changes" {
	for c in one two; do
		ours run -d --name "$c" "$BASE" sh -ec "
			for i in \$(seq 0 99); do
				echo $c >>/base/many/\$i
				mv /base/many/\$i /base/many/$c.\$i
			done
			rm -r /base/tree
			mkdir /base/tree
			touch /base/tree/$c /done
			sleep 1000" >/dev/null
	done
	for c in one two; do
		wait_until ours exec "$c" test -e /done
		assert_equal "$(ours exec "$c" sh -c 'ls /base/many | wc -l')" 100
		assert_equal "$(ours exec "$c" cat "/base/many/$c.42")" $'42\n'"$c"
		assert_equal "$(ours exec "$c" ls -A /base/tree)" "$c"
	done
	assert_equal "$(ours run --rm "$BASE" ls -A /base/tree | paste -sd' ')" "a file link"
}

@test "--uidmap: root inside is another outside, and on disk who it is inside" {
	map_once
	ours create --name box --uidmap 0:100000:65536 --gidmap 0:200000:65536 "$BASE" sh -ec '
		test "$(stat -c %u:%g /base/dir/f1 /base/tree/file | paste -sd" ")" = "0:0 7:8"
		echo more >>/base/dir/f1
		echo new >/base/new
		chown 5:6 /base/new
		chmod 700 /base/tree
		ln /base/linked.1 /base/linked.4
		test "$(stat -c %u:%g:%a /base/new /base/tree | paste -sd" ")" = "5:6:644 7:8:700"
		chown 70000 /base/new 2>/dev/null && exit 1
		touch /finished' >/dev/null
	run_expect 0 ours start -a box
	upper=$(ours inspect -f '{{.GraphDriver.Data.UpperDir}}' box)
	assert_equal "$(stat -c %u:%g "$upper"/{finished,base/dir/f1,base/new,base/tree} | paste -sd' ')" \
		"0:0 0:0 5:6 7:8"
}

# ---- in and out ----

@test "mount shows the container's root and lets it be changed; umount takes it away" {
	ours create --name box "$BASE" cat /base/dir/f1 /base/dir/new >/dev/null
	mounted=$(ours mount box)
	assert_equal "$(findmnt -n -o FSTYPE "$mounted")" "$(lamina_type)"
	assert_file "$mounted/base/dir/f1" one
	echo from outside >"$mounted/base/dir/new"
	ours umount box >/dev/null
	refute mountpoint -q "$mounted"
	assert_equal "$(ours start -a box)" $'one\nfrom outside'
}

@test "cp copies files and directories into a container and out of it" {
	mkdir -p tree/sub
	echo file >tree/sub/file
	ln -s sub/file tree/link
	chmod 750 tree/sub
	chown 12:34 tree/sub/file
	ours run -d --name box "$BASE" sleep 1000 >/dev/null
	ours cp tree box:/base/copied
	ours cp tree/sub/file box:/base/dir/f1
	assert_equal "$(ours exec box sh -c 'cat /base/copied/link /base/dir/f1; readlink /base/copied/link
		stat -c %a /base/copied/sub')" $'file\nfile\nsub/file\n750'
	ours cp box:/base/tree out
	assert_equal "$(cat out/a/b/c out/file out/link)" $'three\nthree\nthree'
	assert_equal "$(readlink out/link)" file
	# Of a container that does not run, too.
	ours stop -t 0 box >/dev/null
	ours cp box:/base/copied/sub/file single
	assert_file single file
	ours cp single box:/base/dir/single
	assert_equal "$(ours cp box:/base/dir/single - | tar -xO)" file
}

@test "a volume with an overlay leaves the directory below as it was" {
	mkdir volume
	echo below >volume/file
	chmod -R a+rwX .
	mark_lower volume
	assert_equal "$(ours run --rm -v "$PWD/volume:/v:O" "$BASE" sh -ec '
		echo more >>/v/file; touch /v/new; cat /v/file; ls /v')" $'below\nmore\nfile\nnew'
	assert_lower_unchanged volume
}

@test "an image is mounted into a container of another" {
	assert_equal "$(ours run --rm --mount "type=image,source=$BASE,destination=/image,rw=true" "$BASE" \
		sh -ec 'rm /image/base/dir/f1; ls /image/base/dir; ls /base/dir' | paste -sd' ')" "f2 sub f1 f2 sub"
}

# ---- layers ----

# Each step does what the format of layers has a word for, with what older layers brought.
write_context() {
	rm -rf context
	mkdir -p context/dir
	echo copied >context/dir/file
	ln -s file context/dir/link
	cat >context/Containerfile <<-END
		FROM $BASE
		RUN mkdir -p /new/a/b /new/sticky && echo 1 >/new/link.1 && ln /new/link.1 /new/link.2 \\
		    && ln /new/link.1 /new/a/b/link.3 && ln -s no/where /new/symlink && mkfifo /new/fifo \\
		    && cp /bin/busybox /new/setuid && chmod 6755 /new/setuid && chmod 1777 /new/sticky \\
		    && echo 2 >/new/owned && chown 123456:7 /new/owned && echo 3 >/new/attr \\
		    && setfattr -n user.demo -v value /new/attr && cp /bin/cat /new/capable \\
		    && setcap cap_chown+ep /new/capable
		RUN rm /base/dir/f1 /base/linked.2 && rm -r /base/gone && chmod 711 /base/capable \\
		    && chown 9 /base/many/1 && touch -d @1100000000 /base/many/2 && echo x >>/base/attr
		RUN rm -r /base/dir && mkdir /base/dir && echo only >/base/dir/only && rm -r /base/many \\
		    && mkdir -p /base/many/7 && echo 8 >/base/many/8 && rm /new/a/b/link.3
		RUN mv /base/tree /base/moved && rm /base/swap-file && mkdir /base/swap-file \\
		    && echo in >/base/swap-file/in && rm -r /base/swap-dir && echo file >/base/swap-dir
		RUN ln /base/linked.1 /base/linked.4 && ln -sf elsewhere /new/symlink && mv /new/a/b /new/b \\
		    && chmod 700 /base/moved/a && ln /base/moved/file /base/moved/a/file
		COPY dir /copied
		RUN mv /base/moved /base/again && rm /base/again/a/b/c && echo new >/base/again/a/new \\
		    && mv /copied /base/gone && rm -r /base/dir
	END
}
LAYERS=8

# build_once WHO NAME: the image of the context as $DEMO_DIR/NAME.tar, which several tests look at.
build_once() {
	[[ ! -e $DEMO_DIR/$2.tar ]] || return 0
	write_context
	build "$1" -t "localhost/$2" context
	save "$1" "localhost/$2" "$DEMO_DIR/$2.tar"
}

# When the first of them began to build: the base is older.
built_after() { stat -c %Y "$DEMO_DIR/base.tar"; }

@test "a build makes the same layers as on overlayfs, entry by entry" {
	build_once ours ours
	their_diff compared
	build_once theirs compared
	py podman built "$DEMO_DIR/ours.tar"
	py podman same_layers "$DEMO_DIR"/{ours,compared}.tar "$(built_after)" "$LAYERS"
}

@test "and layers that mean the same as those that overlayfs has on disk" {
	build_once ours ours
	their_diff native
	build_once theirs native
	assert_equal "$(tar -xOf "$DEMO_DIR/native.tar" --wildcards '*.tar' | tar -ti --ignore-zeros |
		grep -c 'wh..opq$')" 3
	py podman same_trees "$DEMO_DIR"/{ours,native}.tar "$(built_after)"
}

@test "an image of many layers looks as on overlayfs, whoever built it" {
	their_diff native
	build_once theirs native
	theirs load -q -i "$DEMO_DIR/native.tar" >/dev/null
	ours load -q -i "$DEMO_DIR/native.tar" >/dev/null
	# A root that no layer names has the time at which podman made it.
	mounted=$(theirs image mount localhost/native)
	picture -t "$mounted" | sed '/^\. d /d' >expected
	mounted=$(ours image mount localhost/native)
	picture -t "$mounted" | sed '/^\. d /d' | diff -u expected - >&2
}

# What a container does before it is looked at from outside.
CHANGES='
	cd /base
	rm dir/f1 linked.3
	rm -r gone many
	mv tree moved
	rm -r dir
	mkdir dir many
	echo 1 >dir/new
	ln dir/new dir/linked
	ln -s new dir/symlink
	chown 3:4 capable
	echo more >>attr
	setfattr -n user.other -v value attr
	mknod fifo.2 p
	touch -d @1100000000 swap-dir/in
	mv swap-file moved/a
	touch /done
	sleep 1000'

changed_containers() {
	their_diff compared
	start=$(date +%s)
	for who in ours theirs; do
		"$who" run -d --name box "$BASE" sh -ec "$CHANGES" >/dev/null
	done
	for who in ours theirs; do
		wait_until "$who" exec box test -e /done
	done
}

@test "diff lists of a running container what it lists on overlayfs" {
	changed_containers
	ours diff box | LC_ALL=C sort >ours.diff
	theirs diff box | LC_ALL=C sort >theirs.diff
	diff -u theirs.diff ours.diff >&2
	assert grep -qx "D /base/tree" ours.diff
	assert grep -qx "A /base/moved/a/b/c" ours.diff
	assert grep -qx "C /base/attr" ours.diff
}

@test "a commit of a running container makes the same layer as on overlayfs" {
	changed_containers
	for who in ours theirs; do
		"$who" commit -q box localhost/committed >/dev/null
		save "$who" localhost/committed "$who.tar"
	done
	py podman same_layers ours.tar theirs.tar "$start" 2
	assert_equal "$(ours run --rm localhost/committed sh -c 'cd /base; cat dir/linked moved/a/swap-file; ls')" \
		"$(theirs run --rm localhost/committed sh -c 'cd /base; cat dir/linked moved/a/swap-file; ls')"
}

@test "names of one file of an image stay one file when one of them is written to" {
	assert_equal "$(ours run --rm "$BASE" sh -ec '
		cd /base
		echo more >>linked.2
		cat linked.1 linked.3
		stat -c %h linked.3')" $'linked\nmore\nlinked\nmore\n3'
}

@test "rm -fa and rmi -fa leave nothing mounted, nothing running, and storage that can be removed" {
	ours run -d "$BASE" sleep 1000 >/dev/null
	ours run "$BASE" touch /file
	ours mount "$(ours create "$BASE" true)" >/dev/null
	ours image mount "$BASE" >/dev/null
	assert test -n "$(demo_leftovers)"
	ours rm -fa -t 0 >/dev/null
	ours rmi -fa >/dev/null
	wait_until nothing_left
	storage=$(demo_storage "lamina:$LAMINA_ENGINE")
	assert_equal "$(find "$storage/root/overlay" -mindepth 1 -maxdepth 1 ! -name l ! -name '.*')" ""
	if mountpoint -q "$storage/root/overlay"; then
		umount "$storage/root/overlay" # podman's own
	fi
	rm -rf "$storage"
	assert_missing "$storage"
}
