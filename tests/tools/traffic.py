#!/usr/bin/env python3
"""Servers and clients on the loopback interface, for tests in a network namespace. Needs nothing but Python.

traffic.py http PORT                a plain HTTP server
traffic.py smtp PORT CERT KEY       a mail server that offers STARTTLS
traffic.py mail PORT plain|upgrade  says EHLO to it, and begins TLS or sends a letter in clear
traffic.py get PORT                 asks the HTTP server
traffic.py datagrams PORT CAPTURE   sends the UDP payloads of a pcap file (Ethernet, IPv4) again, between two sockets, as they went
traffic.py blast PORT N SIZE        N UDP datagrams that nobody answers
"""
import http.server, socket, ssl, struct, sys, threading


def smtp(port, cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = socket.create_server(("127.0.0.1", port))

    def serve(s):
        s.sendall(b"220 mail.example.net ESMTP\r\n")
        f = s.makefile("rwb", buffering=0)
        while line := f.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"EHLO":
                s.sendall(b"250-mail.example.net\r\n250 STARTTLS\r\n")
            elif word == b"STARTTLS":
                s.sendall(b"220 go ahead\r\n")
                s = context.wrap_socket(s, server_side=True)
                f = s.makefile("rwb", buffering=0)
            elif word == b"DATA":
                s.sendall(b"354 go on\r\n")
                while f.readline().strip() != b".":
                    pass
                s.sendall(b"250 kept\r\n")
            elif word == b"QUIT":
                s.sendall(b"221 bye\r\n")
                break
            else:
                s.sendall(b"250 ok\r\n")
        s.close()

    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def mail(port, how):
    s = socket.create_connection(("127.0.0.1", port))

    def say(line, wait=True):
        s.sendall(line + b"\r\n")
        return s.recv(4096) if wait else b""

    s.recv(4096)
    say(b"EHLO client.example.net")
    if how == "upgrade":
        say(b"STARTTLS")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        s = context.wrap_socket(s, server_hostname="mail.example.net")
        say(b"EHLO client.example.net")
    say(b"MAIL FROM:<a@example.net>")
    say(b"RCPT TO:<b@example.net>")
    say(b"DATA")
    s.sendall(b"Subject: test\r\n\r\nThe quick brown fox.\r\n")
    say(b".")
    say(b"QUIT")
    s.close()


def get(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(b"GET / HTTP/1.0\r\nHost: plain.example.net\r\n\r\n")
    while s.recv(4096):
        pass
    s.close()


def udp_payloads(path):
    data = open(path, "rb").read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at + 16 <= len(data):
        caplen = struct.unpack(order + "I", data[at + 8 : at + 12])[0]
        frame = data[at + 16 : at + 16 + caplen]
        at += 16 + caplen
        if frame[12:14] != b"\x08\x00" or frame[23] != 17:
            continue
        ip = frame[14:]
        udp = ip[(ip[0] & 15) * 4 :]
        source = (ip[12:16], udp[0:2])
        yield source, udp[8 : struct.unpack(">H", udp[4:6])[0]]


def datagrams(port, path):
    client, server = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    server.bind(("127.0.0.1", port))
    client.bind(("127.0.0.1", 0))
    first = None
    for source, payload in udp_payloads(path):
        first = first or source
        if source == first:
            client.sendto(payload, server.getsockname())
            server.recv(65535)
        else:
            server.sendto(payload, client.getsockname())
            client.recv(65535)


def blast(port, n, size):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(n):
        try:
            s.sendto(struct.pack(">I", i) * (size // 4), ("127.0.0.1", port))
        except ConnectionRefusedError:
            pass


def main():
    what, port, *rest = sys.argv[1:]
    port = int(port)
    if what == "http":
        http.server.ThreadingHTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()
    elif what == "smtp":
        smtp(port, *rest)
    elif what == "mail":
        mail(port, *rest)
    elif what == "get":
        get(port)
    elif what == "datagrams":
        datagrams(port, *rest)
    elif what == "blast":
        blast(port, *map(int, rest))


main()
