// One step's clients and topics.
package starling.test;

import com.google.gson.JsonObject;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

final class Stage {
  final JsonObject scene;
  final String run;
  final String step;
  final String room;
  final int version;
  private final List<Peer> peers = new ArrayList<>();

  Stage(JsonObject scene, String step) {
    this.scene = scene;
    this.step = step;
    run = scene.get("run").getAsString();
    version = scene.get("version").getAsInt();
    room = "rooms/" + run + "-" + step;
  }

  String id(String member) {
    return run + "-" + step + "-" + member;
  }

  Peer come(String member) throws Exception {
    return come(member, Peer.Come.HERE);
  }

  Peer come(String member, Peer.Come how) throws Exception {
    String id = id(member);
    URI url = URI.create(scene.getAsJsonObject("urls").get(how.region()).getAsString());
    Peer peer = version == 5 ? new Peer5(id, url, how.plain()) : new Peer3(id, url, how.plain());
    peers.add(peer);
    peer.connect(scene.getAsJsonObject("tokens").get(id).getAsString(), how);
    return peer;
  }

  void end() {
    for (Peer peer : peers) {
      try {
        peer.leave();
      } catch (Exception notConnected) {
        // It left, or was closed, in the step.
      }
      peer.drop();
    }
  }
}
