"""AsyncSSH on both sides, with the ML-KEM hybrid: ssh.py server HOST PORT KEY; ssh.py client HOST PORT TEXT"""
import asyncio, sys
import asyncssh

KEX = ["mlkem768x25519-sha256"]


class Open(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False


async def main():
    if sys.argv[1] == "server":
        await asyncssh.listen(sys.argv[2], int(sys.argv[3]), server_host_keys=[sys.argv[4]], server_factory=Open, kex_algs=KEX,
                              process_factory=lambda p: (p.stdout.write("noted\n"), p.exit(0)))
        await asyncio.sleep(600)
    else:
        async with asyncssh.connect(sys.argv[2], int(sys.argv[3]), username="alice", known_hosts=None, kex_algs=KEX, config=None, client_keys=None) as c:
            print((await c.run(f"echo {sys.argv[4]}")).stdout)

asyncio.run(main())
