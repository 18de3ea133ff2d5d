#!/bin/sh
# in-managed-var.sh PYTHON CLIENT FUNCTION BOOTSTRAP COMMAND...: runs the command with a /var as on
# a Managed Instance: lang, runtime and task beside what the host has there. Needs a mount namespace
# of its own and a private /tmp. The runtime's user is not the one who owns the checkout, and may
# have no way into its folders: hence the mounts.
set -eu
new=/tmp/.var
mkdir "$new"
mount -t tmpfs -o mode=755 var "$new"
show() {
  mkdir -p "$new/$2"
  mount --rbind "$1" "$new/$2"
}
for path in /var/*; do
  name=${path#/var/}
  case $name in lang | runtime | task) continue ;; esac
  if [ -L "$path" ]; then
    cp -P "$path" "$new/$name"
  elif [ -d "$path" ]; then
    show "$path" "$name"
  fi
done
show "$1" lang
show "$2" runtime/client
show "$3" task
cp "$4" "$new/runtime/bootstrap"
chmod 755 "$new/runtime/bootstrap"
shift 4
mount --rbind "$new" /var
exec "$@"
