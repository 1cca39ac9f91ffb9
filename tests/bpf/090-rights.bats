#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may do what: the task against the view, and the maker of the view against the layer.

load helpers

@test "modes are obeyed" {
	mkdir -p layer/{open,closed,search}
	echo text | tee layer/{public,group,private} layer/{open,closed,search}/file
	chmod 644 layer/public
	chmod 640 layer/group
	chown :1000 layer/group
	chmod 600 layer/private
	chmod 700 layer/closed
	chmod 711 layer/search
	mnt layer
	is text as 1000 cat mnt/public
	is text as 1000 cat mnt/group
	fails 'Permission denied' as 1001 cat mnt/group
	fails 'Permission denied' as 1000 cat mnt/private
	is text as 1000 cat mnt/open/file
	fails 'Permission denied' as 1000 cat mnt/closed/file
	is text as 1000 cat mnt/search/file
	fails 'Permission denied' as 1000 ls mnt/search
	is text cat mnt/private
	unmount mnt
}

@test "ACLs are obeyed" {
	mkdir -p layer/d
	echo text | tee layer/d/file layer/other
	chmod 600 layer/d/file
	chmod 644 layer/other
	chmod 700 layer/d
	setfacl -m u:1000:x layer/d
	setfacl -m u:1000:r layer/d/file
	setfacl -m u:1001:- layer/other
	mnt layer
	is text as 1000 cat mnt/d/file
	fails 'Permission denied' as 1002 cat mnt/d/file
	fails 'Permission denied' as 1001 cat mnt/other
	is text as 1002 cat mnt/other
	is "$(getfacl -c layer/d)" getfacl -c mnt/d
	unmount mnt
}

@test "the layer's file system doesn't see who reads" {
	mkdir -p layer outer
	echo text >layer/file
	chmod 700 .
	mkdir -p /scratch/open.$$
	ok view "/scratch/open.$$" layer
	is text as 1000 cat "/scratch/open.$$/file"
	unmount "/scratch/open.$$"
	rmdir "/scratch/open.$$"
	chmod 755 .
}

@test "a view gives nobody what its maker can't reach" {
	mkdir -p layer/d mnt
	echo text | tee layer/file layer/d/file
	chown -R 1000 layer/*
	chmod 600 layer/file
	chmod 700 layer/d
	ok capsh --drop=cap_dac_override,cap_dac_read_search -- -c "PATH=$PATH view mnt layer"
	fails 'Permission denied' as 1000 cat mnt/file
	fails 'Permission denied' as 1000 cat mnt/d/file
	fails 'Permission denied' as 1000 ls mnt/d
	fails 'Permission denied' cat mnt/file
	unmount mnt
}

@test "a merged listing fails where its maker can't read" {
	mkdir -p 1/d 2/d mnt
	touch 1/d/1 2/d/2
	chown 1000 2/d
	chmod 711 2/d
	ok capsh --drop=cap_dac_override,cap_dac_read_search -- -c "PATH=$PATH view mnt 1 2"
	fails 'Permission denied' ls mnt/d
	ok stat mnt/d/1 mnt/d/2
	fails 'No such file' stat mnt/d/3
	unmount mnt
}

@test "setuid programs and file capabilities work, and nosuid is obeyed" {
	mkdir layer
	cp /bin/cat layer/suid
	cp /bin/cat layer/caps
	echo secret >secret
	chmod 600 secret
	chmod u+s layer/suid
	setcap cap_dac_override+ep layer/caps
	mnt layer
	is secret as 1000 mnt/suid secret
	is secret as 1000 mnt/caps secret
	ok mount -o remount,bind,nosuid mnt
	fails 'Permission denied' as 1000 mnt/suid secret
	fails 'Permission denied' as 1000 mnt/caps secret
	ok mount -o remount,bind,noexec mnt
	fails 'Permission denied' mnt/suid secret
	unmount mnt
}

@test "trusted attributes are for the administrator" {
	mkdir layer
	touch layer/file
	setfattr -n trusted.x -v y layer/file
	setfattr -n user.x -v z layer/file
	mnt layer
	log as 1000 getfattr -dm- mnt/file
	[[ $status == 0 && $output == *user.x* && $output != *trusted* ]]
	fails 'No such attribute' as 1000 getfattr -n trusted.x mnt/file
	is y getfattr --only-values -n trusted.x mnt/file
	unmount mnt
}

@test "a layer on an id-mapped mount shows mapped owners" {
	mkdir -p layer mapped mnt
	echo text >layer/file
	chown 10:20 layer/file
	chmod 600 layer/file
	setfacl -m u:30:r layer/file
	ok mount --bind -o X-mount.idmap=b:0:100000:1000 layer mapped
	ok view mnt mapped
	is '100010 100020' stat -c '%u %g' mnt/file
	ok getfacl -cn mnt/file
	[[ $output == *user:100030:r--* ]]
	is text as 100010 cat mnt/file
	is text as 100030 cat mnt/file
	fails 'Permission denied' as 10 cat mnt/file
	fails 'Permission denied' as 30 cat mnt/file
	unmount mapped
	is '100010 100020' stat -c '%u %g' mnt/file
	unmount mnt
}

@test "a view in a user namespace" {
	mkdir -p layer/own mnt
	echo text >layer/own/file
	echo secret >layer/secret
	chmod 600 layer/secret
	chown -R 1000:1000 layer/own
	cp /bin/cat layer/suid
	chmod 4755 layer/suid
	cat >inside <<-EOF
		set -e
		view -o marks=user -o allow_other mnt layer
		cat mnt/own/file
		stat -c '%u %u' mnt/own/file mnt/secret
		! cat mnt/secret
		! echo x >mnt/own/file
		mnt/suid mnt/own/file
		umount mnt
	EOF
	log as 1000 unshare -Urm env "PATH=$PATH" bash inside
	[[ $status == 0 && $output == *$'text\n0 0\n65534 65534'* ]]
}

@test "who can mount overlayfs in a user namespace can mount a view there, and sees the same" {
	mkdir -p {1,2}/{d,opaque} mnt
	echo text | tee {1,2}/d/{both,gone} 2/opaque/below >2/d/two
	echo secret >2/d/secret
	ln -s both 2/d/link
	setfattr -n user.x -v y 1/d/both
	setfattr -n user.overlay.opaque -v y 1/opaque
	chmod 600 2/d/secret
	rm 1/d/gone
	chown -R 1000:1000 1 2/d/both
	cat >inside <<-EOF
		set -e
		mknod 1/d/gone c 0 0
		mount -t overlay -o userxattr,lowerdir=1:2 overlay mnt
		dump -l mnt >/tmp/ovl
		umount mnt
		lamina mount -o lowerdir=1:2 mnt
		dump mnt >/tmp/view
		umount mnt
		diff -u /tmp/ovl /tmp/view
		grep -c . /tmp/view
	EOF
	chmod 755 inside
	fails "no filter 'overlay' is loaded" as 1000 unshare -Urm env "PATH=$PATH" lamina mount -o lowerdir=1:2 mnt
	load_filter overlay
	ok as 1000 unshare -Urm env "PATH=$PATH" bash -c 'mount -t tmpfs tmp /tmp && . ./inside'
	unload overlay
}

@test "another user namespace can't use a mount of its parent's layers as its own" {
	mkdir -p layer mnt
	fails EPERM as 1000 unshare -Ur env "PATH=$PATH" view mnt layer
}

@test "a view can't be made without privilege" {
	mkdir -p layer mnt
	fails EPERM as 1000 env "PATH=$PATH" view mnt layer
}
