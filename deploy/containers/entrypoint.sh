#!/bin/sh
# First process of every Tidegate container. What follows from something else is set here, so that nobody has to
# keep the two equal: the executor from the one setting COMPOSE_PROFILES, the place of connections where no secrets
# backend is named, and the log-in file, which Airflow wants to write, from the secret.
set -eu
case ",${TIDEGATE_PROFILES-unset}," in
    ,unset,) ;; # not docker-compose.yaml: whoever runs this image says so in Airflow's own ways
    *,celery,*) export AIRFLOW__CORE__EXECUTOR=CeleryExecutor ;;
    *) export AIRFLOW__CORE__EXECUTOR=LocalExecutor ;;
esac
if [ "${1:-} ${2:-}" = "airflow celery" ] && [ "${AIRFLOW__CORE__EXECUTOR:-}" = LocalExecutor ]; then
    echo "this worker would wait for ever: the scheduler runs $AIRFLOW__CORE__EXECUTOR" >&2
    echo "  what to do: put celery into COMPOSE_PROFILES in .env, instead of --profile on the command line" >&2
    exit 2
fi
if [ -z "${AIRFLOW__SECRETS__BACKEND:-}" ]; then
    unset AIRFLOW__SECRETS__BACKEND AIRFLOW__SECRETS__BACKEND_KWARGS
    if [ "${TIDEGATE_PROFILES+set}" ]; then
        export AIRFLOW__SECRETS__BACKEND=airflow.secrets.local_filesystem.LocalFilesystemBackend
        export AIRFLOW__SECRETS__BACKEND_KWARGS='{"connections_file_path": "/run/tidegate/connections/connections.json"}'
    fi
fi
mkdir -p "$AIRFLOW_HOME"
if [ -r /run/tidegate/airflow/people.json ]; then
    umask 077
    cp /run/tidegate/airflow/people.json "$AIRFLOW_HOME/people.json"
    umask 022
fi
exec "$@"
