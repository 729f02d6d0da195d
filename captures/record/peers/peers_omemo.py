"""OMEMO for xmpp.py, after the example that slixmpp-omemo publishes: an in-memory store, and trust in every device seen."""
import json
from slixmpp.plugins import register_plugin
from slixmpp_omemo import XEP_0384, TrustLevel
from omemo.storage import Just, Nothing, Storage


class Memory(Storage):
    def __init__(self):
        super().__init__()
        self.data = {}

    async def _load(self, key):
        return Just(self.data[key]) if key in self.data else Nothing()

    async def _store(self, key, value):
        self.data[key] = value

    async def _delete(self, key):
        self.data.pop(key, None)


class XEP_0384Impl(XEP_0384):
    default_config = {"fallback_message": "This message is OMEMO encrypted."}

    def plugin_init(self):
        self._store = Memory()
        super().plugin_init()

    @property
    def storage(self):
        return self._store

    @property
    def _btbv_enabled(self):
        return True

    async def _devices_blindly_trusted(self, blindly_trusted, identifier):
        pass

    async def _prompt_manual_trust(self, manually_trusted, identifier):
        m = await self.get_session_manager()
        for d in manually_trusted:
            await m.set_trust(d.bare_jid, d.identity_key, TrustLevel.TRUSTED.value)


register_plugin(XEP_0384Impl)


def setup(client):
    import sys
    client.register_plugin("xep_0030"), client.register_plugin("xep_0060"), client.register_plugin("xep_0163"), client.register_plugin("xep_0380")
    client.register_plugin("xep_0384", module=sys.modules[__name__])


async def send(client, to, text):
    from slixmpp import JID
    x = client["xep_0384"]
    m = client.make_message(mto=to, mtype="chat")
    m["body"] = text
    m.set_from(client.boundjid)
    m, errors = await x.encrypt_message(m, {JID(to)})
    m.send()
    print("sent", errors, flush=True)


async def read(client, m):
    x = client["xep_0384"]
    if x.is_encrypted(m) is None:
        return None
    plain, _ = await x.decrypt_message(m)
    return plain["body"]
