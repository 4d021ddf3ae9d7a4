"""How containers of Airflow learn where the lab is."""

from __future__ import annotations

import json
from pathlib import Path

from airflow.secrets.local_filesystem import load_connections_dict

from lab import connections, secret_values
from lab.airflow import AirflowSite
from lab.container import connections as as_airflow_wants
from lab.places import Places
from lab.ports import Ports, names


def test_airflow_reads_the_connections_that_the_lab_writes(tmp_path: Path) -> None:
    site = AirflowSite(Places(tmp_path), Ports({n: i for i, n in enumerate(names(), 20000)}), secret_values.generate())
    file = tmp_path / "connections.json"
    file.write_text(json.dumps(as_airflow_wants(connections.environment(site))))
    found = load_connections_dict(str(file))
    assert set(found) >= {"shop_edge_admin", "shop_east", "shop_west", "shop_db_east", "shop_db_west"}
    assert found["shop_east"].port == site.ports["east-supervisor"]
    assert found["shop_east"].extra_dejson["conf"] == "lab/east/conf.d"
    assert found["shop_db_west"].password == site.secrets["database-tidegate"]
