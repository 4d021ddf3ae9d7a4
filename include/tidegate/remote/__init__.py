"""Tidegate from elsewhere: asking for an operation through Airflow's REST API, and following it to its end.

Nothing here touches the journal or the estate. What is asked for is a DAG run, whose id comes from the request's; what
is told comes from Airflow and from Tidegate's own pages inside it.
"""
