#!/bin/sh
# Lay out the root of an image: Python without what builds and manages packages, the shared libraries that it and an
# environment load, a shell with common tools, and the files that those read.
#
#   root.sh FOLDER ENVIRONMENT
#
# Bases of Debian alone: paths are asked of Python, of the loader and of dpkg.
set -eu

to=$1 environment=$2
tools="bash cat chmod chown cp cut date dd df dirname du env false find grep gzip head hostname id ln ls mkdir mktemp mv
    readlink rm rmdir sed sh sleep sort stat tail tee test touch tr true uname uniq wc which xargs"

# put OPTIONS PATH...: the same paths in the folder
put() {
    options=$1
    shift
    for path; do
        mkdir -p "$to${path%/*}"
        cp "$options" "$path" "$to$path"
    done
}

# ---- folders; links in the place of folders first, all else is laid behind them --------------------
mkdir -p "$to"
for name in bin lib lib64 sbin; do
    if [ -L "/$name" ]; then
        mkdir -p "$to/$(readlink "/$name")"
        cp -a "/$name" "$to/"
    fi
done
install -d -m 0755 "$to/etc" "$to/proc" "$to/sys" "$to/dev" "$to/run" "$to/var/lib/dpkg" "$to/home" "$to/opt"
install -d -m 0700 "$to/root"
install -d -m 1777 "$to/tmp" "$to/var/tmp"

# ---- Python: compiled modules are those that ran before this -----------------------------------------
program=$(readlink -f "$(command -v python3)")
version=$("$program" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
library=$("$program" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
put -a "${program%/*}/python3" "${program%/*}/python$version" "$library"
(
    cd "$to/$library"
    rm -rf config-* dist-packages ensurepip idlelib lib2to3 pydoc_data site-packages/* sitecustomize.py test tkinter \
        turtle.py turtledemo lib-dynload/_test* lib-dynload/_ctypes_test* lib-dynload/_tkinter* lib-dynload/_xx*
)

# ---- tools, and every library that anything names, under the name it is asked for by ------------------
for tool in $tools; do
    path=$(command -v "$tool" || true)
    case $path in
        /*) put -L "$path" ;;
    esac
done
{
    echo "$program"
    find "$to" "$environment" -type f \( -name '*.so' -o -name '*.so.*' -o -perm -u+x \)
} | while read -r file; do
    # of a script, and of a library that misses an optional one, the lines that are paths
    ldd "$file" 2> /dev/null | grep -o '/[^ ]*\.so[^ ]*' || true
done | sort -u > /tmp/libraries
# what is opened while running
ldconfig -p | grep -Eo '/[^ ]*/lib(gcc_s|nss_dns|nss_files|resolv)\.so\.[0-9]+$' >> /tmp/libraries
grep -v "^$environment/" /tmp/libraries | sort -u | while read -r file; do
    put -L "$file"
done

# ---- what they read ----------------------------------------------------------------------------------
for path in /etc/passwd /etc/group /etc/nsswitch.conf /etc/host.conf /etc/services /etc/protocols /etc/debian_version \
    /etc/os-release /usr/lib/os-release /etc/ld.so.conf /etc/ld.so.conf.d /etc/ssl /usr/lib/ssl \
    /usr/share/ca-certificates /usr/share/zoneinfo; do
    if [ -e "$path" ]; then
        put -a "$path"
    fi
done
rm -rf "$to/usr/share/zoneinfo/right" "$to/usr/share/zoneinfo/posix"
ldconfig -r "$to"

# ---- whose files these are, for scanners, with their licences ------------------------------------------
find "$to" -type f | sed "s|^$to||" | sed 'p; s|^/usr/|/|' | xargs dpkg-query --search 2> /dev/null \
    | grep -v '^diversion ' | sed 's/: .*//; s/, /\n/g' | sort -u > /tmp/packages
xargs dpkg-query --status < /tmp/packages > "$to/var/lib/dpkg/status"
sed 's/:.*//' /tmp/packages | sort -u | while read -r package; do
    if [ -e "/usr/share/doc/$package/copyright" ]; then
        put -L "/usr/share/doc/$package/copyright"
    fi
done
du -sm "$to"
