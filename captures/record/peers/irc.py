"""An IRC client: irc.py upgrade|refused|plain|tls HOST PORT ROOT KEYLOG MESSAGE"""
import socket, ssl, sys, time
mode, host, port, root, keylog, text = sys.argv[1:7]
ctx = ssl.create_default_context(cafile=root)
ctx.keylog_filename = keylog
s = socket.create_connection((host, int(port)))
if mode == "tls":
    s = ctx.wrap_socket(s, server_hostname=host)
f = s.makefile("rb")


def send(line):
    s.sendall(line.encode() + b"\r\n")


def wait(*codes):
    while line := f.readline().decode(errors="replace"):
        print(line, end="", flush=True)
        if line.startswith("PING"):
            send("PONG " + line.split(" ", 1)[1].strip())
        if any(x in line.split(" ")[:3] for x in codes):
            return line
    sys.exit("closed")


if mode == "refused":        # this server says nothing to a command it does not know before the login
    send("STARTTLS")
    time.sleep(0.5)
if mode == "upgrade":
    send("STARTTLS")
    a = wait("670", "691", "421", "451")
    if "670" in a.split(" "):
        s = ctx.wrap_socket(s, server_hostname=host)
        f = s.makefile("rb")
    else:
        sys.exit("not upgraded")
send("PASS garden-alice")
send("NICK alice")
send("USER alice 0 * :Alice")
wait("376", "422")
send("JOIN #garden")
wait("366")
send("PRIVMSG #garden :" + text)
send("PING done")
wait("PONG")
send("QUIT :good night")
time.sleep(0.2)
s.close()
