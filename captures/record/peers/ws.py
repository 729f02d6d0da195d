"""A WebSocket chat on the websockets library, compressed (permessage-deflate): ws.py server HOST PORT CHAIN KEY; ws.py client NAME PORT ROOT KEYLOG MESSAGE"""
import asyncio, json, ssl, sys
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def answer(ws):
    async for m in ws:
        await ws.send(json.dumps({"type": "receipt", "bytes": len(m)}))


async def main():
    if sys.argv[1] == "server":
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(sys.argv[4], sys.argv[5])
        async with serve(answer, sys.argv[2], int(sys.argv[3]), ssl=c):
            await asyncio.sleep(600)
    else:
        name, port, root, keylog, text = sys.argv[2:7]
        c = ssl.create_default_context(cafile=root)
        c.keylog_filename = keylog
        async with connect(f"wss://{name}:{port}/chat", ssl=c) as ws:
            for i, t in enumerate(["good evening", "the garden gate is open, the garden gate is open", text, "good evening, good night"]):
                await ws.send(json.dumps({"type": "message", "room": "garden", "id": i, "text": t}))
                print(await ws.recv())

asyncio.run(main())
