"""DNS over QUIC (RFC 9250) on aioquic and dnspython: doq.py server HOST PORT CHAIN KEY UPSTREAM; doq.py client HOST PORT ROOT KEYLOG NAME"""
import asyncio, struct, sys
import dns.message, dns.query
from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import StreamDataReceived

role, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
c = QuicConfiguration(is_client=role == "client", alpn_protocols=["doq"])


class Peer(QuicConnectionProtocol):
    def __init__(self, *a, **k):
        super().__init__(*a, **k)
        self.buf, self.answer = b"", asyncio.get_running_loop().create_future()

    def quic_event_received(self, e):
        if isinstance(e, StreamDataReceived):
            self.buf += e.data
            if e.end_stream:
                m = dns.message.from_wire(self.buf[2:])
                self.buf = b""
                if role == "server":
                    r = dns.query.udp(m, sys.argv[6]).to_wire()
                    self._quic.send_stream_data(e.stream_id, struct.pack(">H", len(r)) + r, end_stream=True)
                    self.transmit()
                else:
                    self.answer.set_result(m)


async def main():
    if role == "server":
        c.load_cert_chain(sys.argv[4], sys.argv[5])
        await serve(host, port, configuration=c, create_protocol=Peer)
        await asyncio.sleep(600)
    else:
        c.load_verify_locations(sys.argv[4])
        c.server_name, c.secrets_log_file = "dns.example.net", open(sys.argv[5], "a")
        async with connect(host, port, configuration=c, create_protocol=Peer) as p:
            q = dns.message.make_query(sys.argv[6], "A", id=0).to_wire()
            p._quic.send_stream_data(p._quic.get_next_available_stream_id(), struct.pack(">H", len(q)) + q, end_stream=True)
            p.transmit()
            print(await asyncio.wait_for(p.answer, 5))

asyncio.run(main())
