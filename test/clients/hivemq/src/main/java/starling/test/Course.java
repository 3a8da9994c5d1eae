// Takes the course of ../course.ts with the HiveMQ MQTT Client over WebSockets: the scene is JSON on standard input, each
// step a line of JSON on standard output. Ends with 0 only if every step went well.
package starling.test;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;

public final class Course {
  private static final int LARGE_BYTES = 1_000_000;
  private static final int SESSION_TAKEN_OVER = 0x8e;

  private interface Step {
    void play(Stage stage) throws Exception;
  }

  private static final Map<String, Step> STEPS = new LinkedHashMap<>();

  static {
    STEPS.put("connect-named", s -> same(s.come("a").sessionPresent, false));
    STEPS.put("connect-plain", Course::connectPlain);
    STEPS.put("qos0", s -> atQos(s, 0));
    STEPS.put("qos1", s -> atQos(s, 1));
    STEPS.put("qos2", s -> atQos(s, 2));
    STEPS.put("session", Course::session);
    STEPS.put("will", Course::will);
    STEPS.put("retained", Course::retained);
    STEPS.put("retained-clear", Course::retainedClear);
    STEPS.put("filter-hash", Course::filterHash);
    STEPS.put("filter-plus", Course::filterPlus);
    STEPS.put("filter-wide", Course::filterWide);
    STEPS.put("shared", s -> shared(s, "eu"));
    STEPS.put("shared-regions", s -> shared(s, "us"));
    STEPS.put("echo", Course::echo);
    STEPS.put("large", Course::large);
    STEPS.put("takeover", Course::takeover);
    STEPS.put("regions", Course::regions);
  }

  static void same(Object got, Object wanted) throws Exception {
    if (!Objects.equals(got, wanted)) throw new Exception("got " + got + ", wanted " + wanted);
  }

  private static List<String> numbered(String letter, int count) {
    return IntStream.range(0, count).mapToObj(i -> letter + i).toList();
  }

  private static List<String> sorted(List<String> texts) {
    return texts.stream().sorted().toList();
  }

  private static void connectPlain(Stage s) throws Exception {
    Peer a = s.come("a", new Peer.Come("eu", true, false, null));
    same(a.sessionPresent, false);
    a.getsItsOwn(s.room + "/x");
  }

  private static void atQos(Stage s, int qos) throws Exception {
    Peer a = s.come("a");
    a.subscribe(s.room + "/x", qos);
    s.come("b").publish(s.room + "/x", qos, numbered("m", 3));
    a.gets(numbered("m", 3));
    same(a.got().stream().map(Peer.Message::qos).toList(), List.of(qos, qos, qos));
  }

  private static void session(Stage s) throws Exception {
    Peer.Come kept = new Peer.Come("eu", false, true, null);
    String topic = "devices/" + s.id("a") + "/cmd/x";
    Peer before = s.come("a", kept);
    before.subscribe("devices/" + s.id("a") + "/cmd/#", 1);
    before.leave();
    Peer b = s.come("b");
    b.publish(topic, 1, numbered("m", 10));
    Peer back = s.come("a", kept);
    same(back.sessionPresent, true);
    back.has(10);
    b.publish(topic, 1, List.of("end"));
    back.untilText("end");
    same(back.texts(), Stream.concat(numbered("m", 10).stream(), Stream.of("end")).toList());
  }

  private static void will(Stage s) throws Exception {
    Peer a = s.come("a", new Peer.Come("eu", false, false, s.room + "/will"));
    Peer b = s.come("b");
    b.subscribe(s.room + "/will", 1);
    a.drop();
    b.gets(List.of("gone"));
  }

  private static Peer keeps(Stage s, String... texts) throws Exception {
    Peer a = s.come("a");
    for (String one : texts)
      a.send(s.room + "/x", 1, true, one.getBytes(StandardCharsets.UTF_8), null);
    return a;
  }

  private static void retained(Stage s) throws Exception {
    keeps(s, "kept");
    Peer b = s.come("b");
    b.subscribe(s.room + "/#", 1);
    b.gets(List.of("kept"));
    same(b.got().get(0).retain(), true);
  }

  private static void retainedClear(Stage s) throws Exception {
    Peer a = keeps(s, "kept", "");
    Peer b = s.come("b");
    b.subscribe(s.room + "/#", 1);
    a.publish(s.room + "/end", 1, List.of("end"));
    b.gets(List.of("end"));
  }

  private record Sent(String topic, String text) {}

  private static void filtered(Stage s, String filter, List<Sent> sent, List<String> wanted)
      throws Exception {
    Peer a = s.come("a");
    a.subscribe(filter, 1);
    Peer b = s.come("b");
    for (Sent one : sent) b.publish(one.topic(), 1, List.of(one.text()));
    a.untilText("end");
    same(a.texts(), wanted);
  }

  private static void filterHash(Stage s) throws Exception {
    List<Sent> sent =
        List.of(
            new Sent(s.room, "0"),
            new Sent(s.room + "/k/x", "1"),
            new Sent("rooms/" + s.run + "-other/x", "2"),
            new Sent(s.room + "/z", "end"));
    filtered(s, s.room + "/#", sent, List.of("0", "1", "end"));
  }

  private static void filterPlus(Stage s) throws Exception {
    List<Sent> sent =
        List.of(
            new Sent(s.room + "/1/x", "0"),
            new Sent(s.room + "/1/y", "1"),
            new Sent(s.room + "/1/2/x", "2"),
            new Sent(s.room + "/2/x", "end"));
    filtered(s, s.room + "/+/x", sent, List.of("0", "end"));
  }

  private static void filterWide(Stage s) throws Exception {
    String last = "/wide-" + s.run;
    Peer a = s.come("a");
    a.subscribe("rooms/+" + last, 1);
    Peer b = s.come("b");
    for (String n : List.of("0", "1")) b.publish(s.room + "-" + n + last, 1, List.of(n));
    a.has(2);
    same(sorted(a.texts()), List.of("0", "1"));
  }

  private static void shared(Stage s, String regionOfB) throws Exception {
    List<Peer> members = List.of(s.come("a"), s.come("b", Peer.Come.in(regionOfB)));
    for (Peer one : members) {
      one.subscribe("$share/g/" + s.room + "/jobs", 1);
      one.subscribe(s.room + "/end", 1);
    }
    Peer c = s.come("c");
    c.publish(s.room + "/jobs", 1, numbered("j", 20));
    c.publish(s.room + "/end", 1, List.of("end"));
    for (Peer one : members) one.untilText("end");
    c.until("twenty jobs", () -> jobsOf(members).size() >= 20);
    same(sorted(jobsOf(members)), sorted(numbered("j", 20)));
  }

  private static List<String> jobsOf(List<Peer> members) {
    List<String> jobs = new ArrayList<>();
    for (Peer one : members) jobs.addAll(one.texts());
    jobs.removeIf("end"::equals);
    return jobs;
  }

  private static void echo(Stage s) throws Exception {
    Peer a = s.come("a");
    Peer b = s.come("b");
    a.subscribe(s.room + "/answers", 1);
    b.subscribe(s.room + "/ask", 1);
    Peer.Properties ask =
        new Peer.Properties(
            s.room + "/answers",
            List.of((byte) 0x00, (byte) 0x01, (byte) 0xfe, (byte) 0xff),
            List.of(
                new Peer.Property("k", "1"),
                new Peer.Property("k", "2"),
                new Peer.Property("ü", "✓")));
    a.send(s.room + "/ask", 1, false, "ping".getBytes(StandardCharsets.UTF_8), ask);
    b.gets(List.of("ping"));
    Peer.Properties asked = b.got().get(0).properties();
    Peer.Properties answer = new Peer.Properties(null, asked.correlation(), asked.user());
    byte[] pong = "pong".getBytes(StandardCharsets.UTF_8);
    b.send(asked.responseTopic(), 1, false, pong, answer);
    a.gets(List.of("pong"));
    same(a.got().get(0).properties().correlation(), ask.correlation());
    same(a.got().get(0).properties().user(), ask.user());
  }

  private static void large(Stage s) throws Exception {
    byte[] payload = new byte[LARGE_BYTES];
    for (int i = 0; i < payload.length; i++) payload[i] = (byte) (7 * i + (i >> 8));
    Peer a = s.come("a");
    Peer b = s.come("b", Peer.Come.in("us"));
    a.subscribe(s.room + "/a", 1);
    b.subscribe(s.room + "/b", 1);
    a.send(s.room + "/b", 1, false, payload, null);
    b.send(s.room + "/a", 1, false, payload, null);
    for (Peer one : List.of(a, b)) {
      one.has(1);
      byte[] got = one.got().get(0).payload();
      if (!Arrays.equals(got, payload))
        throw new Exception(got.length + " bytes came, and not those that were sent");
    }
  }

  private static void takeover(Stage s) throws Exception {
    Peer first = s.come("a");
    Peer second = s.come("a");
    same(first.closedWith(), s.version == 5 ? SESSION_TAKEN_OVER : -1);
    second.getsItsOwn(s.room + "/x");
  }

  private static void regions(Stage s) throws Exception {
    Peer a = s.come("a", Peer.Come.in("us"));
    a.subscribe(s.room + "/x", 1);
    s.come("b").publish(s.room + "/x", 1, numbered("m", 10));
    a.gets(numbered("m", 10));
  }

  private static String failureOf(JsonObject scene, String step) {
    Stage stage = new Stage(scene, step);
    try {
      STEPS.get(step).play(stage);
      return null;
    } catch (Exception failure) {
      return failure.toString();
    } finally {
      stage.end();
    }
  }

  public static void main(String[] args) {
    var in = new InputStreamReader(System.in, StandardCharsets.UTF_8);
    JsonObject scene = JsonParser.parseReader(in).getAsJsonObject();
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    boolean allOk = true;
    for (JsonElement step : scene.getAsJsonArray("steps")) {
      String failure = failureOf(scene, step.getAsString());
      allOk &= failure == null;
      JsonObject outcome = new JsonObject();
      outcome.add("step", step);
      outcome.addProperty("ok", failure == null);
      outcome.addProperty("detail", failure == null ? "" : failure);
      out.println(outcome);
    }
    System.exit(allOk ? 0 : 1);
  }
}
