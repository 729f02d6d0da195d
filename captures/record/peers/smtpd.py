"""aiosmtpd with a login: smtpd.py HOST PORT [CHAIN KEY]; without a certificate STARTTLS is refused."""
import ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Inbox:
    async def handle_DATA(self, server, session, envelope):
        return "250 2.0.0 kept"


ctx = None
if len(sys.argv) > 3:
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(sys.argv[3], sys.argv[4])
c = Controller(Inbox(), hostname=sys.argv[1], port=int(sys.argv[2]), tls_context=ctx, auth_require_tls=False, server_hostname="mail.example.net",
               authenticator=lambda *a: AuthResult(success=True))
c.start()
time.sleep(600)
