"""One slixmpp user: `xmpp.py listen|send JID PASSWORD ...`; sends or waits for one chat message.
--tls no|starttls|refused (asks for it though it is not offered, is refused, comes back without); --omemo encrypts the message end to end (slixmpp-omemo)."""
import argparse, asyncio, logging, ssl, sys
from slixmpp import ClientXMPP

p = argparse.ArgumentParser()
p.add_argument("role", choices=["listen", "send"]), p.add_argument("jid"), p.add_argument("password")
p.add_argument("--to"), p.add_argument("--message"), p.add_argument("--tls", default="starttls")
p.add_argument("--ca"), p.add_argument("--keylog"), p.add_argument("--omemo", action="store_true"), p.add_argument("--host", default="198.51.100.20")
p.add_argument("--port", type=int, default=5222)
a = p.parse_args()


class User(ClientXMPP):
    def __init__(self):
        super().__init__(a.jid, a.password)
        self.enable_plaintext = a.tls != "starttls"
        self.enable_starttls = a.tls == "starttls"
        self.enable_direct_tls = False
        self.ca_certs = a.ca
        if a.tls != "starttls":
            m = self["feature_mechanisms"]
            m.unencrypted_plain = m.unencrypted_scram = True
        if a.omemo:
            from peers_omemo import setup
            setup(self)
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("message", self.message)
        self.finished = asyncio.get_event_loop().create_future()

    def get_ssl_context(self):
        c = super().get_ssl_context()
        if a.keylog:
            c.keylog_filename = a.keylog
        return c

    async def start(self, _):
        self.send_presence()
        await self.get_roster()
        if a.omemo:
            await asyncio.sleep(4)
        if a.role == "send":
            if a.omemo:
                from peers_omemo import send
                await send(self, a.to, a.message)
            else:
                self.send_message(mto=a.to, mbody=a.message, mtype="chat")
            await asyncio.sleep(1)
            self.finished.set_result(None)

    async def message(self, m):
        text = m["body"]
        if a.omemo:
            from peers_omemo import read
            text = await read(self, m)
        if a.role == "listen" and text and not self.finished.done():
            print("received:", text, flush=True)
            self.finished.set_result(text)


async def ask():
    """a stream that asks for TLS before anything else"""
    r, w = await asyncio.open_connection(a.host, a.port)
    host = a.jid.split("@")[1]
    w.write(f"<?xml version='1.0'?><stream:stream to='{host}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>".encode())
    await r.readuntil(b"</stream:features>")
    w.write(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    print("refused:", (await r.read(4096)).decode(), flush=True)
    w.close()


async def main():
    if a.tls == "refused" and a.role == "send":
        await asyncio.wait_for(ask(), 5)
    u = User()
    u.connect(a.host, a.port)
    await asyncio.wait_for(u.finished, 25)
    await asyncio.sleep(0.3)
    await u.disconnect()

asyncio.run(main())
