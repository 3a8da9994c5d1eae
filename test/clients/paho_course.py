"""Takes the course of course.ts with paho-mqtt over WebSockets: the scene is JSON on standard input, each step a line of
JSON on standard output. Ends with 0 only if every step went well."""

import json
import sys
import threading
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

WAIT_S = 15
LARGE_BYTES = 1_000_000
SESSION_TAKEN_OVER = 0x8E

# One for all peers, since some waits look at several of them.
CHANGED = threading.Condition()


class Peer:
    """One client and one connection of it, and all that it was told."""

    def __init__(self, client_id, version, clean):
        self.id = client_id
        self.version = version
        self.clean = clean
        self.changed = CHANGED
        self.connack = None
        self.session_present = None
        self.granted = {}
        self.acknowledged = {}
        self.got = []
        self.closed = None
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=version,
            transport="websockets",
            reconnect_on_failure=False,
            **({} if version == mqtt.MQTTv5 else {"clean_session": clean}),
        )
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_publish = self._on_publish
        self.client.on_message = self._on_message
        self.client.on_disconnect = self._on_disconnect

    def connect(self, url, token, plain, will):
        parts = urlsplit(url)
        self.client.ws_set_options(path=parts.path if plain else f"{parts.path}/{self.id}")
        self.client.username_pw_set("anything", token)
        if will is not None:
            self.client.will_set(will[0], will[1], qos=1)
        options = {}
        if self.version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 0 if self.clean else 3600
            options = {"clean_start": self.clean, "properties": properties}
        self.client.connect(parts.hostname, parts.port, keepalive=30, **options)
        self.client.loop_start()
        self.wait("a CONNACK", lambda: self.connack is not None)
        same(self.connack, 0)
        return self

    def subscribe(self, topic_filter, qos=1):
        _, mid = self.client.subscribe(topic_filter, qos=qos)
        self.wait("a SUBACK", lambda: mid in self.granted)
        same(self.granted[mid], [qos])

    def publish(self, topic, payloads, qos=1, **options):
        """Returns when all of them are acknowledged."""
        mids = [self.client.publish(topic, one, qos=qos, **options).mid for one in payloads]
        self.wait("acknowledgements", lambda: all(mid in self.acknowledged for mid in mids))
        refused = [self.acknowledged[mid] for mid in mids if self.acknowledged[mid] >= 0x80]
        same(refused, [])

    @property
    def texts(self):
        return [message.payload.decode() for message in self.got]

    def gets(self, texts):
        self.wait(f"{len(texts)} messages", lambda: len(self.got) >= len(texts))
        same(self.texts, texts)

    def gets_its_own(self, topic):
        self.subscribe(topic)
        self.publish(topic, ["own"])
        self.gets(["own"])

    def until_text(self, text):
        self.wait(f"the message {text}", lambda: text in self.texts)

    def leave(self):
        self.client.disconnect()
        self.wait("the end of the connection", lambda: self.closed is not None)
        self.client.loop_stop()

    def drop(self):
        """The socket is closed without a DISCONNECT."""
        self.client.loop_stop()
        self.client.socket().close()

    def wait(self, what, is_so):
        with self.changed:
            if not self.changed.wait_for(lambda: is_so() or self._over(), WAIT_S) or not is_so():
                raise TimeoutError(
                    f"{self.id} waited for {what}; CONNACK {self.connack}, closed with {self.closed}, "
                    f"{len(self.got)} messages, grants {list(self.granted.values())}"
                )

    def _over(self):
        return self.closed is not None

    # paho calls these in a thread of its own.

    def _on_connect(self, _client, _userdata, flags, reason_code, _properties):
        with self.changed:
            self.connack = reason_code.value
            self.session_present = flags.session_present
            self.changed.notify_all()

    def _on_subscribe(self, _client, _userdata, mid, reason_codes, _properties):
        with self.changed:
            self.granted[mid] = [code.value for code in reason_codes]
            self.changed.notify_all()

    def _on_publish(self, _client, _userdata, mid, reason_code, _properties):
        with self.changed:
            self.acknowledged[mid] = reason_code.value
            self.changed.notify_all()

    def _on_message(self, _client, _userdata, message):
        with self.changed:
            self.got.append(message)
            self.changed.notify_all()

    def _on_disconnect(self, _client, _userdata, _flags, reason_code, _properties):
        with self.changed:
            self.closed = reason_code.value
            self.changed.notify_all()


class Stage:
    """One step's clients and topics."""

    def __init__(self, scene, step):
        self.scene = scene
        self.version = scene["version"]
        self.step = step
        self.room = f"rooms/{scene['run']}-{step}"
        self.peers = []

    def id(self, member):
        return f"{self.scene['run']}-{self.step}-{member}"

    def come(self, member, region="eu", plain=False, clean=True, will=None):
        peer = Peer(self.id(member), self.version, clean)
        self.peers.append(peer)
        token = self.scene["tokens"][self.id(member)]
        return peer.connect(self.scene["urls"][region], token, plain, will)

    def end(self):
        for peer in self.peers:
            peer.client.disconnect()
            peer.client.loop_stop()


def same(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


def numbered(letter, count):
    return [f"{letter}{i}" for i in range(count)]


def connect_named(stage):
    same(stage.come("a").session_present, False)


def connect_plain(stage):
    a = stage.come("a", plain=True)
    same(a.session_present, False)
    a.gets_its_own(f"{stage.room}/x")


def at_qos(qos):
    def step(stage):
        a = stage.come("a")
        a.subscribe(f"{stage.room}/x", qos)
        stage.come("b").publish(f"{stage.room}/x", numbered("m", 3), qos)
        a.gets(numbered("m", 3))
        same([message.qos for message in a.got], [qos] * 3)

    return step


def session(stage):
    topic = f"devices/{stage.id('a')}/cmd/x"
    before = stage.come("a", clean=False)
    before.subscribe(f"devices/{stage.id('a')}/cmd/#")
    before.leave()
    b = stage.come("b")
    b.publish(topic, numbered("m", 10))
    back = stage.come("a", clean=False)
    same(back.session_present, True)
    back.wait("what waited", lambda: len(back.got) >= 10)
    b.publish(topic, ["end"])
    back.until_text("end")
    same(back.texts, [*numbered("m", 10), "end"])


def will(stage):
    topic = f"{stage.room}/will"
    a = stage.come("a", will=(topic, "gone"))
    b = stage.come("b")
    b.subscribe(topic)
    a.drop()
    b.gets(["gone"])


def retained(stage):
    stage.come("a").publish(f"{stage.room}/x", ["kept"], retain=True)
    b = stage.come("b")
    b.subscribe(f"{stage.room}/#")
    b.gets(["kept"])
    same(b.got[0].retain, True)


def retained_clear(stage):
    a = stage.come("a")
    a.publish(f"{stage.room}/x", ["kept"], retain=True)
    a.publish(f"{stage.room}/x", [b""], retain=True)
    b = stage.come("b")
    b.subscribe(f"{stage.room}/#")
    a.publish(f"{stage.room}/end", ["end"])
    b.gets(["end"])


def filtered(stage, topic_filter, sent, wanted):
    a = stage.come("a")
    a.subscribe(topic_filter)
    b = stage.come("b")
    for topic, text in sent:
        b.publish(topic, [text])
    a.until_text("end")
    same(a.texts, wanted)


def filter_hash(stage):
    room = stage.room
    other = f"rooms/{stage.scene['run']}-other/x"
    sent = [(room, "0"), (f"{room}/k/x", "1"), (other, "2"), (f"{room}/z", "end")]
    filtered(stage, f"{room}/#", sent, ["0", "1", "end"])


def filter_plus(stage):
    room = stage.room
    sent = [(f"{room}/1/x", "0"), (f"{room}/1/y", "1"), (f"{room}/1/2/x", "2"), (f"{room}/2/x", "end")]
    filtered(stage, f"{room}/+/x", sent, ["0", "end"])


def filter_wide(stage):
    last = f"wide-{stage.scene['run']}"
    a = stage.come("a")
    a.subscribe(f"rooms/+/{last}")
    b = stage.come("b")
    for n in ["0", "1"]:
        b.publish(f"{stage.room}-{n}/{last}", [n])
    a.wait("both", lambda: len(a.got) >= 2)
    same(sorted(a.texts), ["0", "1"])


def shared(region_of_b):
    def step(stage):
        members = [stage.come("a"), stage.come("b", region=region_of_b)]
        for member in members:
            member.subscribe(f"$share/g/{stage.room}/jobs")
            member.subscribe(f"{stage.room}/end")
        c = stage.come("c")
        c.publish(f"{stage.room}/jobs", numbered("j", 20))
        c.publish(f"{stage.room}/end", ["end"])
        for member in members:
            member.until_text("end")

        def jobs():
            return [text for member in members for text in member.texts if text != "end"]

        c.wait("twenty jobs", lambda: len(jobs()) >= 20)
        same(sorted(jobs()), sorted(numbered("j", 20)))

    return step


def echo(stage):
    a, b = stage.come("a"), stage.come("b")
    a.subscribe(f"{stage.room}/answers")
    b.subscribe(f"{stage.room}/ask")
    ask = Properties(PacketTypes.PUBLISH)
    ask.ResponseTopic = f"{stage.room}/answers"
    ask.CorrelationData = b"\x00\x01\xfe\xff"
    ask.UserProperty = [("k", "1"), ("k", "2"), ("ü", "✓")]
    a.publish(f"{stage.room}/ask", ["ping"], properties=ask)
    b.gets(["ping"])
    asked = b.got[0].properties
    answer = Properties(PacketTypes.PUBLISH)
    answer.CorrelationData = asked.CorrelationData
    answer.UserProperty = asked.UserProperty
    b.publish(asked.ResponseTopic, ["pong"], properties=answer)
    a.gets(["pong"])
    same(a.got[0].properties.CorrelationData, ask.CorrelationData)
    same(a.got[0].properties.UserProperty, ask.UserProperty)


def large(stage):
    payload = bytes((7 * i + (i >> 8)) & 0xFF for i in range(LARGE_BYTES))
    a, b = stage.come("a"), stage.come("b", region="us")
    a.subscribe(f"{stage.room}/a")
    b.subscribe(f"{stage.room}/b")
    a.publish(f"{stage.room}/b", [payload])
    b.publish(f"{stage.room}/a", [payload])
    for peer in (a, b):
        peer.wait("the large message", lambda peer=peer: len(peer.got) >= 1)
        if peer.got[0].payload != payload:
            raise AssertionError(f"{len(peer.got[0].payload)} bytes came, and not those that were sent")


def takeover(stage):
    first = stage.come("a")
    second = stage.come("a")
    with first.changed:
        first.changed.wait_for(lambda: first.closed is not None, WAIT_S)
    if first.closed is None:
        raise AssertionError("the first connection stays")
    if stage.version == mqtt.MQTTv5:
        same(first.closed, SESSION_TAKEN_OVER)
    second.gets_its_own(f"{stage.room}/x")


def regions(stage):
    a = stage.come("a", region="us")
    a.subscribe(f"{stage.room}/x")
    stage.come("b").publish(f"{stage.room}/x", numbered("m", 10))
    a.gets(numbered("m", 10))


STEPS = {
    "connect-named": connect_named,
    "connect-plain": connect_plain,
    "qos0": at_qos(0),
    "qos1": at_qos(1),
    "qos2": at_qos(2),
    "session": session,
    "will": will,
    "retained": retained,
    "retained-clear": retained_clear,
    "filter-hash": filter_hash,
    "filter-plus": filter_plus,
    "filter-wide": filter_wide,
    "shared": shared("eu"),
    "shared-regions": shared("us"),
    "echo": echo,
    "large": large,
    "takeover": takeover,
    "regions": regions,
}


def take(scene):
    all_ok = True
    for step in scene["steps"]:
        stage = Stage(scene, step)
        detail = None
        try:
            STEPS[step](stage)
        except Exception as error:  # The course goes on after a step that failed.
            detail = f"{type(error).__name__}: {error}"
        finally:
            stage.end()
        all_ok = all_ok and detail is None
        print(json.dumps({"step": step, "ok": detail is None, "detail": detail or ""}), flush=True)
    return all_ok


if __name__ == "__main__":
    sys.exit(0 if take(json.load(sys.stdin)) else 1)
