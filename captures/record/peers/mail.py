"""Clients from Python's standard library for protocols that upgrade with STARTTLS:
mail.py smtp|imap|pop3|sieve|ftp|nntp upgrade|refused|plain HOST ROOT KEYLOG MESSAGE
upgrade: STARTTLS, then log in.   refused: ask for STARTTLS, get a no, go on in clear.   plain: never ask."""
import base64, ftplib, imaplib, io, poplib, smtplib, socket, ssl, sys, time, warnings
warnings.simplefilter("ignore")
proto, mode, host, root, keylog, text = sys.argv[1:7]
ctx = ssl.create_default_context(cafile=root)
ctx.keylog_filename = keylog
user, pw = "alice", "garden-alice"
mail = f"From: alice@mail.example.net\r\nTo: bob@mail.example.net\r\nSubject: tonight\r\n\r\n{text}\r\n"


class Lines:
    """a line protocol by hand (ManageSieve, and what nntplib and imaplib do not do)"""

    def __init__(self, port):
        self.s = socket.create_connection((host, port))
        self.f = self.s.makefile("rb")

    def read(self, ends):
        while True:
            l = self.f.readline().decode()
            if not l or l.startswith(ends):
                return l

    def cmd(self, line, ends):
        self.s.sendall(line.encode() + b"\r\n")
        return self.read(ends)

    def wrap(self):
        self.s = ctx.wrap_socket(self.s, server_hostname=host)
        self.f = self.s.makefile("rb")


def no(answer):
    print("refused:", answer)


if proto == "smtp":
    s = smtplib.SMTP(host, 25)
    s.ehlo("laptop.example.net")
    if mode == "upgrade":
        s.starttls(context=ctx)
        s.ehlo("laptop.example.net")
    elif mode == "refused":
        no(s.docmd("STARTTLS"))
    s.login(user, pw)
    s.sendmail("alice@mail.example.net", ["bob@mail.example.net"], mail)
    s.quit()
elif proto == "imap":
    s = imaplib.IMAP4(host)
    if mode == "upgrade":
        s.starttls(ssl_context=ctx)
    elif mode == "refused":
        imaplib.Commands["STARTTLS"] = ("NONAUTH",)
        try:
            no(s._simple_command("STARTTLS"))
        except imaplib.IMAP4.error as e:
            no(e)
    s.login(user, pw)
    s.append("INBOX", None, None, mail.encode())
    s.select("INBOX")
    print(s.fetch("1", "(BODY[TEXT])")[0])
    s.logout()
elif proto == "pop3":
    s = poplib.POP3(host)
    if mode == "upgrade":
        s.stls(context=ctx)
    elif mode == "refused":
        try:
            s._shortcmd("STLS")
        except poplib.error_proto as e:
            no(e)
    s.user(user)
    s.pass_(pw)
    print(s.retr(1)[0])
    s.quit()
elif proto == "sieve":
    s = Lines(4190)
    s.read("OK")
    if mode != "plain":
        a = s.cmd("STARTTLS", ("OK", "NO", "BYE"))
        if mode == "upgrade":
            s.wrap()
            s.read("OK")
        else:
            no(a)
    print(s.cmd('AUTHENTICATE "PLAIN" "%s"' % base64.b64encode(f"\0{user}\0{pw}".encode()).decode(), ("OK", "NO", "BYE")))
    script = f'require "vacation"; vacation "{text}";\r\n'
    print(s.cmd('PUTSCRIPT "away" {%d+}\r\n%s' % (len(script), script), ("OK", "NO", "BYE")))
    s.cmd("LOGOUT", ("OK", "BYE"))
elif proto == "ftp":
    s = ftplib.FTP_TLS(host, context=ctx) if mode == "upgrade" else ftplib.FTP(host)
    if mode == "refused":
        try:
            s.sendcmd("AUTH TLS")
        except ftplib.error_perm as e:
            no(e)
    s.login(user, pw)
    if mode == "upgrade":
        s.prot_p()
    s.storbinary("STOR note.txt", io.BytesIO(text.encode() + b"\n"))
    s.quit()
elif proto == "nntp":
    import nntplib
    s = nntplib.NNTP(host)
    if mode == "upgrade":
        s.starttls(ctx)
    elif mode == "refused":
        try:
            s._shortcmd("STARTTLS")
        except nntplib.NNTPError as e:
            no(e)
    s.login(user, pw)
    s.post(f"From: alice@news.example.net\r\nNewsgroups: garden.talk\r\nSubject: tonight\r\n\r\n{text}\r\n".encode())
    s.quit()
time.sleep(0.1)
