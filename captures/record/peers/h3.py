"""A small HTTP/3 chat on aioquic: `h3.py server ...` answers every POST, `h3.py client ...` sends one message."""
import argparse, asyncio, ssl
from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated
from aioquic.quic.packet import QuicProtocolVersion as V

VERSIONS = {"1": V.VERSION_1, "2": V.VERSION_2}
p = argparse.ArgumentParser()
p.add_argument("role", choices=["server", "client"])
p.add_argument("--host", default="198.51.100.20")
p.add_argument("--port", type=int, default=443)
p.add_argument("--name", default="chat.example.net")
p.add_argument("--cert"), p.add_argument("--key"), p.add_argument("--ca"), p.add_argument("--keylog"), p.add_argument("--message")
p.add_argument("--versions", default="1", help="supported, best first")
p.add_argument("--original", help="the version of the client's first packet")
p.add_argument("--retry", action="store_true")
p.add_argument("--tickets", action="store_true", help="two connections: the second resumes with early data")
p.add_argument("--migrate", action="store_true", help="go on from another local port in the middle")
p.add_argument("--long", action="store_true", help="a ClientHello of more than three packets: many application protocols offered")
p.add_argument("--pause", type=float, default=0.3)
a = p.parse_args()


class Peer(QuicConnectionProtocol):
    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.h3 = None
        self.bodies, self.done = {}, {}

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated) and self.h3 is None:
            self.h3 = H3Connection(self._quic)
        if self.h3 is None:
            return
        for e in self.h3.handle_event(event):
            if isinstance(e, DataReceived):
                self.bodies[e.stream_id] = self.bodies.get(e.stream_id, b"") + e.data
            if isinstance(e, (HeadersReceived, DataReceived)) and e.stream_ended:
                if a.role == "server":
                    self.h3.send_headers(e.stream_id, [(b":status", b"200"), (b"content-type", b"application/json")])
                    self.h3.send_data(e.stream_id, b'{"sent":true}\n', end_stream=True)
                    self.transmit()
                elif e.stream_id in self.done:
                    self.done[e.stream_id].set_result(self.bodies.get(e.stream_id))

    async def post(self, text):
        if self.h3 is None:          # early data: before the protocol is confirmed
            self.h3 = H3Connection(self._quic)
        s = self._quic.get_next_available_stream_id()
        self.done[s] = asyncio.get_running_loop().create_future()
        body = b'{"room":"garden","text":"%s"}' % text.encode()
        self.h3.send_headers(s, [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", a.name.encode()),
                                 (b":path", b"/send"), (b"content-type", b"application/json")])
        self.h3.send_data(s, body, end_stream=True)
        self.transmit()
        return await asyncio.wait_for(self.done[s], 5)


def config(client):
    c = QuicConfiguration(is_client=client, alpn_protocols=H3_ALPN, max_datagram_size=1200)
    c.supported_versions = [VERSIONS[v] for v in a.versions.split(",")]
    if a.original:
        c.original_version = VERSIONS[a.original]
    if a.long:
        c.alpn_protocols = H3_ALPN + [f"{w}-chat/{n}.0-experimental-draft" for w in ("garden", "orchard", "meadow", "harbour") for n in range(30)]
    if a.keylog:
        c.secrets_log_file = open(a.keylog, "a", buffering=1)
    return c


async def server():
    c = config(False)
    c.load_cert_chain(a.cert, a.key)
    store = {}
    await serve(a.host, a.port, configuration=c, create_protocol=Peer, retry=a.retry,
                session_ticket_handler=lambda t: store.__setitem__(t.ticket, t), session_ticket_fetcher=lambda i: store.pop(i, None))
    await asyncio.Future()


async def client():
    tickets = []
    c = config(True)
    c.load_verify_locations(a.ca)
    c.server_name = a.name
    async with connect(a.host, a.port, configuration=c, create_protocol=Peer, session_ticket_handler=tickets.append) as peer:
        print(await peer.post("hello" if a.tickets or a.migrate else a.message))
        await asyncio.sleep(a.pause)
        if a.migrate:
            loop = asyncio.get_running_loop()
            old = peer._transport
            new, _ = await loop.create_datagram_endpoint(lambda: peer, local_addr=("::", 0), family=__import__("socket").AF_INET6)
            peer._transport = new
            peer._quic.change_connection_id()
            print(await peer.post(a.message))
            await asyncio.sleep(a.pause)
            old.close()
    if a.tickets:
        c2 = config(True)
        c2.load_verify_locations(a.ca)
        c2.server_name = a.name
        c2.session_ticket = tickets[-1]
        async with connect(a.host, a.port, configuration=c2, create_protocol=Peer, wait_connected=False) as peer:
            print(await peer.post(a.message), "early data accepted:", peer._quic.tls.early_data_accepted, "resumed:", peer._quic.tls.session_resumed)
            await asyncio.sleep(a.pause)


asyncio.run(server() if a.role == "server" else client())
