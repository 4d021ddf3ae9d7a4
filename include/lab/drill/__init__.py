"""``make drill``: two labs, one of them to be broken, and the nightly drill's DAG on a real Airflow."""
