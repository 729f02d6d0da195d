"""Paho publishes one message: mqtt.py plain|tls|wss HOST PORT ROOT KEYLOG MESSAGE"""
import ssl, sys, time
import paho.mqtt.client as mqtt
mode, host, port, root, keylog, text = sys.argv[1:7]
c = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="alice-phone", transport="websockets" if mode == "wss" else "tcp")
c.username_pw_set("alice", "garden-alice")
if mode != "plain":
    ctx = ssl.create_default_context(cafile=root)
    ctx.keylog_filename = keylog
    c.tls_set_context(ctx)
c.connect(host, int(port))
c.loop_start()
time.sleep(0.3)
c.publish("garden/chat", text, qos=1).wait_for_publish(5)
c.disconnect()
c.loop_stop()
