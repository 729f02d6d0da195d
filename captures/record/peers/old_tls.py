"""Both ends of protocols that OpenSSL no longer speaks, on tlslite-ng: old_tls.py server|client HOST PORT VERSION CIPHER ...
server: CHAIN KEY      client: KEYLOG MESSAGE"""
import socket, sys, time
from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey

role, host, port, version, cipher = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]
st = HandshakeSettings()
st.minVersion = st.maxVersion = {"3.0": (3, 0), "1.0": (3, 1), "1.2": (3, 3)}[version]
st.cipherNames = [cipher]
st.useEncryptThenMAC = st.useExtendedMasterSecret = version != "3.0"
if role == "server":
    x = X509CertChain()
    x.parsePemList(open(sys.argv[6]).read())
    key = parsePEMKey(open(sys.argv[7]).read(), private=True)
    s = socket.create_server((host, port))
    while True:
        c = TLSConnection(s.accept()[0])
        try:
            c.handshakeServer(certChain=x, privateKey=key, settings=st)
            c.send(b"noted " + bytes(str(len(c.recv(4096))), "ascii") + b" bytes\n")
            c.close()
        except Exception as e:
            print(e, flush=True)
else:
    c = TLSConnection(socket.create_connection((host, port)))
    c.handshakeClientCert(settings=st, serverName=None if version == "3.0" else "chat.example.net")
    with open(sys.argv[6], "a") as k:
        k.write(f"CLIENT_RANDOM {bytes(c._clientRandom).hex()} {bytes(c.session.masterSecret).hex()}\n")
    time.sleep(0.2)
    c.send(sys.argv[7].encode() + b"\n")
    print(c.getVersionName(), c.getCipherName(), bytes(c.recv(4096)))
    c.close()
