// The numbered normative statements of MQTT 3.1.1 (OASIS Standard, 29 October 2014, appendix B), in our words.
import { type Statement, statements } from './statements.ts'

export const STATEMENTS_3_1_1: readonly Statement[] = statements(`
1.5.3-1 both A string is well-formed UTF-8 without surrogates; the receiver closes on another.
1.5.3-2 both A string has no U+0000; the receiver closes on one.
1.5.3-3 both EF BB BF is the character U+FEFF wherever it stands, and is not stripped.
2.2.2-1 both The reserved flags of the fixed header have the values that the table gives.
2.2.2-2 both On invalid flags the receiver closes.
2.3.1-1 both SUBSCRIBE, UNSUBSCRIBE and PUBLISH above QoS 0 have a Packet Identifier that is not 0.
2.3.1-2 client A client's new packet of these has an unused Packet Identifier.
2.3.1-3 client What a client sends again keeps its Packet Identifier, which is free again after the acknowledgement.
2.3.1-4 server The same is so for the server's PUBLISH above QoS 0.
2.3.1-5 both A PUBLISH at QoS 0 has no Packet Identifier.
2.3.1-6 both PUBACK, PUBREC and PUBREL carry the Packet Identifier of their PUBLISH.
2.3.1-7 server SUBACK and UNSUBACK carry the Packet Identifier of what they answer.
3.1.0-1 both The first packet of a client is CONNECT.
3.1.0-2 server A second CONNECT is a protocol violation and ends the connection.
3.1.2-1 server A CONNECT with another protocol name is not handled as MQTT 3.1.1.
3.1.2-2 server A level that the server does not support gets return code 1, and the connection closes.
3.1.2-3 server The server checks that the reserved flag of CONNECT is 0, and closes when it is not.
3.1.2-4 both CleanSession 0 goes on with the session or creates one, and it is kept after the close.
3.1.2-5 server Messages above QoS 0 for a session that is away are stored in it.
3.1.2-6 both CleanSession 1 discards the session; the new one lasts as long as the connection.
3.1.2-7 server Retained messages do not go away with a session.
3.1.2-8 server The will is stored, and published when the connection closes, unless DISCONNECT removed it.
3.1.2-9 both With Will Flag 1 the payload has Will Topic and Will Message.
3.1.2-10 server The stored will goes away once it is published, and at DISCONNECT.
3.1.2-11 both With Will Flag 0, Will QoS and Will Retain are 0 and there is no Will Topic and Will Message.
3.1.2-12 server With Will Flag 0 no will is published.
3.1.2-13 both With Will Flag 0 the Will QoS is 0.
3.1.2-14 both With Will Flag 1 the Will QoS is 0, 1 or 2.
3.1.2-15 both With Will Flag 0 Will Retain is 0.
3.1.2-16 server With Will Retain 0 the will is published as a message that is not retained.
3.1.2-17 server With Will Retain 1 the will is published as a retained message.
3.1.2-18 both With User Name Flag 0 there is no User Name.
3.1.2-19 both With User Name Flag 1 there is a User Name.
3.1.2-20 both With Password Flag 0 there is no Password.
3.1.2-21 both With Password Flag 1 there is a Password.
3.1.2-22 both With User Name Flag 0 the Password Flag is 0.
3.1.2-23 client With a Keep Alive and nothing else to send, the client sends PINGREQ.
3.1.2-24 server No packet for one and a half Keep Alive periods: the server closes as if the network had failed.
3.1.3-1 both The fields of the CONNECT payload come in their order.
3.1.3-2 both Session state belongs to the Client Identifier.
3.1.3-3 both The Client Identifier is present, and is the first field of the payload.
3.1.3-4 both The Client Identifier is a UTF-8 string.
3.1.3-5 server Client Identifiers of 1 to 23 bytes of 0-9, a-z and A-Z are allowed.
3.1.3-6 server A server that allows an empty Client Identifier assigns a unique one and goes on with it.
3.1.3-7 client A client that gives an empty Client Identifier sets CleanSession 1.
3.1.3-8 server An empty Client Identifier with CleanSession 0 gets return code 2, and the connection closes.
3.1.3-9 server A rejected Client Identifier gets return code 2, and the connection closes.
3.1.3-10 both The Will Topic is a UTF-8 string.
3.1.3-11 both The User Name is a UTF-8 string.
3.1.4-1 server The server checks the form of CONNECT, and closes without CONNACK when it is wrong.
3.1.4-2 server A client that is already connected has its old connection closed.
3.1.4-3 server The server does what CleanSession asks for.
3.1.4-4 server An accepted CONNECT gets return code 0.
3.1.4-5 server After refusing a CONNECT the server handles nothing more from the client.
3.2.0-1 server The first packet of the server is CONNACK.
3.2.2-1 server CleanSession 1, accepted: Session Present is 0.
3.2.2-2 server CleanSession 0, accepted, with a stored session: Session Present is 1.
3.2.2-3 server Without a stored session: Session Present is 0.
3.2.2-4 server CONNACK with a return code other than 0 has Session Present 0.
3.2.2-5 server After CONNACK with a return code other than 0 the server closes.
3.2.2-6 server Where no return code fits, the server closes without CONNACK.
3.3.1-1 both A PUBLISH that is sent again has DUP 1.
3.3.1-2 both A PUBLISH at QoS 0 has DUP 0.
3.3.1-3 server DUP of an outgoing PUBLISH depends only on whether it is sent again.
3.3.1-4 both A PUBLISH does not have both QoS bits set; the receiver closes on one.
3.3.1-5 server RETAIN 1 from a client stores the message and its QoS for later subscribers.
3.3.1-6 server A new subscription gets the last retained message of each matching topic.
3.3.1-7 server A retained message at QoS 0 discards the topic's retained message.
3.3.1-8 server What is sent because of a new subscription has RETAIN 1.
3.3.1-9 server What is sent to an established subscription has RETAIN 0.
3.3.1-10 server A retained message without payload is delivered and removes the topic's retained message.
3.3.1-11 server A retained message without payload is not stored.
3.3.1-12 server RETAIN 0 neither stores, removes nor replaces a retained message.
3.3.2-1 both The Topic Name is the first field of PUBLISH, and a UTF-8 string.
3.3.2-2 both A Topic Name in PUBLISH has no wildcard.
3.3.2-3 server The topic that is sent to a subscriber matches its filter.
3.3.4-1 both PUBLISH is answered as its QoS asks.
3.3.5-1 server Overlapping subscriptions deliver at the highest QoS among them.
3.3.5-2 server A PUBLISH that is not authorized is acknowledged as usual, or the connection closes.
3.6.1-1 both The flags of PUBREL are 0010; the server closes on others.
3.8.1-1 both The flags of SUBSCRIBE are 0010; the server closes on others.
3.8.3-1 both The filters of SUBSCRIBE are UTF-8 strings.
3.8.3-2 server A server without wildcards rejects filters that have them.
3.8.3-3 both SUBSCRIBE has at least one filter.
3.8.3-4 server Reserved bits in the payload, or a QoS of 3, make SUBSCRIBE malformed; the server closes.
3.8.4-1 server SUBSCRIBE is answered with SUBACK.
3.8.4-2 server SUBACK has the Packet Identifier of its SUBSCRIBE.
3.8.4-3 server The filter of an existing subscription replaces it; retained messages are sent again, and nothing is lost.
3.8.4-4 server A SUBSCRIBE of several filters is as several, with one SUBACK.
3.8.4-5 server SUBACK has a return code for each filter: the granted QoS or a failure.
3.8.4-6 server Messages go out at the lower of their QoS and the granted one.
3.9.3-1 server The return codes of SUBACK are in the order of the filters.
3.9.3-2 server SUBACK has only 0, 1, 2 and 0x80.
3.10.1-1 both The flags of UNSUBSCRIBE are 0010; the server closes on others.
3.10.3-1 both The filters of UNSUBSCRIBE are UTF-8 strings, one after another.
3.10.3-2 both UNSUBSCRIBE has at least one filter.
3.10.4-1 server A filter is compared character by character; the subscription that it equals is deleted.
3.10.4-2 server After UNSUBSCRIBE no new messages are added for the client.
3.10.4-3 server Deliveries above QoS 0 that have begun are completed.
3.10.4-4 server UNSUBSCRIBE is answered with UNSUBACK of the same Packet Identifier.
3.10.4-5 server So it is even when nothing was deleted.
3.10.4-6 server An UNSUBSCRIBE of several filters is as several, with one UNSUBACK.
3.12.4-1 server PINGREQ is answered with PINGRESP.
3.14.1-1 server The server checks that the flags of DISCONNECT are 0, and closes when they are not.
3.14.4-1 client A client closes after DISCONNECT.
3.14.4-2 client A client sends nothing after DISCONNECT.
3.14.4-3 server DISCONNECT discards the client's will.
4.1.0-1 both Session state is kept for the whole of the session.
4.1.0-2 both A session lasts at least as long as its connection.
4.3.1-1 both A message at QoS 0 is sent as PUBLISH with QoS 0 and DUP 0.
4.3.2-1 both At QoS 1 the sender takes an unused Packet Identifier, sends DUP 0 first, and waits for PUBACK.
4.3.2-2 both At QoS 1 the receiver answers with PUBACK; the identifier is then free for a new message.
4.3.3-1 both At QoS 2 the sender goes through PUBLISH, PUBREC, PUBREL and PUBCOMP under one identifier.
4.3.3-2 both At QoS 2 the receiver answers with PUBREC and PUBCOMP, and delivers once.
4.4.0-1 both At reconnect with CleanSession 0, unacknowledged PUBLISH and PUBREL are sent again under their identifiers.
4.5.0-1 server A message that the server took over is added to every session with a matching subscription.
4.5.0-2 client A client acknowledges every PUBLISH, whatever it does with it.
4.6.0-1 both PUBLISH packets are sent again in their order.
4.6.0-2 client PUBACK packets come in the order of their PUBLISH packets.
4.6.0-3 client PUBREC packets come in the order of their PUBLISH packets.
4.6.0-4 both PUBREL packets come in the order of their PUBREC packets.
4.6.0-5 server Every topic is an Ordered Topic unless it was set otherwise.
4.6.0-6 server Messages of one client reach consumers in order, for the same topic and QoS.
4.7.1-1 both Wildcards are for filters and not for Topic Names.
4.7.1-2 both # stands alone or after a separator, and last.
4.7.1-3 both + takes a whole level.
4.7.2-1 server Filters that begin with a wildcard do not match topics that begin with $.
4.7.3-1 both Topic Names and filters have at least one character.
4.7.3-2 both Topic Names and filters have no U+0000.
4.7.3-3 both Topic Names and filters take at most 65,535 bytes.
4.7.3-4 server Matching neither normalizes nor replaces characters.
4.8.0-1 both On a protocol violation the receiver closes, unless it is said otherwise.
4.8.0-2 both On a transient error while it handles a packet, the receiver closes.
6.0.0-1 both Packets travel in binary WebSocket frames; on another frame the receiver closes.
6.0.0-2 both Packets need not be aligned with frames.
6.0.0-3 both The client offers the subprotocol mqtt.
6.0.0-4 server The server selects the subprotocol mqtt.
7.0.0-1 server A server that also connects to other servers conforms as a client too.
7.0.0-2 both Nothing outside the standard is needed to work with another implementation.
7.1.1-1 server A server supports an ordered, lossless transport.
7.1.2-1 client A client supports an ordered, lossless transport.
`)
