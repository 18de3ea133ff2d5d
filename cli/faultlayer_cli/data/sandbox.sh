#!/bin/sh
# sandbox.sh LAYER TMP SIZE FOLDER KEPT... -- COMMAND...: runs the command in FOLDER as Lambda
# would, with the layer's tree at /opt and a /tmp of its own. Needs a mount namespace of its own,
# with which all of this ends.
#   /opt shows the host's entries too (an interpreter may live there). The layer's win, and the
#   host's `extensions` is hidden, since Lambda starts everything in it.
#   /tmp is the folder TMP or, where SIZE (in MB) is not empty, memory of that size; it shows the
#   KEPT entries of the host's: the function's own folder may be in there.
set -eu
layer=$1 tmp=$2 size=$3 folder=$4
shift 4

show() { # show SOURCE TARGET
  if [ -L "$1" ]; then
    cp -P "$1" "$2"
  elif [ -d "$1" ]; then
    mkdir -p "$2"
    mount -c --rbind "$1" "$2"
  elif [ -e "$1" ]; then
    : > "$2"
    mount -c --bind "$1" "$2"
  fi
}

# The working directory stays what it was whatever is mounted over it; hence mount -c and ./
cd /opt
mount -t tmpfs -o mode=755 faultlayer /opt
for entry in ./* ./.[!.]*; do
  [ "$entry" = ./extensions ] || [ -e "$layer/$entry" ] || show "$entry" "/opt/$entry"
done
for entry in "$layer"/*; do
  show "$entry" "/opt/${entry##*/}"
done
mount -o remount,bind,ro /opt

cd /tmp
if [ -n "$size" ]; then
  mount -t tmpfs -o "mode=1777,size=${size}m" faultlayer /tmp
else
  mount --bind "$tmp" /tmp
fi
while [ "$1" != -- ]; do
  show "./$1" "/tmp/$1"
  shift
done
shift
cd "$folder"
unset OLDPWD
exec "$@"
