"""Stand-ins on loopback for those who are told: HTTP of Slack and PagerDuty, a mail server, SNS with a queue behind."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.estate import Rig
from tests.support.moto import REGION, Moto
from tidegate.journal.model import Event, EventKind
from tidegate.policy.notices import Notify
from tidegate.policy.schema import Policy

OK = {"slack": b'{"ok": true}', "webhook": b"ok", "pagerduty": b'{"status": "success", "dedup_key": "it"}'}

TOKEN = "xoxb-not-a-real-token-5151"
ALL = ["declared", "needs_approval", "stage_done", "stuck", "turned_back", "missed_objective", "finished"]
SLACK = {"kind": "slack", "to": "conn://told_slack", "channel": "#shop"}
MAIL = {"kind": "smtp", "to": "conn://told_smtp", "recipients": ["sre@example.org"]}
PAGER = {"kind": "pagerduty", "to": "conn://told_pager"}


def told_by(policy: Policy, **each: dict[str, Any]) -> Policy:
    """The policy with these receivers, told at every point unless they say otherwise."""
    notify = {name: Notify.model_validate({"at": ALL, **one}) for name, one in each.items()}
    return policy.model_copy(update={"notify": notify})


def rows(rig: Rig) -> list[Event]:
    return rig.world.journal.events("shop", kinds={EventKind.NOTICE})


def keys(rig: Rig) -> list[str]:
    """Points of which an attempt was made to tell somebody, in order."""
    return [str(row.body["key"]) for row in rows(rig) if "told" in row.body]


def failures(rig: Rig) -> dict[str, dict[str, str]]:
    """Point -> receiver -> why it could not be told."""
    return {str(row.body["key"]): dict(row.body["failed"]) for row in rows(rig) if row.body.get("failed")}


def asked(text: str, question: str) -> str:
    """The answer to one question in Slack's text."""
    return next(line for line in text.split("\n") if line.startswith(f"*{question}*")).removeprefix(f"*{question}* ")


@dataclass
class Posts:
    """What one HTTP stand-in was sent. ``answer``: status and body; ``hang``: it takes what comes, and says nothing
    until this is set."""

    url: str = ""
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answer: tuple[int, bytes] = (200, b"{}")
    hang: threading.Event = field(default_factory=threading.Event)
    tokens: list[str] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body in self.got]


@contextlib.contextmanager
def http(answer: bytes, status: int = 200, *, hangs: bool = False, chain: Path | None = None) -> Iterator[Posts]:
    """A server on a free port that keeps what it is sent. ``chain``: file of its certificate and key, for HTTPS."""
    posts = Posts(answer=(status, answer))
    if not hangs:
        posts.hang.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            posts.tokens.append(self.headers.get("authorization", ""))
            posts.got.append((self.path, body))
            posts.hang.wait(60)
            with contextlib.suppress(OSError):  # whoever asked may have given up
                self.send_response(posts.answer[0])
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(posts.answer[1])))
                self.end_headers()
                self.wfile.write(posts.answer[1])

        def log_message(self, *_: Any) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    posts.url = f"http://127.0.0.1:{server.server_port}"
    if chain is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        posts.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield posts
    finally:
        posts.hang.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


@dataclass
class Letters:
    """What came in by mail. ``port``: of the server."""

    port: int
    got: list[email.message.EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.got.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"


@contextlib.contextmanager
def smtp() -> Iterator[Letters]:
    """A mail server that takes everything."""
    from aiosmtpd.controller import Controller

    from tests.support.envoy import free_ports

    (port,) = free_ports(1)
    letters = Letters(port)
    controller = Controller(letters, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield letters
    finally:
        controller.stop()


@dataclass(frozen=True)
class Topic:
    """An SNS topic of a moto server, and the queue behind it."""

    arn: str
    queue: str
    moto: Moto

    def got(self) -> list[dict[str, Any]]:
        """Messages since the last call, as SNS wraps them."""
        answer = client(self.moto, "sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def topic(moto: Moto) -> Topic:
    sns, sqs = client(moto, "sns"), client(moto, "sqs")
    arn = sns.create_topic(Name="shop")["TopicArn"]
    queue = sqs.create_queue(QueueName="shop")["QueueUrl"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:shop")
    return Topic(arn, queue, moto)


def client(moto: Moto, name: str) -> Any:
    import boto3

    keys = {"aws_access_key_id": "nobody", "aws_secret_access_key": "only-for-a-stand-in"}
    return boto3.client(name, endpoint_url=moto.url, region_name=REGION, **keys)


def connection(kind: str, **given: Any) -> str:
    """As an environment variable holds it."""
    return json.dumps({"conn_type": kind, **given})
