"""Breakers: devices that publish telemetry and obey commands, and apps that command them from another region.

A user is one MQTT client over a WebSocket. App i commands device i and waits for its answers; the two never share
a region when there are two or more, so the round trip app, device, app crosses regions twice.

Settings come from the environment:
  LOAD_ENDPOINTS   WebSocket URLs, comma separated, one per region, or
  STARLING_LOCAL   the local.json of a running `starling up`, which names its regions' endpoints
  LOAD_TOKENS      a JSON file, client id -> token. With it a client connects to `<endpoint>/<client id>` and gives its
                   token as the password; without it, to the plain URL and without credentials (any other broker)

Both users of a pair live in this process, so `--processes` and distributed runs are not supported.
"""

import itertools
import json
import os
import ssl
import time
from collections import defaultdict
from urllib.parse import urlsplit

import gevent
import paho.mqtt.client as mqtt
from gevent.event import Event
from locust import between, events, task
from locust.contrib.mqtt import MqttClient, MqttUser
from locust.stats import CSV_STATS_INTERVAL_SEC

CONNECT_TIMEOUT_S = 10
READY_TIMEOUT_S = 30
ACK_TIMEOUT_S = 10
ROUND_TRIP_TIMEOUT_S = 10
STOP_TIMEOUT_S = 2
RECONNECT_DELAY_MAX_S = 10

ROUND_TRIP = "command round trip"


def endpoints_from_environment():
    listed = os.environ.get("LOAD_ENDPOINTS")
    if listed:
        return [url.strip().rstrip("/") for url in listed.split(",") if url.strip()]
    local = os.environ.get("STARLING_LOCAL")
    if not local:
        raise SystemExit("set LOAD_ENDPOINTS, or STARLING_LOCAL, to say where to connect")
    if not os.environ.get("LOAD_TOKENS"):
        raise SystemExit("STARLING_LOCAL needs LOAD_TOKENS: Starling lets no client in without a token")
    with open(local, encoding="utf-8") as file:
        return [region["mqtt"].rstrip("/") for region in json.load(file)["regions"].values()]


def tokens_from_environment():
    path = os.environ.get("LOAD_TOKENS")
    if not path:
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


ENDPOINTS = endpoints_from_environment()
TOKENS = tokens_from_environment()


class Run:
    """What the users of one test run share."""

    def __init__(self):
        self.stopping = False
        self.device_numbers = itertools.count()
        self.app_numbers = itertools.count()
        # Set when a device has subscribed for the first time. An app that commanded earlier would measure the ramp.
        self.device_ready = defaultdict(Event)
        self.duplicates = 0


run = Run()


@events.test_start.add_listener
def on_test_start(environment, **_):
    global run
    run = Run()


@events.test_stopping.add_listener
def on_test_stopping(environment, **_):
    # From here on nothing is reported: what is in flight now was cut off by the test, not by the server.
    run.stopping = True


@events.test_stop.add_listener
def on_test_stop(environment, **_):
    if run.duplicates:
        print(f"{run.duplicates} replies came more than once (QoS 1 allows it)")
    # Locust writes its CSV on a timer only; without this pause the file lacks the last moments of the run.
    gevent.sleep(CSV_STATS_INTERVAL_SEC + 0.5)


class BreakerClient(MqttClient):
    """Locust's client, corrected where it would hide failures under MQTT 5.

    Locust registers version 1 callbacks, under which paho passes no reason code of a PUBACK (a refused publish looks
    accepted) and calls on_disconnect with other arguments than Locust's (the network loop dies). It counts only 0x80 as
    a refused subscription, reports every connect as 0 ms, and puts the whole topic in each request's name.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, callback_api_version=mqtt.CallbackAPIVersion.VERSION2, **kwargs)
        self.connect_timeout = CONNECT_TIMEOUT_S
        self.reconnect_delay_set(1, RECONNECT_DELAY_MAX_S)
        self.on_live = lambda: None
        self.on_lost = lambda: None
        self._connect_started = 0.0
        self._live = False

    def report(self, name, response_time_ms=0.0, response_length=0, error=None):
        if run.stopping:
            return
        self.environment.events.request.fire(
            request_type="MQTT",
            name=name,
            response_time=response_time_ms,
            response_length=response_length,
            exception=Exception(error) if isinstance(error, str) else error,
            context={"client_id": self.client_id},
        )

    def drop_overdue_publishes(self):
        """Reports what the server has left unacknowledged; an acknowledgement that comes later counts for nothing."""
        now = time.time()
        for mid, sent in list(self._publish_requests.items()):
            waited_s = now - sent.start_time
            if waited_s > ACK_TIMEOUT_S:
                del self._publish_requests[mid]
                name = self._generate_event_name("publish", sent.qos, sent.topic)
                self.report(name, waited_s * 1000, error=f"no acknowledgement within {ACK_TIMEOUT_S} s")

    def reconnect(self):
        self._connect_started = time.perf_counter()
        try:
            return super().reconnect()
        except OSError as error:
            # paho tells its on_connect_fail nothing about the cause.
            self.report("connect", self._connect_ms(), error=error)
            raise

    def _connect_ms(self):
        return (time.perf_counter() - self._connect_started) * 1000

    def _generate_event_name(self, event_type, qos, topic):
        return f"{event_type} {topic.split('/')[2]}"

    def _on_connect_cb(self, client, userdata, flags, rc):
        if rc.is_failure:
            self.report("connect", self._connect_ms(), error=f"CONNACK {rc}")
            return
        self._live = True
        self.report("connect", self._connect_ms())
        self.on_live()

    def _on_disconnect_cb(self, client, userdata, rc):
        # A refused connect ends here too, and is reported already.
        if self._live:
            self._live = False
            self.report("disconnect", error=f"connection lost: {rc}")
            self.on_lost()

    def _on_subscribe_cb_v5(self, client, userdata, mid, reason_codes, properties):
        qos, topic, started = self._subscribe_requests.pop(mid)
        refused = [str(rc) for rc in reason_codes if rc.is_failure]
        self.report(
            self._generate_event_name("subscribe", qos, topic),
            (time.time() - started) * 1000,
            error=f"SUBACK {', '.join(refused)}" if refused else None,
        )
        if not refused:
            self.on_subscribed()

    def on_subscribed(self):
        """Replaced by the user."""

    def _on_publish_cb(self, client, userdata, mid, reason_code, properties):
        sent = self._publish_requests.pop(mid, None)
        if sent is None:
            return
        self.report(
            self._generate_event_name("publish", sent.qos, sent.topic),
            (time.time() - sent.start_time) * 1000,
            sent.payload_size,
            f"PUBACK {reason_code}" if reason_code.is_failure else None,
        )


class BreakerUser(MqttUser):
    abstract = True
    transport = "websockets"
    protocol = mqtt.MQTTv5
    client_cls = BreakerClient
    # Without it, paho's select() refuses file descriptors above 1023: about 340 users.
    use_loop_selectors = True

    def __init__(self, environment, client_id, region_number, filter_):
        self.client_id = client_id
        self.filter = filter_
        self.ready = Event()
        url = urlsplit(ENDPOINTS[region_number % len(ENDPOINTS)])
        self.host = url.hostname
        self.port = url.port or (443 if url.scheme == "wss" else 80)
        self.tls_context = ssl.create_default_context() if url.scheme == "wss" else None
        self.ws_path = url.path or "/"
        if TOKENS is not None:
            if client_id not in TOKENS:
                raise SystemExit(f"{os.environ['LOAD_TOKENS']} has no token for {client_id}")
            self.ws_path = f"{self.ws_path.rstrip('/')}/{client_id}"
            self.username, self.password = "load", TOKENS[client_id]
        super().__init__(environment)
        # The network loop has been started, but cannot run before this greenlet yields.
        self.client.on_message = self.on_message
        self.client.on_live = self.on_live
        self.client.on_lost = self.ready.clear
        self.client.on_subscribed = self.on_subscribed

    def on_live(self):
        # The session ends with its connection, so every connection subscribes anew.
        self.client.subscribe(self.filter, qos=1)

    def on_subscribed(self):
        self.ready.set()

    def on_start(self):
        if not self.ready.wait(READY_TIMEOUT_S):
            self.client.report("connect", READY_TIMEOUT_S * 1000, error=f"not ready within {READY_TIMEOUT_S} s")

    def on_stop(self):
        self.client.disconnect()
        # Joining the loop waits for the server to close. A server that does not must not hold up the end.
        gevent.with_timeout(STOP_TIMEOUT_S, self.client.loop_stop, timeout_value=None)

    def publish_json(self, topic, body):
        self.client.publish(topic, json.dumps(body), qos=1)

    def on_message(self, client, userdata, message):
        # paho's loop dies of an exception in here, and the user would go on in silence.
        try:
            number = int(message.topic.rsplit("/", 1)[1])
            body = json.loads(message.payload)
            if body["seq"] != number:
                raise ValueError(f"payload says {body['seq']}")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            self.client.report("delivery", error=f"{message.topic}: {error!r}")
        else:
            self.on_number(number, body, message.topic)

    def on_number(self, number, body, topic):
        raise NotImplementedError


class DeviceUser(BreakerUser):
    wait_time = between(0.8, 1.2)

    def __init__(self, environment):
        self.number = next(run.device_numbers)
        self.telemetry_seq = 0
        device = f"load-device-{self.number}"
        super().__init__(environment, device, self.number, f"devices/{device}/cmd/#")

    def on_subscribed(self):
        super().on_subscribed()
        run.device_ready[self.number].set()

    @task
    def telemetry(self):
        self.ready.wait()
        self.client.drop_overdue_publishes()
        self.telemetry_seq += 1
        body = {"seq": self.telemetry_seq, "at": time.time(), "temperature": 20 + self.telemetry_seq % 5}
        self.publish_json(f"devices/{self.client_id}/telemetry", body)

    def on_number(self, number, body, topic):
        self.publish_json(f"devices/{self.client_id}/reply/{number}", {"seq": number, "device": self.client_id})


class AppUser(BreakerUser):
    """Commands at a steady pace whether or not the last was answered: a slow server does not slow its own test."""

    wait_time = between(1.6, 2.4)

    def __init__(self, environment):
        self.number = next(run.app_numbers)
        self.device = f"load-device-{self.number}"
        self.command_seq = 0
        self.last_answered = 0
        self.sent = {}
        # The next region after its device's.
        super().__init__(
            environment, f"load-app-{self.number}", self.number + 1, f"devices/{self.device}/reply/#"
        )

    @task
    def command(self):
        run.device_ready[self.number].wait()
        self.drop_overdue_commands()
        self.ready.wait()
        self.client.drop_overdue_publishes()
        self.command_seq += 1
        self.sent[self.command_seq] = time.perf_counter()
        self.publish_json(f"devices/{self.device}/cmd/{self.command_seq}", {"seq": self.command_seq, "do": "blink"})

    def drop_overdue_commands(self):
        now = time.perf_counter()
        for number, started in list(self.sent.items()):
            if now - started > ROUND_TRIP_TIMEOUT_S:
                del self.sent[number]
                self.client.report(
                    ROUND_TRIP, (now - started) * 1000, error=f"no reply within {ROUND_TRIP_TIMEOUT_S} s"
                )

    def on_number(self, number, body, topic):
        if body.get("device") != self.device or not 0 < number <= self.command_seq:
            self.client.report("delivery", error=f"{topic}: not a reply to a command of {self.client_id}")
            return
        started = self.sent.pop(number, None)
        if started is None:
            # Answered before, or too late and reported as such.
            if number <= self.last_answered:
                run.duplicates += 1
            return
        elapsed_ms = (time.perf_counter() - started) * 1000
        if number < self.last_answered:
            error = "reply out of order: a newer command was answered before"
        elif elapsed_ms > ROUND_TRIP_TIMEOUT_S * 1000:
            error = f"no reply within {ROUND_TRIP_TIMEOUT_S} s"
        else:
            error = None
        self.last_answered = max(self.last_answered, number)
        self.client.report(ROUND_TRIP, elapsed_ms, error=error)
