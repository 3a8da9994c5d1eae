"""Plays one scene with paho-mqtt over WebSockets: the scene is JSON on standard input, what happened JSON on standard
output. It judges nothing but the time: whoever starts it does.

A scene names the MQTT version (4 for 3.1.1, or 5), the device and the app, each with where it connects, and what the
app publishes:
  roundtrip   the device subscribes, the app publishes, the device gets it
  session     the device subscribes and leaves; the app publishes; the device comes back at `back`, and once more
  connect     the device connects, or is refused
"""

import json
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

WAIT_S = 15


class Peer:
    """One client and one connection of it, and all that it was told."""

    def __init__(self, place, version, session_s=0):
        self.version = version
        self.session_s = session_s
        self.place = place
        self.changed = threading.Condition()
        self.connack = None
        self.session_present = None
        self.granted = None
        self.pubacks = []
        self.got = []
        self.closed = False
        options = {} if version == mqtt.MQTTv5 else {"clean_session": session_s == 0}
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=place["id"],
            protocol=version,
            transport="websockets",
            reconnect_on_failure=False,
            **options,
        )
        self.client.ws_set_options(path=place["path"])
        self.client.username_pw_set("anything", place["token"])
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_publish = self._on_publish
        self.client.on_message = self._on_message
        self.client.on_disconnect = self._on_disconnect

    def connect(self):
        options = {}
        if self.version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = self.session_s
            options = {"clean_start": self.session_s == 0, "properties": properties}
        self.client.connect(self.place["host"], self.place["port"], keepalive=30, **options)
        self.client.loop_start()
        self._wait("a CONNACK", lambda: self.connack is not None)
        return self

    def subscribe(self, topic_filter):
        self.client.subscribe(topic_filter, qos=1)
        self._wait("a SUBACK", lambda: self.granted is not None)

    def publish(self, topic, texts):
        """Returns when all of them are acknowledged."""
        wanted = len(self.pubacks) + len(texts)
        for text in texts:
            self.client.publish(topic, text, qos=1)
        self._wait(f"{wanted} PUBACKs", lambda: len(self.pubacks) >= wanted)

    def until(self, text):
        self._wait(f"the message {text}", lambda: any(one["text"] == text for one in self.got))

    def leave(self):
        self.client.disconnect()
        self._wait("the end of the connection", lambda: self.closed)
        self.client.loop_stop()
        return self.account()

    def account(self):
        return {
            "connack": self.connack,
            "sessionPresent": self.session_present,
            "granted": self.granted or [],
            "pubacks": self.pubacks,
            "got": self.got,
        }

    def _wait(self, what, is_so):
        with self.changed:
            if not self.changed.wait_for(is_so, WAIT_S):
                raise TimeoutError(f"{self.place['id']} waited {WAIT_S} s for {what}: {self.account()}")

    # paho calls these in a thread of its own.

    def _on_connect(self, _client, _userdata, flags, reason_code, _properties):
        with self.changed:
            self.connack = reason_code.value
            self.session_present = flags.session_present
            self.changed.notify_all()

    def _on_subscribe(self, _client, _userdata, _mid, reason_codes, _properties):
        with self.changed:
            self.granted = [code.value for code in reason_codes]
            self.changed.notify_all()

    def _on_publish(self, _client, _userdata, _mid, reason_code, _properties):
        with self.changed:
            self.pubacks.append(reason_code.value)
            self.changed.notify_all()

    def _on_message(self, _client, _userdata, message):
        with self.changed:
            self.got.append({"topic": message.topic, "text": message.payload.decode(), "qos": message.qos})
            self.changed.notify_all()

    def _on_disconnect(self, *_):
        with self.changed:
            self.closed = True
            self.changed.notify_all()


def roundtrip(scene):
    device = Peer(scene["device"], scene["version"]).connect()
    device.subscribe(scene["filter"])
    app = Peer(scene["app"], scene["version"]).connect()
    app.publish(scene["topic"], scene["texts"])
    device.until(scene["texts"][-1])
    return {"device": device.leave(), "app": app.leave()}


def session(scene):
    def come(place):
        return Peer(place, scene["version"], session_s=3600).connect()

    device = come(scene["device"])
    device.subscribe(scene["filter"])
    before = device.leave()
    app = Peer(scene["app"], scene["version"]).connect()
    app.publish(scene["topic"], scene["texts"])
    device = come(scene["back"])
    device.until(scene["texts"][-1])
    # A second copy of anything would come before this.
    app.publish(scene["topic"], ["end"])
    device.until("end")
    back = device.leave()
    # What was acknowledged does not come again.
    device = come(scene["device"])
    app.publish(scene["topic"], ["end"])
    device.until("end")
    return {"before": before, "back": back, "again": device.leave(), "app": app.leave()}


def connect(scene):
    device = Peer(scene["device"], scene["version"]).connect()
    return {"device": device.account()}


SCENES = {"roundtrip": roundtrip, "session": session, "connect": connect}

if __name__ == "__main__":
    scene = json.load(sys.stdin)
    json.dump(SCENES[scene["scene"]](scene), sys.stdout)
