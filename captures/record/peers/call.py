"""A WebRTC call on aiortc: audio and a data channel over DTLS-SRTP. call.py answer|offer SOCKET 0 [--message M --keylog F --turn URL]
The two sides exchange their descriptions over a Unix socket (SOCKET is its path), outside the capture; the offering side sends the message."""
import argparse, asyncio, json
import aiortc.rtcdtlstransport as dtls
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

p = argparse.ArgumentParser()
p.add_argument("role"), p.add_argument("host"), p.add_argument("port", type=int)
p.add_argument("--message"), p.add_argument("--keylog"), p.add_argument("--turn"), p.add_argument("--signal", default="unix")
a = p.parse_args()
if a.keylog:
    old = dtls.RTCCertificate._create_ssl_context

    def patched(self, *args, **kw):
        c = old(self, *args, **kw)
        c.set_keylog_callback(lambda conn, line: open(a.keylog, "ab").write(line + b"\n"))
        return c
    dtls.RTCCertificate._create_ssl_context = patched


async def main():
    servers = [RTCIceServer(urls=a.turn, username="alice", credential="garden-alice")] if a.turn else []
    pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))
    done = asyncio.get_running_loop().create_future()
    if a.role == "offer":
        reader, writer = await asyncio.open_unix_connection(a.host)
        ch = pc.createDataChannel("chat")

        @ch.on("open")
        def opened():
            ch.send(a.message)

        @ch.on("message")
        def answer(m):
            print("answer:", m)
            done.done() or done.set_result(m)
        pc.addTrack(AudioStreamTrack())
        await pc.setLocalDescription(await pc.createOffer())
        sdp = pc.localDescription.sdp
        if a.turn:   # only through the relay
            sdp = "\r\n".join(l for l in sdp.split("\r\n") if not l.startswith("a=candidate") or " typ relay" in l)
        writer.write(json.dumps(sdp).encode() + b"\n")
        await pc.setRemoteDescription(RTCSessionDescription(json.loads(await reader.readline()), "answer"))
        await asyncio.wait_for(done, 15)
        await asyncio.sleep(0.6)
    else:
        async def handle(reader, writer):
            @pc.on("datachannel")
            def channel(ch):
                @ch.on("message")
                def got(m):
                    print("received:", m, flush=True)
                    ch.send("noted")
            await pc.setRemoteDescription(RTCSessionDescription(json.loads(await reader.readline()), "offer"))
            pc.addTrack(AudioStreamTrack())
            await pc.setLocalDescription(await pc.createAnswer())
            writer.write(json.dumps(pc.localDescription.sdp).encode() + b"\n")
        await asyncio.start_unix_server(handle, a.host)
        await asyncio.sleep(25)
    await pc.close()

asyncio.run(main())
