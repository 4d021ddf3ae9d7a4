#!/bin/sh
# The demo's story in containers: from nothing to a promoted release and a caught one, with the times.
#   scripts/compose-test.sh local     LocalExecutor
#   scripts/compose-test.sh celery    CeleryExecutor with Redis and two workers
# Needs a Docker engine and docker-compose 1.29 or Compose v2. Images: those of .env, or the defaults. What it starts is a
# project of its own (containers, volumes, network) and is removed at the end; KEEP=1 leaves it running, NO_BUILD=1 uses
# the images as they are, LOCK=FILE holds that lock while the story plays, where others measure on the same machine.
set -eu
cd "$(dirname "$0")/.."
executor=${1:-local}
case $executor in
    local) profiles=lab workers='' ;;
    celery) profiles=lab,celery workers='--scale worker=2' ;;
    *) echo "compose-test: local or celery, not '$executor'" >&2; exit 2 ;;
esac
if ! command -v docker >/dev/null 2>&1 || ! docker info >/dev/null 2>&1; then
    echo "compose-test: no Docker engine answers here, so nothing was tested" >&2
    echo "  what to do: start one, or point DOCKER_HOST at one (apt-get install docker.io docker-compose)" >&2
    exit 2
fi
if command -v docker-compose >/dev/null 2>&1; then compose=docker-compose
elif docker compose version >/dev/null 2>&1; then compose='docker compose'
else echo "compose-test: neither docker-compose nor docker compose is installed" >&2; exit 2; fi

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export COMPOSE_PROFILES=$profiles COMPOSE_PROJECT_NAME="tidegate-test-$executor" TIDEGATE_PORT="$port"
out=build/compose-$executor
began=$(date +%s)
say() { printf '[%4ss] %s\n' "$(($(date +%s) - began))" "$1"; }
containers() { docker ps --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"; }
clean() { $compose down --volumes --remove-orphans --timeout 20 >/dev/null 2>&1 || true; }
finish() {
    [ "$1" = 0 ] || { mkdir -p "$out" && $compose logs --no-color >"$out/containers.log" 2>&1; }
    if [ -n "${KEEP:-}" ]; then say "left running at http://127.0.0.1:$port (project $COMPOSE_PROJECT_NAME)"; else clean; fi
}
trap 'code=$?; trap - EXIT; finish $code; exit $code' EXIT
trap 'exit 130' INT TERM

clean
mkdir -p "$out"
[ -n "${NO_BUILD:-}" ] || { $compose build --quiet && say "images are built"; }
began=$(date +%s)
# shellcheck disable=SC2086
$compose up --detach --no-build $workers >"$out/up.log" 2>&1 || { tail -20 "$out/up.log" >&2; exit 1; }
say "all containers are started (docker-compose up returned)"
wanted=$(containers | wc -l)
while :; do
    states=$(containers | xargs docker inspect --format '{{.Name}} {{if .State.Health}}{{.State.Health.Status}}{{end}}')
    [ "$(printf '%s\n' "$states" | grep -c ' healthy$')" = "$wanted" ] && break
    if [ $(($(date +%s) - began)) -gt 600 ]; then
        printf 'compose-test: not healthy within 600 s:\n%s\n' "$states" >&2
        exit 1
    fi
    sleep 1
done
say "all $wanted containers are healthy"
if ${LOCK:+flock "$LOCK"} $compose exec -T lab python -m lab.story demo; then code=0; else code=$?; fi
say "the story has ended, exit code $code"
docker cp "$($compose ps -q lab):/opt/tidegate/build/demo/." "$out/" >/dev/null
echo "tasks by container (short id):"
# shellcheck disable=SC2016
$compose exec -T metadata-db sh -c 'PGPASSWORD=$(cat /run/tidegate/metadata/password) psql -h 127.0.0.1 -U airflow -At \
    -F "  " -c "select hostname, count(*) from task_instance where hostname <> \$\$\$\$ group by 1" airflow' | sed 's/^/  /' || true
echo "memory and processes:"
containers | xargs docker stats --no-stream --format '  {{.Name}}  {{.MemUsage}}  {{.PIDs}}' | sed 's/ \/ [^ ]*//'
echo "report: $out/report.html and report.json"
exit "$code"
