#!/usr/bin/env python3
"""A real QUIC client and server with HTTP/3, for tests in a network namespace. Needs aioquic (https://pypi.org/project/aioquic).

quic.py serve PORT CERT KEY      answers every request
quic.py get PORT [1|2] [KEYLOG]  asks it over QUIC version 1 or 2
"""
import asyncio, ssl, sys

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion

VERSIONS = {"1": QuicProtocolVersion.VERSION_1, "2": QuicProtocolVersion.VERSION_2}


class Http(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http, self.answered = H3Connection(self._quic), asyncio.Event()

    def quic_event_received(self, event):
        for one in self.http.handle_event(event):
            if self._quic.configuration.is_client:
                if isinstance(one, DataReceived) and one.stream_ended:
                    self.answered.set()
            elif isinstance(one, HeadersReceived):
                self.http.send_headers(one.stream_id, [(b":status", b"200"), (b"content-type", b"text/plain")])
                self.http.send_data(one.stream_id, b"The quick brown fox. " * 200, end_stream=True)
                self.transmit()


async def server(port, cert, key):
    both = list(VERSIONS.values())
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"], supported_versions=both)
    configuration.load_cert_chain(cert, key)
    await serve("127.0.0.1", port, configuration=configuration, create_protocol=Http)
    await asyncio.Event().wait()


async def get(port, version="1", keylog=None):
    configuration = QuicConfiguration(alpn_protocols=["h3"], server_name="chat.example.net", verify_mode=ssl.CERT_NONE, supported_versions=[VERSIONS[version]])
    if keylog:
        configuration.secrets_log_file = open(keylog, "a")
    async with connect("127.0.0.1", port, configuration=configuration, create_protocol=Http) as client:
        stream = client._quic.get_next_available_stream_id()
        headers = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"chat.example.net"), (b":path", b"/")]
        client.http.send_headers(stream, headers, end_stream=True)
        client.transmit()
        await asyncio.wait_for(client.answered.wait(), 5)


what, port, *rest = sys.argv[1:]
asyncio.run((server if what == "serve" else get)(int(port), *rest))
