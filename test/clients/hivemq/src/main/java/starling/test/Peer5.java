// A client of MQTT 5.
package starling.test;

import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt5.Mqtt5AsyncClient;
import com.hivemq.client.mqtt.mqtt5.datatypes.Mqtt5UserProperties;
import com.hivemq.client.mqtt.mqtt5.datatypes.Mqtt5UserProperty;
import com.hivemq.client.mqtt.mqtt5.message.connect.Mqtt5Connect;
import com.hivemq.client.mqtt.mqtt5.message.publish.Mqtt5Publish;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

final class Peer5 extends Peer {
  private static final long SESSION_SECONDS = 3600;
  private final Mqtt5AsyncClient client;

  Peer5(String id, URI url, boolean plain) {
    super(id);
    client = builder(url, plain).useMqttVersion5().buildAsync();
    client.publishes(MqttGlobalPublishFilter.ALL, publish -> receive(messageOf(publish)));
  }

  @Override
  void connect(String token, Come how) throws Exception {
    var connect =
        Mqtt5Connect.builder()
            .keepAlive(30)
            .cleanStart(!how.persistent())
            .sessionExpiryInterval(how.persistent() ? SESSION_SECONDS : 0)
            .simpleAuth()
            .username("anything")
            .password(token.getBytes(StandardCharsets.UTF_8))
            .applySimpleAuth();
    if (how.will() != null)
      connect =
          connect
              .willPublish()
              .topic(how.will())
              .qos(MqttQos.AT_LEAST_ONCE)
              .payload("gone".getBytes(StandardCharsets.UTF_8))
              .applyWillPublish();
    sessionPresent = await(client.connect(connect.build())).isSessionPresent();
  }

  @Override
  int granted(String filter, int qos) throws Exception {
    var suback = client.subscribeWith().topicFilter(filter).qos(MqttQos.fromCode(qos)).send();
    return await(suback).getReasonCodes().get(0).getCode();
  }

  @Override
  void send(String topic, int qos, boolean retain, byte[] payload, Properties properties)
      throws Exception {
    var publish =
        Mqtt5Publish.builder()
            .topic(topic)
            .qos(MqttQos.fromCode(qos))
            .retain(retain)
            .payload(payload);
    if (properties != null) {
      List<Mqtt5UserProperty> user = new ArrayList<>();
      for (Property one : properties.user()) user.add(Mqtt5UserProperty.of(one.name(), one.value()));
      publish = publish.userProperties(Mqtt5UserProperties.of(user));
      byte[] correlation = new byte[properties.correlation().size()];
      for (int i = 0; i < correlation.length; i++) correlation[i] = properties.correlation().get(i);
      publish = publish.correlationData(correlation);
      if (properties.responseTopic() != null)
        publish = publish.responseTopic(properties.responseTopic());
    }
    var error = await(client.publish(publish.build())).getError();
    if (error.isPresent()) throw new Exception(error.get());
  }

  @Override
  CompletableFuture<Void> disconnect() {
    return client.disconnect();
  }

  private static Message messageOf(Mqtt5Publish publish) {
    List<Byte> correlation = new ArrayList<>();
    ByteBuffer bytes = publish.getCorrelationData().orElse(ByteBuffer.allocate(0)).duplicate();
    while (bytes.hasRemaining()) correlation.add(bytes.get());
    List<Property> user = new ArrayList<>();
    for (var one : publish.getUserProperties().asList())
      user.add(new Property(one.getName().toString(), one.getValue().toString()));
    String responseTopic = publish.getResponseTopic().map(Object::toString).orElse(null);
    return new Message(
        publish.getPayloadAsBytes(),
        publish.getQos().getCode(),
        publish.isRetain(),
        new Properties(responseTopic, correlation, user));
  }
}
