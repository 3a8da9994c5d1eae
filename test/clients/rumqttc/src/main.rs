// Takes the course of ../course.ts with rumqttc over WebSockets: the scene is JSON on standard input, each step a line of
// JSON on standard output. Ends with 0 only if every step went well.
mod peer;

use peer::{same, Come, Done, Peer, Properties, WAIT};
use serde_json::{json, Value};
use std::rc::Rc;
use tokio::time::{sleep, Duration, Instant};

const LARGE_BYTES: usize = 1_000_000;

/// One step's clients and topics.
struct Stage<'a> {
    scene: &'a Value,
    step: &'a str,
    run: &'a str,
    room: String,
    version: u64,
    peers: Vec<Rc<Peer>>,
}

impl Stage<'_> {
    fn id(&self, member: &str) -> String {
        format!("{}-{}-{member}", self.run, self.step)
    }

    fn topic(&self, below: &str) -> String {
        format!("{}/{below}", self.room)
    }

    async fn come(&mut self, member: &str, how: Come) -> Done<Rc<Peer>> {
        let id = self.id(member);
        let url = self.scene["urls"][if how.us { "us" } else { "eu" }].as_str().ok_or("no such region")?;
        let token = self.scene["tokens"][&id].as_str().ok_or("no such token")?;
        let peer = Rc::new(Peer::connect(self.version, &id, url, token, how).await?);
        self.peers.push(peer.clone());
        Ok(peer)
    }

    async fn here(&mut self, member: &str) -> Done<Rc<Peer>> {
        self.come(member, Come::default()).await
    }

    async fn in_us(&mut self, member: &str) -> Done<Rc<Peer>> {
        self.come(member, Come { us: true, ..Come::default() }).await
    }
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| one.to_string()).collect()
}

fn numbered(letter: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{letter}{i}")).collect()
}

fn sorted(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all
}

fn session_present(peer: &Peer) -> Option<bool> {
    peer.told(|told| told.session_present)
}

async fn connect_plain(s: &mut Stage<'_>) -> Done {
    let a = s.come("a", Come { plain: true, ..Come::default() }).await?;
    same(session_present(&a), Some(false))?;
    a.gets_its_own(&s.topic("x")).await
}

async fn at_qos(s: &mut Stage<'_>, qos: u8) -> Done {
    let a = s.here("a").await?;
    a.subscribe(&s.topic("x"), qos).await?;
    let b = s.here("b").await?;
    b.publish(&s.topic("x"), qos, &numbered("m", 3)).await?;
    a.gets(&numbered("m", 3)).await?;
    same(a.told(|told| told.got.iter().map(|one| one.qos).collect::<Vec<_>>()), vec![qos; 3])
}

async fn session(s: &mut Stage<'_>) -> Done {
    let kept = || Come { persistent: true, ..Come::default() };
    let topic = format!("devices/{}/cmd/x", s.id("a"));
    let before = s.come("a", kept()).await?;
    before.subscribe(&format!("devices/{}/cmd/#", s.id("a")), 1).await?;
    before.leave().await;
    let b = s.here("b").await?;
    b.publish(&topic, 1, &numbered("m", 10)).await?;
    let back = s.come("a", kept()).await?;
    same(session_present(&back), Some(true))?;
    back.has(10).await?;
    b.publish(&topic, 1, &texts(&["end"])).await?;
    back.until_text("end").await?;
    same(back.texts(), [numbered("m", 10), texts(&["end"])].concat())
}

async fn will(s: &mut Stage<'_>) -> Done {
    let a = s.come("a", Come { will: Some(s.topic("will")), ..Come::default() }).await?;
    let b = s.here("b").await?;
    b.subscribe(&s.topic("will"), 1).await?;
    a.drop_link();
    b.gets(&texts(&["gone"])).await
}

async fn keeps(s: &mut Stage<'_>, all: &[&str]) -> Done<Rc<Peer>> {
    let a = s.here("a").await?;
    for one in all {
        a.send(&s.topic("x"), 1, true, one.as_bytes().to_vec(), None).await?;
    }
    Ok(a)
}

async fn retained(s: &mut Stage<'_>) -> Done {
    keeps(s, &["kept"]).await?;
    let b = s.here("b").await?;
    b.subscribe(&s.topic("#"), 1).await?;
    b.gets(&texts(&["kept"])).await?;
    same(b.told(|told| told.got[0].retain), true)
}

async fn retained_clear(s: &mut Stage<'_>) -> Done {
    let a = keeps(s, &["kept", ""]).await?;
    let b = s.here("b").await?;
    b.subscribe(&s.topic("#"), 1).await?;
    a.publish(&s.topic("end"), 1, &texts(&["end"])).await?;
    b.gets(&texts(&["end"])).await
}

async fn filtered(s: &mut Stage<'_>, filter: &str, sent: &[(String, &str)], wanted: &[&str]) -> Done {
    let a = s.here("a").await?;
    a.subscribe(filter, 1).await?;
    let b = s.here("b").await?;
    for (topic, text) in sent {
        b.publish(topic, 1, &texts(&[text])).await?;
    }
    a.until_text("end").await?;
    same(a.texts(), texts(wanted))
}

async fn filter_hash(s: &mut Stage<'_>) -> Done {
    let other = format!("rooms/{}-other/x", s.run);
    let sent = [(s.room.clone(), "0"), (s.topic("k/x"), "1"), (other, "2"), (s.topic("z"), "end")];
    let filter = s.topic("#");
    filtered(s, &filter, &sent, &["0", "1", "end"]).await
}

async fn filter_plus(s: &mut Stage<'_>) -> Done {
    let sent = [(s.topic("1/x"), "0"), (s.topic("1/y"), "1"), (s.topic("1/2/x"), "2"), (s.topic("2/x"), "end")];
    let filter = s.topic("+/x");
    filtered(s, &filter, &sent, &["0", "end"]).await
}

async fn filter_wide(s: &mut Stage<'_>) -> Done {
    let last = format!("wide-{}", s.run);
    let a = s.here("a").await?;
    a.subscribe(&format!("rooms/+/{last}"), 1).await?;
    let b = s.here("b").await?;
    for n in ["0", "1"] {
        b.publish(&format!("{}-{n}/{last}", s.room), 1, &texts(&[n])).await?;
    }
    a.has(2).await?;
    same(sorted(a.texts()), texts(&["0", "1"]))
}

async fn shared(s: &mut Stage<'_>, us: bool) -> Done {
    let members = [s.here("a").await?, s.come("b", Come { us, ..Come::default() }).await?];
    for one in &members {
        one.subscribe(&format!("$share/g/{}", s.topic("jobs")), 1).await?;
        one.subscribe(&s.topic("end"), 1).await?;
    }
    let c = s.here("c").await?;
    c.publish(&s.topic("jobs"), 1, &numbered("j", 20)).await?;
    c.publish(&s.topic("end"), 1, &texts(&["end"])).await?;
    for one in &members {
        one.until_text("end").await?;
    }
    let jobs = || -> Vec<String> { members.iter().flat_map(|one| one.texts()).filter(|text| text != "end").collect() };
    let end = Instant::now() + WAIT;
    while jobs().len() < 20 && Instant::now() < end {
        sleep(Duration::from_millis(10)).await;
    }
    same(sorted(jobs()), sorted(numbered("j", 20)))
}

async fn echo(s: &mut Stage<'_>) -> Done {
    let (a, b) = (s.here("a").await?, s.here("b").await?);
    a.subscribe(&s.topic("answers"), 1).await?;
    b.subscribe(&s.topic("ask"), 1).await?;
    let user = [("k", "1"), ("k", "2"), ("ü", "✓")].map(|(key, value)| (key.to_string(), value.to_string()));
    let ask = Properties {
        response_topic: Some(s.topic("answers")),
        correlation: Some(vec![0x00, 0x01, 0xfe, 0xff]),
        user: user.to_vec(),
    };
    a.send(&s.topic("ask"), 1, false, b"ping".to_vec(), Some(ask.clone())).await?;
    b.gets(&texts(&["ping"])).await?;
    let asked = b.told(|told| told.got[0].properties.clone());
    let to = asked.response_topic.clone().ok_or("no response topic came")?;
    let answer = Properties { response_topic: None, ..asked };
    b.send(&to, 1, false, b"pong".to_vec(), Some(answer)).await?;
    a.gets(&texts(&["pong"])).await?;
    let got = a.told(|told| told.got[0].properties.clone());
    same(got.correlation, ask.correlation)?;
    same(got.user, ask.user)
}

async fn large(s: &mut Stage<'_>) -> Done {
    let payload: Vec<u8> = (0..LARGE_BYTES).map(|i| (7 * i + (i >> 8)) as u8).collect();
    let (a, b) = (s.here("a").await?, s.in_us("b").await?);
    a.subscribe(&s.topic("a"), 1).await?;
    b.subscribe(&s.topic("b"), 1).await?;
    a.send(&s.topic("b"), 1, false, payload.clone(), None).await?;
    b.send(&s.topic("a"), 1, false, payload.clone(), None).await?;
    for one in [a, b] {
        one.has(1).await?;
        let got = one.told(|told| told.got[0].payload.clone());
        if got != payload {
            return Err(format!("{} bytes came, and not those that were sent", got.len()));
        }
    }
    Ok(())
}

async fn takeover(s: &mut Stage<'_>) -> Done {
    let first = s.here("a").await?;
    let second = s.here("a").await?;
    first.until("its end", |told| told.closed.is_some()).await?;
    let closed = first.told(|told| told.closed.clone()).unwrap_or_default();
    if s.version == 5 && !closed.contains("SessionTakenOver") {
        return Err(format!("closed with {closed}"));
    }
    second.gets_its_own(&s.topic("x")).await
}

async fn regions(s: &mut Stage<'_>) -> Done {
    let a = s.in_us("a").await?;
    a.subscribe(&s.topic("x"), 1).await?;
    let b = s.here("b").await?;
    b.publish(&s.topic("x"), 1, &numbered("m", 10)).await?;
    a.gets(&numbered("m", 10)).await
}

async fn play(s: &mut Stage<'_>) -> Done {
    match s.step {
        "connect-named" => same(session_present(&*s.here("a").await?), Some(false)),
        "connect-plain" => connect_plain(s).await,
        "qos0" => at_qos(s, 0).await,
        "qos1" => at_qos(s, 1).await,
        "qos2" => at_qos(s, 2).await,
        "session" => session(s).await,
        "will" => will(s).await,
        "retained" => retained(s).await,
        "retained-clear" => retained_clear(s).await,
        "filter-hash" => filter_hash(s).await,
        "filter-plus" => filter_plus(s).await,
        "filter-wide" => filter_wide(s).await,
        "shared" => shared(s, false).await,
        "shared-regions" => shared(s, true).await,
        "echo" => echo(s).await,
        "large" => large(s).await,
        "takeover" => takeover(s).await,
        "regions" => regions(s).await,
        other => Err(format!("there is no step {other}")),
    }
}

async fn take(scene: &Value) -> bool {
    let run = scene["run"].as_str().unwrap_or_default();
    let mut all_ok = true;
    for step in scene["steps"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let version = scene["version"].as_u64().unwrap_or_default();
        let mut stage = Stage { scene, step, run, room: format!("rooms/{run}-{step}"), version, peers: vec![] };
        let done = play(&mut stage).await;
        for one in &stage.peers {
            one.leave().await;
        }
        all_ok &= done.is_ok();
        println!("{}", json!({ "step": step, "ok": done.is_ok(), "detail": done.err().unwrap_or_default() }));
    }
    all_ok
}

fn main() {
    let scene: Value = serde_json::from_reader(std::io::stdin()).expect("the scene as JSON");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let all_ok = runtime.block_on(take(&scene));
    std::process::exit(if all_ok { 0 } else { 1 });
}
