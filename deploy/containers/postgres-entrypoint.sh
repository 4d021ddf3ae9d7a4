#!/bin/sh
# Stands in for the official PostgreSQL image's entry point where scripts/base-image.sh made the image: a cluster from
# POSTGRES_USER, POSTGRES_DB and POSTGRES_PASSWORD_FILE at the first start, then the server. Anything else is just run.
set -eu
if [ "${1:-}" != postgres ]; then
    exec "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    if [ "${POSTGRES_DB:-$POSTGRES_USER}" != postgres ]; then
        echo "create database \"${POSTGRES_DB:-$POSTGRES_USER}\"" | postgres --single -D "$PGDATA" postgres >/dev/null
    fi
fi
shift
exec postgres -c listen_addresses='*' "$@"
