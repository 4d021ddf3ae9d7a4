"""From a connection to what libpq and SQLAlchemy take, and what of an error may be said."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from tidegate.drivers.credentials import Credential
from tidegate.errors import Refused

_PASSED_ON = {  # options of a connection that libpq is given
    *("application_name", "channel_binding", "hostaddr", "options", "passfile", "require_auth", "tcp_user_timeout"),
    *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "target_session_attrs"),
    *("sslcert", "sslcrl", "sslcrldir", "sslkey", "sslmode", "sslnegotiation", "sslrootcert", "sslsni"),
}


def sqlalchemy_url(credential: Credential) -> str:
    """``postgresql+psycopg://…`` with the secret. Raises ``Refused`` naming what is missing or may not be there."""
    _check(credential)
    login = quote(credential.login or "", safe="")
    secret = f":{quote(credential.password, safe='')}" if credential.password else ""
    port = f":{credential.port}" if credential.port else ""
    query = f"?{urlencode(dict(credential.extra))}" if credential.extra else ""
    host = f"[{credential.host}]" if ":" in credential.host else credential.host
    return f"postgresql+psycopg://{login}{secret}@{host}{port}/{quote(credential.path, safe='')}{query}"


def libpq(url: str) -> str:
    """A SQLAlchemy URL as libpq takes it."""
    return url.replace("postgresql+psycopg:", "postgresql:", 1)


def why(error: Exception, credential: Credential) -> str:
    """The first line of an error, without the secret: details and context may hold rows."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    for secret in filter(None, (credential.password, quote(credential.password or "", safe=""))):
        first = first.replace(secret, "***")
    return first[:200]


def _check(credential: Credential) -> None:
    name = credential.name
    if credential.scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise Refused(f"connection {name!r} is of type {credential.scheme!r}", next_step="use a postgres:// connection")
    missing = [what for what in ("host", "login", "path") if not getattr(credential, what)]
    if missing:
        words = {"host": "host", "login": "user", "path": "database"}
        raise Refused(f"connection {name!r} has no {words[missing[0]]}", next_step="write it in full")
    if unknown := sorted(set(credential.extra) - _PASSED_ON):
        raise Refused(
            f"connection {name!r} has options that libpq is not given: {', '.join(unknown)}",
            next_step=f"remove them; allowed are {', '.join(sorted(_PASSED_ON))}",
        )
