"""A Matrix user on matrix-nio: mx.py alice|bob URL ROOT KEYLOG|- e2ee|plain MESSAGE FOLDER. bob makes a room and waits, alice joins and sends.
FOLDER is how bob tells alice the room; only alice is recorded."""
import asyncio, os, ssl, sys, tempfile
from nio import AsyncClient, AsyncClientConfig, RoomMessageText, MegolmEvent, RoomVisibility
import nio

who, base, root, keylog, mode, text, share = sys.argv[1:8]
ctx = ssl.create_default_context(cafile=root)
if keylog != "-":
    ctx.keylog_filename = keylog


async def main():
    store = tempfile.mkdtemp(dir=share)
    c = AsyncClient(base, f"@{who}:chat.example.net", device_id=who.upper() + mode.upper(), store_path=store, ssl=ctx,
                    config=AsyncClientConfig(encryption_enabled=mode == "e2ee", store_sync_tokens=False))
    print(await c.login("garden-" + who))
    if mode == "e2ee" and c.should_upload_keys:
        await c.keys_upload()
    if who == "bob":
        made = {}
        got = asyncio.get_running_loop().create_future()

        async def seen(room, e):
            print("event", type(e).__name__, getattr(e, "body", ""), flush=True)
            if room.room_id == made.get("room") and isinstance(e, RoomMessageText) and e.sender.startswith("@alice") and not got.done():
                got.set_result(e.body)
        c.add_event_callback(seen, (RoomMessageText, MegolmEvent))
        await c.sync(500, full_state=True)
        init = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}] if mode == "e2ee" else []
        r = await c.room_create(visibility=RoomVisibility.private, invite=["@alice:chat.example.net"], initial_state=init)
        made["room"] = r.room_id
        open(os.path.join(share, "room-" + mode), "w").write(r.room_id)
        t = asyncio.create_task(c.sync_forever(timeout=1000))
        print("received:", await asyncio.wait_for(got, 40), flush=True)
        t.cancel()
    else:
        room = open(os.path.join(share, "room-" + mode)).read()
        await c.join(room)
        await c.sync(500, full_state=True)
        await c.sync(500)
        if mode == "e2ee":
            if c.should_query_keys:
                await c.keys_query()
            for u in c.rooms[room].users:
                for d in c.device_store.active_user_devices(u):
                    c.verify_device(d)
        print(await c.room_send(room, "m.room.message", {"msgtype": "m.text", "body": text}, ignore_unverified_devices=True))
        await asyncio.sleep(0.5)
    await c.close()

asyncio.run(main())
