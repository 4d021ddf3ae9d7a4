#!/bin/sh
# Makes the base images that Dockerfile and docker-compose.yaml ask for, without an image registry: Debian's own
# packages, put together by debootstrap. For whoever cannot pull; everybody else leaves the defaults alone.
#
#   scripts/base-image.sh            both images: tidegate-base-python and tidegate-base-services
#   DEBIAN_MIRROR=…                  another mirror than debootstrap's default
#
# Needs root (debootstrap), debootstrap and a Docker engine; about two minutes. Then, in .env:
#   PYTHON_IMAGE=tidegate-base-python:bookworm
#   POSTGRES_IMAGE=tidegate-base-services:bookworm
#   REDIS_IMAGE=tidegate-base-services:bookworm
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "base-image: debootstrap needs root" >&2; exit 2; }
for tool in debootstrap docker; do
    command -v "$tool" >/dev/null || { echo "base-image: $tool is missing (apt-get install debootstrap docker.io)" >&2; exit 2; }
done
docker info >/dev/null 2>&1 || { echo "base-image: no Docker engine answers (DOCKER_HOST says where one is)" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

rootfs() { # name, packages
    debootstrap --variant=minbase --include="$2" bookworm "$work/$1" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/$1.log" 2>&1 ||
        { tail -5 "$work/$1.log" >&2; exit 1; }
    rm -rf "$work/$1"/var/cache/apt/archives/*.deb "$work/$1"/var/lib/apt/lists/* "$work/$1"/etc/apt/apt.conf.d/*proxy*
}

import() { # name, changes to the image's configuration
    name=$1
    shift
    tar -C "$work/$name" --numeric-owner -c . | docker import "$@" - "tidegate-base-$name:bookworm"
    rm -rf "${work:?}/$name"
}

rootfs python python3,python3-venv,ca-certificates
import python --change 'CMD ["python3"]'

# One image serves as both databases and as Redis. It keeps to what of the official images compose relies on: the
# programs on the path, uid 999, and an entry point that makes the database from POSTGRES_USER, …_DB, …_PASSWORD_FILE.
rootfs services postgresql,redis-server,ca-certificates
services=$work/services
rm -rf "$services"/var/lib/postgresql/*/main
chroot "$services" usermod --non-unique --uid 999 postgres
chroot "$services" groupmod --non-unique --gid 999 postgres
install -d -o 999 -g 999 -m 0700 "$services/var/lib/postgresql/data"
install -d -o 999 -g 999 -m 0755 "$services/run/postgresql" "$services/data"
install -m 0755 deploy/containers/postgres-entrypoint.sh "$services/usr/local/bin/docker-entrypoint.sh"
binaries=$(cd "$services" && echo usr/lib/postgresql/*/bin)
import services --change 'ENTRYPOINT ["docker-entrypoint.sh"]' --change 'CMD ["postgres"]' \
    --change "ENV PATH=/$binaries:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    --change 'ENV PGDATA=/var/lib/postgresql/data'
docker images --filter 'reference=tidegate-base-*'
