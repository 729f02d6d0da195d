"""Telegram's transports: mtproto.py server|client HOST PORT abridged|intermediate|obfuscated|mtproxy|faketls|dc
The client is Telethon's own connection and plain-message code, and sends the first request of a key exchange (req_pq_multi).
The server is a stub: it undoes the framing and answers with a resPQ built by Telethon's classes; no key is ever agreed.
faketls: the client is TelethonFakeTLS, its proxy is mtprotoproxy; behind that stands the stub (dc), which the recording does not show."""
import asyncio, logging, os, struct, sys, time
from telethon.network import MTProtoPlainSender
from telethon.network.connection import ConnectionTcpAbridged, ConnectionTcpIntermediate, ConnectionTcpObfuscated
from telethon.network.connection import ConnectionTcpMTProxyRandomizedIntermediate
from telethon.tl.functions import ReqPqMultiRequest
from telethon.tl.types import ResPQ

role, host, port, kind = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]


SECRET = "dd0123456789abcdef0123456789abcdef"       # dd: padded frames


class Log(dict):
    def __missing__(self, k):
        return logging.getLogger(k)


async def client():
    cls = {"abridged": ConnectionTcpAbridged, "intermediate": ConnectionTcpIntermediate, "obfuscated": ConnectionTcpObfuscated,
           "mtproxy": ConnectionTcpMTProxyRandomizedIntermediate, "faketls": None}[kind]
    secret = SECRET
    if kind == "faketls":
        from TelethonFakeTLS import ConnectionTcpMTProxyFakeTLS as cls
        secret = SECRET[2:] + b"www.example.net".hex()      # without its ee, as that package wants it
    c = cls(host, port, 2, loggers=Log(), proxy=(host, port, secret) if kind in ("mtproxy", "faketls") else None)
    await c.connect()
    nonce = int.from_bytes(os.urandom(16), "big", signed=True)
    for _ in range(2):
        r = await asyncio.wait_for(MTProtoPlainSender(c, loggers=Log()).send(ReqPqMultiRequest(nonce)), 5)
        assert r.nonce == nonce, (r, nonce)
        print(r)
        await asyncio.sleep(0.2)
    await c.disconnect()


async def handle(r, w):
    dec = enc = lambda b: b
    if kind in ("obfuscated", "mtproxy", "dc"):
        import hashlib
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
        h = await r.readexactly(64)
        key = (lambda k: hashlib.sha256(k + bytes.fromhex(SECRET)[1:]).digest()) if kind == "mtproxy" else bytes
        k = h[8:56]
        dec = Cipher(algorithms.AES(key(k[:32])), modes.CTR(k[32:])).decryptor().update
        k = k[::-1]
        enc = Cipher(algorithms.AES(key(k[:32])), modes.CTR(k[32:])).encryptor().update
        dec(h)
    else:
        await r.readexactly({"abridged": 1, "intermediate": 4}[kind])
    short = kind in ("abridged", "obfuscated")
    try:
        while True:
            if short:
                n = dec(await r.readexactly(1))[0]
                if n >= 127:
                    n = int.from_bytes(dec(await r.readexactly(3)), "little")
                n *= 4
            else:
                n = struct.unpack("<I", dec(await r.readexactly(4)))[0]
            m = dec(await r.readexactly(n))
            nonce = int.from_bytes(m[24:40], "little", signed=True)
            body = bytes(ResPQ(nonce, int.from_bytes(os.urandom(16), "big", signed=True), b"\x17\xed\x48\x94\x1a\x08\xf9\x81", [-3414540481677951611]))
            out = struct.pack("<qqi", 0, int(time.time()) << 32 | 1, len(body)) + body
            if short:
                f = bytes([len(out) // 4])
            else:
                if kind in ("mtproxy", "dc"):
                    out += os.urandom(3)
                f = struct.pack("<I", len(out))
            w.write(enc(f + out))
    except asyncio.IncompleteReadError:
        w.close()


async def main():
    if role == "client":
        await client()
    else:
        async with await asyncio.start_server(handle, host, port) as s:
            await s.serve_forever()

asyncio.run(main())
