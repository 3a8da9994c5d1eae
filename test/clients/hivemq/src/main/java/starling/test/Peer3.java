// A client of MQTT 3.1.1.
package starling.test;

import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt3.Mqtt3AsyncClient;
import com.hivemq.client.mqtt.mqtt3.message.connect.Mqtt3Connect;
import com.hivemq.client.mqtt.mqtt3.message.publish.Mqtt3Publish;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;

final class Peer3 extends Peer {
  private final Mqtt3AsyncClient client;

  Peer3(String id, URI url, boolean plain) {
    super(id);
    client = builder(url, plain).useMqttVersion3().buildAsync();
    client.publishes(MqttGlobalPublishFilter.ALL, publish -> receive(messageOf(publish)));
  }

  @Override
  void connect(String token, Come how) throws Exception {
    var connect =
        Mqtt3Connect.builder()
            .keepAlive(30)
            .cleanSession(!how.persistent())
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
    return await(suback).getReturnCodes().get(0).getCode();
  }

  @Override
  void send(String topic, int qos, boolean retain, byte[] payload, Properties properties)
      throws Exception {
    if (properties != null) throw new Exception("MQTT 3.1.1 has no properties");
    var publish = Mqtt3Publish.builder().topic(topic).qos(MqttQos.fromCode(qos)).payload(payload);
    await(client.publish(publish.retain(retain).build()));
  }

  @Override
  CompletableFuture<Void> disconnect() {
    return client.disconnect();
  }

  private static Message messageOf(Mqtt3Publish publish) {
    int qos = publish.getQos().getCode();
    return new Message(publish.getPayloadAsBytes(), qos, publish.isRetain(), null);
  }
}
