"""A moto server of its own process on loopback: Secrets Manager for real boto3."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.envoy import free_ports, wait_until

REGION = "eu-west-1"
PREFIX = "airflow/connections"


@dataclass
class Moto:
    """``process`` may be ended by a test: a vault that does not answer."""

    url: str
    process: subprocess.Popen[bytes] = field(repr=False)

    def client(self) -> Any:
        import boto3

        return boto3.client(
            "secretsmanager",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="nobody",
            aws_secret_access_key="nothing",
        )

    def put(self, entry: str, value: str) -> None:
        """The connection ``entry``, with ``value`` as its password."""
        document = json.dumps({"conn_type": "generic", "password": value})
        self.client().create_secret(Name=f"{PREFIX}/{entry}", SecretString=document)

    def remove(self, entry: str) -> None:
        self.client().delete_secret(SecretId=f"{PREFIX}/{entry}", ForceDeleteWithoutRecovery=True)

    def deny(self) -> None:
        """From now on nobody whom IAM does not know may do anything."""
        headers = {"content-type": "text/plain"}  # as a form, moto would not see it
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", b"0", headers, method="POST")
        urllib.request.urlopen(request, timeout=10).close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def settings(self) -> dict[str, str]:
        """Environment that makes it Airflow's secrets backend."""
        kwargs = {"connections_prefix": PREFIX, "endpoint_url": self.url, "region_name": REGION}
        return {
            "AIRFLOW__SECRETS__BACKEND": "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend",
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextlib.contextmanager
def running(root: Path) -> Iterator[Moto]:
    """An empty one."""
    (port,) = free_ports(1)
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with (root / "moto.log").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    moto = Moto(f"http://127.0.0.1:{port}", process)
    try:
        wait_until(lambda: _answers(moto), "the moto server", within=60)
        yield moto
    finally:
        moto.stop()


def _answers(moto: Moto) -> bool:
    assert moto.process.poll() is None, "the moto server ended"
    with contextlib.suppress(OSError):
        urllib.request.urlopen(f"{moto.url}/moto-api/data.json", timeout=2).close()
        return True
    return False
