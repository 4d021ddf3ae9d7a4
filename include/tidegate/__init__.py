"""Tidegate: progressive delivery and disaster recovery as Airflow DAGs."""

__version__ = "0.1.0"
