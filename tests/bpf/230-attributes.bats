#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Attributes that are changed in a writable view, of what is new and of what has to be copied up: as
# in an overlayfs of the same layers.

load helpers

make_layers() {
	mkdir -p 1/dir 2/dir
	for i in file suid sgid sgid-alone capable timed own truncated marked; do
		echo "$i" >"1/$i"
	done
	ln -s target 1/link
	mkfifo 1/fifo
	mknod 1/null c 1 3
	echo two >2/dir/two
	chown 1000:1000 1/{suid,sgid,sgid-alone,own,capable}
	chmod 6755 1/suid
	chmod 2755 1/sgid
	chmod 2744 1/sgid-alone
	chmod 600 1/own
	setcap cap_net_raw+ep 1/capable
	setfattr -n user.x -v x 1/marked
	setfacl -m u:1001:rwx,g:1002:r 1/marked
	beside 1 2
}

unmounts_alike() {
	alike
	unmount mnt ovl
	beside 1 2
	alike
	unmount mnt ovl
}

@test "modes and owners, of objects of every type" {
	make_layers
	same \
		'chmod 640 file dir; chmod 4711 own; chmod 600 fifo null; stat -c "%n %a" *' \
		'chown 5:6 file dir fifo null && chown -h 7:8 link; stat -c "%n %u %g %a" *' \
		'chown 5:6 suid sgid sgid-alone && stat -c "%n %u %g %a" suid sgid sgid-alone' \
		'echo x >new && chmod 6777 new && chgrp 9 new && stat -c "%u %g %a" new' \
		'chown 5 capable && getcap capable'
	unmounts_alike
}

@test "what somebody without rights may change, and what is stripped then" {
	make_layers
	same_as 1000 \
		'chmod 2711 own && stat -c %a own' \
		'chgrp 1000 suid sgid sgid-alone && stat -c "%n %a" suid sgid sgid-alone' \
		'chown 5 own; chgrp 6 own; chmod 600 file; touch -d 2020-01-01 file; touch file' \
		'truncate -s 1 suid sgid sgid-alone && stat -c "%n %a %s" suid sgid sgid-alone' \
		'echo x >>capable && getcap capable'
	same_as 1001 'echo x >>marked && cat marked; echo x >>own; rm own; chmod 600 marked'
	same_as 1000 \
		'setfattr -n user.y -v y own && setfattr -n trusted.y -v y own; setfattr -n security.y -v y own' \
		'setfacl -m u:3:r own && getfacl -c own; setfacl -m u:3:r file'
	unmounts_alike
}

@test "times" {
	make_layers
	same \
		'touch -d "2020-01-02 03:04:05.123456789" timed dir fifo && stat -c "%n %y" timed dir fifo' \
		'touch -h -d "2021-01-02 03:04:05.5" link && stat -c %y link' \
		'touch -m -d "2022-01-01" timed && touch -a -d "2023-01-01" timed && stat -c "%x %y" timed' \
		'touch -d "1901-01-01" timed; touch -d "2400-01-01" file; stat -c %y timed file'
	# A change is later than what was there.
	same 'touch timed && [[ $(stat -c %Y timed) -gt 1700000000 ]] && [[ $(stat -c %Z link) -gt 1700000000 ]]'
	unmounts_alike
}

@test "sizes" {
	make_layers
	same \
		'truncate -s 3 truncated && cat truncated && truncate -s 10000 truncated && md5sum <truncated' \
		'truncate -s 0 file && stat -c %s file && >own && stat -c %s own' \
		'truncate -s 5 dir; truncate -s 5 none/x; truncate -s 99999999999999999 truncated'
	unmounts_alike
}

@test "extended attributes and ACLs" {
	make_layers
	same \
		'setfattr -n user.x -v y marked && setfattr -n user.y -v z marked && getfattr -d marked' \
		'setfattr -x user.x marked; setfattr -x user.x marked; getfattr -d marked' \
		'setfattr -n user.x -v y link; setfattr -h -n trusted.x -v y link && getfattr -h -n trusted.x link' \
		'setfattr -n user.x -v y dir && setfattr -n user.x -v y fifo; getfattr -d dir' \
		'setfattr -n security.x -v y file && getfattr -n security.x file; setfattr -n nonsense.x -v y file' \
		'setfacl -x u:1001 marked && getfacl -c marked && setfacl -b marked && getfacl -c marked' \
		'setfacl -d -m u:5:rwx dir && mkdir dir/sub && getfacl -c dir dir/sub' \
		'setfacl -k dir && getfacl -c dir; setfacl -d -m u:5:r file' \
		'setfacl -m u:6:rw file && chmod 600 file && getfacl -c file && chmod 660 file && getfacl -c file' \
		'setfattr -n user.big -v "$(head -c 3000 /dev/zero | tr "\0" x)" file && getfattr -n user.big file | md5sum'
	unmounts_alike
}

@test "file flags: what is immutable can't be changed, and what is append-only only grows" {
	make_layers
	same \
		'chattr +i file && echo x >>file; rm file; chmod 600 file; mv file f; ln file l; lsattr file' \
		'chattr +a own && echo x >>own && echo x >own; rm own; truncate -s 0 own; cat own' \
		'chattr +i dir && touch dir/x; rm dir/two; mv dir dir2' \
		'chattr -i file dir && chattr -a own && echo x >>file && rm own && touch dir/x'
	same_as 1000 'chattr +i suid; chattr +d file'
	same 'chattr +d file && lsattr file | cut -d" " -f1'
	unmounts_alike
}
