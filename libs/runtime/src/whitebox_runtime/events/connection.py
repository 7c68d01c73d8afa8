"""How to reach the brokers, and the topics that have to be there."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import AuthorizationError, KafkaError, TopicAlreadyExistsError
from kafka.net.inet import KafkaNetSocket

_PROTOCOLS = {"plaintext": "PLAINTEXT", "ssl": "SSL", "sasl_plaintext": "SASL_PLAINTEXT", "sasl_ssl": "SASL_SSL"}
_CONNECT_SECONDS = 2.0
_SSL_OPTIONS = ("ssl_cafile", "ssl_certfile", "ssl_keyfile")


class BrokerAddress:
    """The brokers of one cluster.

    Args:
        text: `host:port`, several separated by commas, or a URL for anything but plain text:
            `sasl_ssl://user:password@host:port,host:port?mechanism=SCRAM-SHA-512&ssl_cafile=/path`.

    Raises:
        ValueError: The text is neither.
    """

    def __init__(self, text: str) -> None:
        # Kafka's protocol names have an underscore, which a URL's scheme may not have.
        scheme, _, rest = text.rpartition("://")
        protocol = _PROTOCOLS.get(scheme or "plaintext")
        if protocol is None:
            raise ValueError(f"broker protocol {scheme!r} is unknown; use one of {', '.join(_PROTOCOLS)}")
        parts = urlsplit(f"//{rest}")
        login, _, hosts = parts.netloc.rpartition("@")
        self.servers = [host for host in hosts.split(",") if host]
        if not self.servers or not all(_is_address(host) for host in self.servers):
            raise ValueError("broker addresses must look like host:port, separated by commas")
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.config: dict[str, Any] = {"bootstrap_servers": self.servers, "security_protocol": protocol}
        self.config |= {name: options[name] for name in _SSL_OPTIONS if name in options}
        if protocol.startswith("SASL"):
            user, _, password = login.partition(":")
            self.config["sasl_mechanism"] = options.get("mechanism", "SCRAM-SHA-512")
            self.config["sasl_plain_username"] = unquote(user)
            self.config["sasl_plain_password"] = unquote(password)

    def connect(self, timeout_seconds: float = _CONNECT_SECONDS) -> None:
        """Opens and closes a connection to any broker.

        Asked before a client is made: a client that finds no broker takes seconds to say so and leaves its sockets
        to the garbage collector.

        Raises:
            OSError: None can be reached.
        """
        failure: OSError | None = None
        for server in self.servers:
            host, _, port = server.rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout_seconds).close()
            except OSError as error:
                failure = error
            else:
                return
        raise failure or OSError("no broker is configured")

    def __str__(self) -> str:
        return ",".join(self.servers)


def create_topics(address: BrokerAddress, topics: Iterable[str], client_id: str, partitions: int) -> None:
    """Creates the topics that do not exist yet; blocks.

    Args:
        address: The brokers.
        topics: Names of topics.
        client_id: Name of this client in the broker's logs.
        partitions: Partitions of a new topic; -1 leaves it to the broker, as is the replication.

    Raises:
        OSError: The brokers cannot be reached.
        KafkaError: They refuse.
    """
    address.connect()
    admin = KafkaAdminClient(**address.config, client_id=client_id, bootstrap_timeout_ms=3000, request_timeout_ms=5000)
    try:
        missing = sorted(set(topics) - set(admin.list_topics()))
        for topic in missing:
            try:
                admin.create_topics([NewTopic(topic, partitions, -1)], timeout_ms=5000)
            except TopicAlreadyExistsError:  # somebody else did at the same time
                continue
            except AuthorizationError as error:
                raise KafkaError(f"topic {topic} does not exist and may not be created: {error}") from error
    finally:
        admin.close()


def _close_refused_sockets() -> None:
    """Makes the client close a socket whose connection was refused.

    kafka-python 3.0 drops it unclosed, one each second while a broker is away, until the garbage collector comes by.
    """
    connect = KafkaNetSocket.sock_connect

    async def connect_or_close(self: Any, net: Any, sock: socket.socket, *args: Any, **kwargs: Any) -> Any:
        try:
            return await connect(self, net, sock, *args, **kwargs)
        except BaseException:
            sock.close()
            raise

    KafkaNetSocket.sock_connect = connect_or_close


_close_refused_sockets()


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdigit()
