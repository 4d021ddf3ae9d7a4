"""The vault of releases' secrets inside Airflow's processes.

Airflow asks one store after the other and takes an error for "not here", so that a vault which denies an entry, or is
down, is passed over for Airflow's own metadata database. For releases' secrets that would be another value by the same
name. So: where a secrets backend is configured, it is the vault and nothing else is asked; where none is, Airflow's
own connections are.
"""

from __future__ import annotations

from typing import Any

from tidegate.drivers.vault import Secret, not_there, secret_from
from tidegate.errors import Rejected, TidegateError, Unreachable
from tidegate.model.release import SecretVersion
from tidegate.redaction import forms

_BUILT_IN = ("airflow.secrets.", "airflow.sdk.execution_time.secrets")
# Words for "no" in the error codes of AWS, Google, Azure and HashiCorp's vault
_DENIALS = (
    "denied",
    "unauthorized",
    "forbidden",
    "unrecognizedclient",
    "expiredtoken",
    "invalidsignature",
    "403",
    "401",
)


def from_airflow(which: SecretVersion) -> Secret:
    """Read one entry. Raises as :data:`~tidegate.drivers.vault.Vault`.

    A backend that answers "not found" where it means "could not decrypt" (the Amazon provider's does) cannot be told
    from one that does not have the entry: both are refused.
    """
    backend = configured_backend()
    found = _from_own_connections(which) if backend is None else _ask(backend, which)
    if found is None:
        raise not_there(which, "" if backend is None else f"{type(backend).__name__} does not have it")
    secret = secret_from(which, found.password)
    _mask(secret)
    return secret


def configured_backend() -> Any | None:
    """The secrets backend of Airflow's configuration, None if there is none."""
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded

    return next((b for b in ensure_secrets_backend_loaded() if not type(b).__module__.startswith(_BUILT_IN)), None)


def _ask(backend: Any, which: SecretVersion) -> Any | None:
    name = type(backend).__name__
    try:
        return backend.get_connection(conn_id=which.entry)
    except Exception as error:
        raise _translated(error, name, which) from None


def _translated(error: Exception, backend: str, which: SecretVersion) -> TidegateError:
    """The backend's own words stay out: they may quote what it read."""
    answer = getattr(error, "response", None)
    code = str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, dict) else ""
    said = f"{type(error).__name__}{f' {code}' if code else ''}"
    if isinstance(error, PermissionError) or any(word in said.lower() for word in _DENIALS):
        return Rejected(
            f"{backend} denies secret {which} ({said}); no other store is asked",
            next_step=f"let this process read the entry {which.entry}",
        )
    return Unreachable(
        f"{backend} does not answer for secret {which} ({said})", next_step="see whether the vault can be reached"
    )


def _from_own_connections(which: SecretVersion) -> Any | None:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    try:
        return BaseHook.get_connection(which.entry)
    except AirflowNotFoundException:
        return None
    except PermissionError as error:
        raise Rejected(f"Airflow denies secret {which} ({type(error).__name__})") from None
    except AirflowRuntimeError as error:
        raise Unreachable(f"Airflow could not say what secret {which} is ({type(error).__name__})") from None


def _mask(secret: Secret) -> None:
    """Airflow's logs hide the value in every form that ours do."""
    from airflow.sdk.log import mask_secret

    for form in forms(secret.value):
        mask_secret(form)
