"""A visit to the UI: people with a real browser, on a real Airflow, with the lab and its load. ``make ui``."""
