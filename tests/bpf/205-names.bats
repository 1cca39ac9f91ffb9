#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Names that are made, removed and renamed in a writable view. What each leaves is compared with an
# overlayfs of the same layers, and so is the tree when both are mounted anew.

load helpers

make_layers() {
	mkdir -p 1/{dir,only1,deep/er/est,gone} 2/{dir,only2,deep/er,gone}
	echo one | tee 1/{file,dir/one,dir/both,only1/x,deep/er/est/x,gone/x} >/dev/null
	echo two | tee 2/{file2,dir/two,dir/both,only2/y,deep/er/y,gone/y} >/dev/null
	ln -s target 1/symlink
	mkfifo 1/fifo
	mknod 1/null c 1 3
	mkdir 1/empty 2/empty2
	touch 1/{a,b,c,d} 2/{e,f}
}

# Both are mounted anew, and still look the same.
remounted() {
	alike
	unmount mnt ovl
	beside "$@"
	alike
	unmount mnt ovl
}

@test "objects are created as on overlayfs, whatever they are" {
	make_layers
	beside 1 2
	same \
		'echo new >new && cat new && stat -c "%a %u %g %s %F" new' \
		'mkdir newdir && stat -c "%a %h %F" newdir && mkdir newdir/in newdir/in/in' \
		'ln -s a/b/c newlink && readlink newlink' \
		'mkfifo newfifo && mknod newnull c 1 3 && mknod newblock b 7 0 && stat -c "%F %t %T" newfifo newnull newblock' \
		'echo in >dir/new && echo in >deep/er/est/new && mkdir only2/sub && ls only2' \
		'mkdir dir' \
		'echo x >newdir' \
		'mkdir file/sub' \
		'mkdir none/sub' \
		'mknod whiteout c 0 0' \
		'mkdir -p p/q/r/s && touch p/q/r/s/t && find p | sort'
	[[ $(upcalls COPY_UP) == 3 && $(upcalls) == 3 ]]
	remounted 1 2
}

@test "modes, owners, umask, setgid directories and default ACLs of new objects" {
	make_layers
	chmod 2777 1/dir
	chgrp 1000 1/dir
	chmod 777 1/only1 1
	setfacl -d -m u:1001:rwx,g:1002:r-x 1/only1
	beside 1 2
	same \
		'umask 027; touch u; mkdir ud; stat -c "%a" u ud' \
		'umask 0; touch dir/sg; mkdir dir/sgd; stat -c "%a %g" dir/sg dir/sgd'
	for what in mnt ovl; do
		ok as 1003 bash -c "umask 022; touch $what/dir/by $what/only1/by; mkdir $what/only1/byd"
	done
	same 'stat -c "%a %u %g" dir/by only1/by only1/byd; getfacl -c only1/by only1/byd'
	remounted 1 2
}

@test "names are removed as on overlayfs" {
	make_layers
	beside 1 2
	same \
		'rm file symlink fifo null && ls' \
		'echo x >new && rm new && ls new' \
		'rm dir/both && ls dir && cat dir/both' \
		'rmdir dir; ls dir' \
		'rmdir empty empty2 && ls' \
		'rm dir/one dir/two && rmdir dir && ls; ls dir' \
		'rm -r gone && ls' \
		'mkdir gone && ls gone && echo back >gone/x && ls gone' \
		'echo back >file && cat file && rm file && cat file' \
		'mkdir -p new/x/y && rm -r new && ls' \
		'rmdir file2; rm -d only2; rm none; rmdir none' \
		'ln -s x symlink && mkfifo fifo && mkdir null && ls -F'
	remounted 1 2
}

@test "files are renamed as on overlayfs" {
	make_layers
	beside 1 2
	same \
		'mv a a2 && ls && cat a2' \
		'mv -f b c && ls' \
		'echo new >n && mv -f n d && cat d && mv -f d e && cat e && ls' \
		'mv f dir/f && ls dir' \
		'mv dir/one dir/both && cat dir/both && ls dir' \
		'echo n >n && mv n a && cat a && mv a a3 && ls' \
		'rm c && echo n >n && mv n c && cat c' \
		'mv symlink sym2 && readlink sym2 && mv fifo null dir && ls dir' \
		'mv file dir/../file; mv -T file dir' \
		'ln e e2 && mv -T e e2; ls'
	remounted 1 2
}

@test "directories are renamed as on overlayfs" {
	make_layers
	beside 1 2
	same \
		'mkdir n && touch n/x && mv n m && ls m && mv m dir && ls dir/m' \
		'mv dir dir2 && ls -R dir2 && cat dir2/one dir2/two dir2/both && ls' \
		'mkdir dir && ls dir && touch dir/own && ls dir' \
		'mv deep only1/deep && find only1 | sort && cat only1/deep/er/est/x' \
		'mv only1/deep/er only1/er && find only1 | sort' \
		'rm dir2/one && mv dir2 dir3 && ls dir3' \
		'mkdir t && mv -T t empty && ls -d t; ls empty' \
		'mkdir t && mv -T t gone; ls gone; rmdir t' \
		'mv -T gone empty2 && ls empty2' \
		'mv only2 only2/x; mv -T dir dir3; ls' \
		'rm -r empty2 && mkdir q && mv q empty2 && ls empty2'
	remounted 1 2
}

@test "renames with flags are as on overlayfs" {
	make_layers
	beside 1 2
	same \
		'rename2 a b exchange && ls && cat a b' \
		'rename2 a dir exchange; ls -F | sed -n 1,20p; ls a' \
		'rename2 a none exchange' \
		'rename2 b c noreplace; rename2 b new noreplace && ls' \
		'rename2 c d whiteout' \
		'mkdir n && rename2 n only1 exchange && ls n only1' \
		'rename2 only1 only2 exchange && ls only1 only2'
	remounted 1 2
}

@test "hard links" {
	make_layers
	ln 1/a 1/a2
	ln 1/a 1/dir/a3
	beside 1 2
	same \
		'ln b blink && stat -c %h b blink && echo x >b && cat blink' \
		'ln blink dir/bl && rm b && cat blink dir/bl && stat -c %h blink' \
		'echo all >a && cat a a2 dir/a3 && stat -c %h a a2 dir/a3' \
		'rm a2 && stat -c %h a dir/a3 && echo more >>dir/a3 && cat a' \
		'ln a a4 && stat -c %h a && mv a4 dir/a5 && rm a && stat -c %h dir/a3 && cat dir/a5' \
		'rm e && ln blink e && cat e && stat -c %h e' \
		'ln dir dl; ln none x; ln b b; ln symlink sl && readlink sl && stat -c %h sl' \
		'mv c dir/a3 && cat dir/a5 && stat -c %h dir/a5 dir/a3'
	remounted 1 2
}

@test "a directory in use stays what it is when it is copied up and renamed" {
	make_layers
	writable 1 2
	cd mnt/deep/er
	ino=$(stat -c %i . est)
	touch est/new
	is "$ino" stat -c %i . est
	exec 7<est
	mv "$W/mnt/deep" "$W/mnt/moved"
	is "$W/mnt/moved/er" /bin/pwd
	is "$ino" stat -c %i . est
	is "$W/mnt/moved/er/est" readlink /proc/self/fd/7
	touch /proc/self/fd/7/x2 est/x3
	is $'new\nx\nx2\nx3' ls est
	echo y >>y
	is $'two\ny' cat y
	exec 7<&-
	cd "$W"
	unmount mnt
}

@test "listings agree with lookups, while names change" {
	make_layers
	for i in {1..200}; do echo "$i" >"1/dir/n$i"; done
	beside 1 2
	same 'rm dir/n{1..200..3}; for i in {1..200..7}; do echo new >dir/n$i; done
		for i in {1..100}; do echo x >dir/m$i; done; ls dir | sort'
	sound mnt
	same 'rm -r dir && ls'
	remounted 1 2
}
