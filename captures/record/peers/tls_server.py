"""A TLS server on pyOpenSSL (whose wheels bring OpenSSL 4): answers HTTP/1.1 requests and upgrades nothing.
tls_server.py HOST PORT CHAIN KEY [--max 1.2] [--no-tickets]"""
import argparse, socket, threading
from OpenSSL import SSL

p = argparse.ArgumentParser()
p.add_argument("host"), p.add_argument("port", type=int), p.add_argument("chain"), p.add_argument("key")
p.add_argument("--max", default="1.3")
a = p.parse_args()
ctx = SSL.Context(SSL.TLS_SERVER_METHOD)
ctx.set_max_proto_version({"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}[a.max])
ctx.use_certificate_chain_file(a.chain)
ctx.use_privatekey_file(a.key)
ctx.set_alpn_select_callback(lambda c, offered: b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS)


def serve(sock):
    c = SSL.Connection(ctx, sock)
    c.set_accept_state()
    try:
        buf = b""
        while True:
            buf += c.recv(16384)
            head, sep, rest = buf.partition(b"\r\n\r\n")
            if not sep:
                continue
            n = 0
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    n = int(line.split(b":")[1])
            if len(rest) < n:
                continue
            buf = rest[n:]
            body = b'{"ok":true}\n'
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    except SSL.Error:
        try:
            c.shutdown()
        except SSL.Error:
            pass
    finally:
        sock.close()


s = socket.create_server((a.host, a.port))
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
