// One client of a step, of MQTT 5 or 3.1.1: what it is told is kept, and can be waited for.
package starling.test;

import com.hivemq.client.mqtt.MqttClientBuilder;
import com.hivemq.client.mqtt.mqtt5.exceptions.Mqtt5DisconnectException;
import io.netty.channel.nio.NioEventLoopGroup;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

abstract class Peer {
  static final long WAIT_SECONDS = 15;

  /** What is asked of a connection; a null will is none. */
  record Come(String region, boolean plain, boolean persistent, String will) {
    static final Come HERE = new Come("eu", false, false, null);

    static Come in(String region) {
      return new Come(region, false, false, null);
    }
  }

  record Property(String name, String value) {}

  record Properties(String responseTopic, List<Byte> correlation, List<Property> user) {}

  record Message(byte[] payload, int qos, boolean retain, Properties properties) {
    String text() {
      return new String(payload, StandardCharsets.UTF_8);
    }
  }

  final String id;
  private final List<Message> got = new ArrayList<>();
  /** A group for each peer: when it ends, so does the socket. */
  private final NioEventLoopGroup loops = new NioEventLoopGroup(1);
  private boolean closed = false;
  private int reason = -1;
  boolean sessionPresent = false;

  Peer(String id) {
    this.id = id;
  }

  MqttClientBuilder builder(URI url, boolean plain) {
    return com.hivemq.client.mqtt.MqttClient.builder()
        .identifier(id)
        .serverHost(url.getHost())
        .serverPort(url.getPort())
        .webSocketConfig()
        .serverPath(plain ? url.getPath() : url.getPath() + "/" + id)
        .applyWebSocketConfig()
        .executorConfig()
        .nettyExecutor(loops)
        .applyExecutorConfig()
        .addDisconnectedListener(
            context -> {
              synchronized (this) {
                closed = true;
                if (context.getCause() instanceof Mqtt5DisconnectException told)
                  reason = told.getMqttMessage().getReasonCode().getCode();
                notifyAll();
              }
            });
  }

  abstract void connect(String token, Come how) throws Exception;

  /** The QoS that was granted. */
  abstract int granted(String filter, int qos) throws Exception;

  /** Returns when it is acknowledged. */
  abstract void send(String topic, int qos, boolean retain, byte[] payload, Properties properties)
      throws Exception;

  abstract CompletableFuture<Void> disconnect();

  static <T> T await(CompletableFuture<T> future) throws Exception {
    return future.get(WAIT_SECONDS, TimeUnit.SECONDS);
  }

  synchronized void receive(Message message) {
    got.add(message);
    notifyAll();
  }

  synchronized void until(String what, BooleanSupplier isSo) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
    while (!isSo.getAsBoolean()) {
      if (System.nanoTime() > end)
        throw new Exception(
            id + " waited for " + what + "; " + got.size() + " messages came, closed: " + closed);
      // Some waits look at a second peer, which does not tell this one.
      wait(50);
    }
  }

  void subscribe(String filter, int qos) throws Exception {
    Course.same(granted(filter, qos), qos);
  }

  void publish(String topic, int qos, List<String> texts) throws Exception {
    for (String text : texts)
      send(topic, qos, false, text.getBytes(StandardCharsets.UTF_8), null);
  }

  synchronized List<Message> got() {
    return List.copyOf(got);
  }

  List<String> texts() {
    return got().stream().map(Message::text).toList();
  }

  void has(int count) throws Exception {
    until(count + " messages", () -> got.size() >= count);
  }

  void gets(List<String> texts) throws Exception {
    has(texts.size());
    Course.same(texts(), texts);
  }

  void untilText(String text) throws Exception {
    until("the message " + text, () -> texts().contains(text));
  }

  void getsItsOwn(String topic) throws Exception {
    subscribe(topic, 1);
    publish(topic, 1, List.of("own"));
    gets(List.of("own"));
  }

  /** The reason code of the server's DISCONNECT, or -1. */
  int closedWith() throws Exception {
    until("its end", () -> closed);
    return reason;
  }

  void leave() throws Exception {
    await(disconnect());
  }

  /** The socket is closed without a DISCONNECT. */
  void drop() {
    loops.shutdownGracefully(0, 0, TimeUnit.SECONDS);
  }
}
