# Tidegate with Airflow 3.3.2, for docker-compose.yaml and for clusters: one image for every service of Airflow, its Celery
# workers and the journal's witness. With LOCK=requirements-lab.txt it also holds the sample two-region shop.
#
# Builds with Docker's classic builder and with BuildKit. The base image is an argument; scripts/base-image.sh makes one
# where none can be pulled. Packages come from the build's own package index, or from deploy/wheels/ if
# scripts/wheelhouse.sh has filled it: then the build needs no network, and leaves no trace of anybody's settings.
ARG PYTHON_IMAGE=python:3.11.13-slim-bookworm

# hadolint ignore=DL3006 # the tag is part of the argument
FROM ${PYTHON_IMAGE} AS packages
ARG LOCK=requirements-celery.txt
WORKDIR /build
COPY requirements-celery.txt requirements-lab.txt ./
COPY deploy/wheels/ wheels/
RUN python3 -m venv /opt/venv \
    && if [ -n "$(find wheels -name '*.whl')" ]; then set -- --no-index --find-links wheels; fi \
    && /opt/venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes "$@" -r "$LOCK" \
    && /opt/venv/bin/pip uninstall --yes --quiet pip \
    && /opt/venv/bin/python -c 'import airflow, celery, psycopg'

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
# One uid for all services of compose, the databases' own; what keeps them apart is which volumes each is given.
RUN groupadd --gid 999 tidegate && useradd --uid 999 --gid 999 --create-home --home-dir /home/tidegate tidegate \
    && for kept in airflow connections journal metadata redis witness; do \
        install -d -o tidegate -g tidegate -m 0700 "/run/tidegate/$kept"; done \
    && for kept in /var/lib/tidegate /var/lib/tidegate-heads /var/lib/tidegate-key /var/log/tidegate /opt/tidegate/build; do \
        install -d -o tidegate -g tidegate -m 0755 "$kept"; done
COPY --from=packages /opt/venv /opt/venv
COPY pyproject.toml LICENSE README.md /opt/tidegate/
COPY dags /opt/tidegate/dags
COPY plugins /opt/tidegate/plugins
COPY include /opt/tidegate/include
COPY deploy/containers /opt/tidegate/deploy/containers
# The code stays where it is beside dags/ and plugins/: one root for imports, as in a checkout.
RUN printf '%s\n' /opt/tidegate/include >"$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tidegate.pth" \
    && printf '%s\n' '#!/opt/venv/bin/python' 'from tidegate.cli import main' 'raise SystemExit(main())' >/opt/venv/bin/tidegate \
    && chmod 0755 /opt/venv/bin/tidegate \
    && /opt/venv/bin/python -m compileall -q /opt/tidegate/include
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    GX_ANALYTICS_ENABLED=false \
    AIRFLOW_HOME=/home/tidegate/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/tidegate/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/tidegate/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
    TIDEGATE_HOME=/var/lib/tidegate
WORKDIR /opt/tidegate
USER 999:999
ENTRYPOINT ["/opt/tidegate/deploy/containers/entrypoint.sh"]
CMD ["airflow", "version"]
