// One client of a step, of MQTT 5 or 3.1.1: what it is told is kept, and can be waited for.
use rumqttc::{mqttbytes, v5};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, Instant};

pub const WAIT: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(10);
const PACKET_BYTES_MAX: u32 = 2 * 1024 * 1024;
const SESSION_SECONDS: u32 = 3600;
const REQUESTS: usize = 100;

pub type Done<T = ()> = Result<T, String>;

#[derive(Clone, Default)]
pub struct Properties {
    pub response_topic: Option<String>,
    pub correlation: Option<Vec<u8>>,
    pub user: Vec<(String, String)>,
}

#[derive(Clone)]
pub struct Message {
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
    pub properties: Properties,
}

#[derive(Default)]
pub struct Told {
    pub session_present: Option<bool>,
    pub closed: Option<String>,
    pub got: Vec<Message>,
    granted: Vec<Option<u8>>,
    acknowledged: usize,
    refused: Vec<String>,
}

#[derive(Default)]
pub struct Come {
    pub us: bool,
    pub plain: bool,
    pub persistent: bool,
    pub will: Option<String>,
}

enum Client {
    V4(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

pub struct Peer {
    id: String,
    client: Client,
    told: Arc<Mutex<Told>>,
    polling: JoinHandle<()>,
}

impl Peer {
    pub async fn connect(version: u64, id: &str, url: &str, token: &str, how: Come) -> Done<Peer> {
        let url = if how.plain { url.to_string() } else { format!("{url}/{id}") };
        let told = Arc::new(Mutex::new(Told::default()));
        let (client, polling) =
            if version == 5 { come_v5(id, url, token, how, told.clone()) } else { come_v4(id, url, token, how, told.clone()) };
        let peer = Peer { id: id.to_string(), client, told, polling };
        peer.until("a CONNACK", |told| told.session_present.is_some()).await?;
        Ok(peer)
    }

    pub fn told<T>(&self, look: impl Fn(&Told) -> T) -> T {
        look(&self.told.lock().unwrap())
    }

    /// Fails when the connection ends before it is so.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Told) -> bool) -> Done {
        let end = Instant::now() + WAIT;
        loop {
            if self.told(&is_so) {
                return Ok(());
            }
            if Instant::now() > end || self.told(|told| told.closed.is_some()) {
                return self.told(|told| {
                    Err(format!("{} waited for {what}; {} messages came, closed: {:?}", self.id, told.got.len(), told.closed))
                });
            }
            sleep(LOOK).await;
        }
    }

    pub async fn subscribe(&self, filter: &str, qos: u8) -> Done {
        let before = self.told(|told| told.granted.len());
        match &self.client {
            Client::V4(client) => client.subscribe(filter, v4_qos(qos)).await.map_err(text)?,
            Client::V5(client) => client.subscribe(filter, v5_qos(qos)).await.map_err(text)?,
        }
        self.until("a SUBACK", |told| told.granted.len() > before).await?;
        same(self.told(|told| told.granted[before]), Some(qos))
    }

    pub async fn publish(&self, topic: &str, qos: u8, texts: &[String]) -> Done {
        for one in texts {
            self.send(topic, qos, false, one.clone().into_bytes(), None).await?;
        }
        Ok(())
    }

    /// Returns when it is acknowledged.
    pub async fn send(&self, topic: &str, qos: u8, retain: bool, payload: Vec<u8>, with: Option<Properties>) -> Done {
        let before = self.told(|told| told.acknowledged);
        match &self.client {
            Client::V4(client) => client.publish(topic, v4_qos(qos), retain, payload).await.map_err(text)?,
            Client::V5(client) => match with {
                None => client.publish(topic, v5_qos(qos), retain, payload).await.map_err(text)?,
                Some(with) => {
                    let properties = v5::mqttbytes::v5::PublishProperties {
                        response_topic: with.response_topic,
                        correlation_data: with.correlation.map(Into::into),
                        user_properties: with.user,
                        ..Default::default()
                    };
                    client.publish_with_properties(topic, v5_qos(qos), retain, payload, properties).await.map_err(text)?
                }
            },
        }
        if qos > 0 {
            self.until("an acknowledgement", |told| told.acknowledged > before).await?;
        }
        same(self.told(|told| told.refused.clone()), vec![])
    }

    pub fn texts(&self) -> Vec<String> {
        self.told(|told| told.got.iter().map(|one| String::from_utf8_lossy(&one.payload).into_owned()).collect())
    }

    pub async fn has(&self, count: usize) -> Done {
        self.until(&format!("{count} messages"), |told| told.got.len() >= count).await
    }

    pub async fn gets(&self, texts: &[String]) -> Done {
        self.has(texts.len()).await?;
        same(self.texts(), texts.to_vec())
    }

    pub async fn until_text(&self, wanted: &str) -> Done {
        self.until(&format!("the message {wanted}"), |told| told.got.iter().any(|one| one.payload == wanted.as_bytes())).await
    }

    pub async fn gets_its_own(&self, topic: &str) -> Done {
        let own = ["own".to_string()];
        self.subscribe(topic, 1).await?;
        self.publish(topic, 1, &own).await?;
        self.gets(&own).await
    }

    /// DISCONNECT.
    pub async fn leave(&self) {
        let asked = match &self.client {
            Client::V4(client) => client.try_disconnect().is_ok(),
            Client::V5(client) => client.try_disconnect().is_ok(),
        };
        if asked {
            let _ = self.until("its end", |told| told.closed.is_some()).await;
        }
        self.polling.abort();
    }

    /// The socket is closed without a DISCONNECT: rumqttc's event loop owns it.
    pub fn drop_link(&self) {
        self.polling.abort();
    }
}

fn come_v4(id: &str, url: String, token: &str, how: Come, told: Arc<Mutex<Told>>) -> (Client, JoinHandle<()>) {
    use rumqttc::{Event, LastWill, MqttOptions, Outgoing, Packet, SubscribeReasonCode, Transport};
    let mut options = MqttOptions::new(id, url, 0);
    options.set_transport(Transport::Ws);
    options.set_credentials("anything", token);
    options.set_clean_session(!how.persistent);
    options.set_max_packet_size(PACKET_BYTES_MAX as usize, PACKET_BYTES_MAX as usize);
    if let Some(topic) = how.will {
        options.set_last_will(LastWill::new(topic, "gone", v4_qos(1), false));
    }
    let (client, mut events) = rumqttc::AsyncClient::new(options, REQUESTS);
    let polling = tokio::spawn(async move {
        loop {
            let event = events.poll().await;
            let mut told = told.lock().unwrap();
            match event {
                Ok(Event::Incoming(Packet::ConnAck(connack))) => told.session_present = Some(connack.session_present),
                Ok(Event::Incoming(Packet::SubAck(suback))) => {
                    told.granted.extend(suback.return_codes.iter().map(|code| match code {
                        SubscribeReasonCode::Success(qos) => Some(*qos as u8),
                        _ => None,
                    }))
                }
                Ok(Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_))) => told.acknowledged += 1,
                Ok(Event::Incoming(Packet::Publish(publish))) => told.got.push(Message {
                    payload: publish.payload.to_vec(),
                    qos: publish.qos as u8,
                    retain: publish.retain,
                    properties: Properties::default(),
                }),
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return told.closed = Some("left".to_string()),
                Ok(_) => {}
                // One connection for each peer: it is not polled again, which would reconnect.
                Err(error) => return told.closed = Some(format!("{error:?}")),
            }
        }
    });
    (Client::V4(client), polling)
}

fn come_v5(id: &str, url: String, token: &str, how: Come, told: Arc<Mutex<Told>>) -> (Client, JoinHandle<()>) {
    use v5::mqttbytes::v5::{LastWill, Packet, PubAckReason, PubCompReason, PubRecReason, SubscribeReasonCode};
    use v5::{Event, MqttOptions};
    let mut options = MqttOptions::new(id, url, 0);
    options.set_transport(rumqttc::Transport::Ws);
    options.set_credentials("anything", token);
    options.set_clean_start(!how.persistent);
    options.set_session_expiry_interval(Some(if how.persistent { SESSION_SECONDS } else { 0 }));
    options.set_max_packet_size(Some(PACKET_BYTES_MAX));
    if let Some(topic) = how.will {
        options.set_last_will(LastWill::new(topic, "gone", v5_qos(1), false, None));
    }
    let (client, mut events) = v5::AsyncClient::new(options, REQUESTS);
    let polling = tokio::spawn(async move {
        loop {
            let event = events.poll().await;
            let mut told = told.lock().unwrap();
            match event {
                Ok(Event::Incoming(Packet::ConnAck(connack))) => told.session_present = Some(connack.session_present),
                Ok(Event::Incoming(Packet::SubAck(suback))) => {
                    told.granted.extend(suback.return_codes.iter().map(|code| match code {
                        SubscribeReasonCode::Success(qos) => Some(*qos as u8),
                        _ => None,
                    }))
                }
                Ok(Event::Incoming(Packet::PubAck(puback))) => {
                    told.acknowledged += 1;
                    if !matches!(puback.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) {
                        told.refused.push(format!("{:?}", puback.reason));
                    }
                }
                Ok(Event::Incoming(Packet::PubRec(pubrec))) => {
                    if !matches!(pubrec.reason, PubRecReason::Success | PubRecReason::NoMatchingSubscribers) {
                        told.refused.push(format!("{:?}", pubrec.reason));
                    }
                }
                Ok(Event::Incoming(Packet::PubComp(pubcomp))) => {
                    told.acknowledged += 1;
                    if pubcomp.reason != PubCompReason::Success {
                        told.refused.push(format!("{:?}", pubcomp.reason));
                    }
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    let properties = publish.properties.unwrap_or_default();
                    told.got.push(Message {
                        payload: publish.payload.to_vec(),
                        qos: publish.qos as u8,
                        retain: publish.retain,
                        properties: Properties {
                            response_topic: properties.response_topic,
                            correlation: properties.correlation_data.map(|bytes| bytes.to_vec()),
                            user: properties.user_properties,
                        },
                    })
                }
                Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => return told.closed = Some("left".to_string()),
                Ok(_) => {}
                // One connection for each peer: it is not polled again, which would reconnect.
                Err(error) => return told.closed = Some(format!("{error:?}")),
            }
        }
    });
    (Client::V5(client), polling)
}

fn v4_qos(qos: u8) -> mqttbytes::QoS {
    mqttbytes::qos(qos).unwrap()
}

fn v5_qos(qos: u8) -> v5::mqttbytes::QoS {
    v5::mqttbytes::qos(qos).unwrap()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub fn same<T: PartialEq + std::fmt::Debug>(got: T, wanted: T) -> Done {
    if got == wanted {
        return Ok(());
    }
    Err(format!("got {got:?}, wanted {wanted:?}"))
}
