"""Rehearsals: the same plans as in production, on an environment that is broken on purpose. Knows no Airflow but its
REST API."""
