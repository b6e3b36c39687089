#!/bin/sh
# Runs the README's two commands in a bare Debian 12: debootstrap's smallest, with what the README
# names and nothing else. By hand, as root; needs the package debootstrap, 15 GB and an hour:
#
#   tools/bare-debian.sh /var/tmp/bare          # makes the folder, or uses the one that is there
#   umount -R /var/tmp/bare/proc /var/tmp/bare/sys /var/tmp/bare/dev; rm -rf /var/tmp/bare
#
# Rust and Node are copied from this machine, for Debian's own are too old. The sources are a clone of
# what is committed.
set -eu

root=${1:?usage: tools/bare-debian.sh FOLDER}
sources=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)

if [ ! -x "$root/bin/sh" ]; then
  debootstrap --variant=minbase \
    --include=build-essential,python3,git,curl,ca-certificates bookworm "$root"
fi
security='deb http://deb.debian.org/debian-security bookworm-security main'
echo "$security" > "$root/etc/apt/sources.list.d/security.list"
for folder in proc sys dev; do
  mountpoint -q "$root/$folder" || mount --rbind --make-rslave "/$folder" "$root/$folder"
done
cp /etc/resolv.conf "$root/etc/resolv.conf"
printf '127.0.0.1 localhost\n::1 localhost\n' > "$root/etc/hosts"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"

# Rust: the toolchain that this machine uses, under the same names.
mkdir -p "$root/root/.cargo/bin"
cp -a "${RUSTUP_HOME:-$HOME/.rustup}" "$root/root/"
cp -a "${CARGO_HOME:-$HOME/.cargo}/bin/." "$root/root/.cargo/bin/"
# Node with npm, where the program finds its own modules.
node=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
mkdir -p "$root/opt/node/bin" "$root/opt/node/lib/node_modules"
cp -a "$node/bin/node" "$root/opt/node/bin/"
cp -a "$node/lib/node_modules/npm" "$root/opt/node/lib/node_modules/"
ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/opt/node/bin/npm"
ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$root/opt/node/bin/npx"

rm -rf "$root/root/sources"
git clone --quiet "$sources" "$root/root/sources"

inside() {
  env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
    PATH=/root/.cargo/bin:/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$root" sh -ec "cd /root/sources; $1"
}

# The first command: until it says that the product runs, and answers.
inside '
  cargo xtask run --listen 127.0.0.1:0 > /tmp/run.log 2>&1 &
  running=$!
  until grep -q "Ctrl-C stops everything" /tmp/run.log; do
    kill -0 $running || { cat /tmp/run.log; exit 1; }
    sleep 1
  done
  address=$(sed -n "s|.*runs at \(http[^ ]*\)/\$|\1|p" /tmp/run.log)
  curl --fail --silent "$address/health"
  kill $running
'
# The second command.
inside 'cargo xtask test'
