// The numbered normative statements of MQTT 5.0 (OASIS Standard, 7 March 2019, appendix B), in our words.
import { type Statement, statements } from './statements.ts'

export const STATEMENTS_5: readonly Statement[] = statements(`
1.5.4-1 both A string is well-formed UTF-8 without surrogates.
1.5.4-2 both A string has no U+0000.
1.5.4-3 both EF BB BF is the character U+FEFF wherever it stands, and is not stripped.
1.5.5-1 both A Variable Byte Integer takes as few bytes as its value needs.
1.5.7-1 both Both strings of a String Pair keep the rules of strings.
2.1.3-1 both The reserved flags of the fixed header have the values that the table gives.
2.2.1-2 both A PUBLISH at QoS 0 has no Packet Identifier.
2.2.1-3 both A client's new SUBSCRIBE, UNSUBSCRIBE or PUBLISH above QoS 0 has an unused Packet Identifier, not 0.
2.2.1-4 server The server's new PUBLISH above QoS 0 has an unused Packet Identifier, not 0.
2.2.1-5 both PUBACK, PUBREC, PUBREL and PUBCOMP carry the Packet Identifier of their PUBLISH.
2.2.1-6 server SUBACK and UNSUBACK carry the Packet Identifier of what they answer.
2.2.2-1 both No properties means a Property Length of 0.
3.1.0-1 both The first packet of a client is CONNECT.
3.1.0-2 server A second CONNECT is a Protocol Error and ends the connection.
3.1.2-1 both The protocol name is MQTT; a server that refuses another may send CONNACK 0x84, and closes.
3.1.2-2 server A version that the server does not accept may get CONNACK 0x84, and the connection closes.
3.1.2-3 server The server checks that the reserved flag of CONNECT is 0.
3.1.2-4 both Clean Start 1 discards the existing session and starts a new one.
3.1.2-5 server Clean Start 0 with an existing session goes on with that session.
3.1.2-6 server Clean Start 0 without a session creates one.
3.1.2-7 server With Will Flag 1 the Will Message is stored with the session.
3.1.2-8 server The will is published after the close, when its delay is over or the session ends, unless it was removed.
3.1.2-9 both With Will Flag 1 the payload has Will Properties, Will Topic and Will Payload.
3.1.2-10 server The stored will goes away once it is published, and at a DISCONNECT with 0x00.
3.1.2-11 both With Will Flag 0 the Will QoS is 0.
3.1.2-12 both With Will Flag 1 the Will QoS is 0, 1 or 2.
3.1.2-13 both With Will Flag 0 Will Retain is 0.
3.1.2-14 server With Will Retain 0 the will is published as a message that is not retained.
3.1.2-15 server With Will Retain 1 the will is published as a retained message.
3.1.2-16 both With User Name Flag 0 there is no User Name.
3.1.2-17 both With User Name Flag 1 there is a User Name.
3.1.2-18 both With Password Flag 0 there is no Password.
3.1.2-19 both With Password Flag 1 there is a Password.
3.1.2-20 client With a Keep Alive and nothing else to send, the client sends PINGREQ.
3.1.2-21 client A client that is given a Server Keep Alive uses it.
3.1.2-22 server No packet for one and a half Keep Alive periods: the server closes as if the network had failed.
3.1.2-23 both Session state is kept after the close when the Session Expiry Interval is above 0.
3.1.2-24 server The server sends no packet over the client's Maximum Packet Size.
3.1.2-25 server A packet that is too large is not sent, and counts as sent.
3.1.2-26 server The server sends no Topic Alias above the client's Topic Alias Maximum.
3.1.2-27 server Without a Topic Alias Maximum, or with 0, the server sends no Topic Alias.
3.1.2-28 server Request Response Information 0: no Response Information is returned.
3.1.2-29 server Request Problem Information 0: Reason String and User Property only on PUBLISH, CONNACK and DISCONNECT.
3.1.2-30 client After CONNECT with an Authentication Method the client sends only AUTH and DISCONNECT until CONNACK.
3.1.3-1 both The fields of the CONNECT payload come in their order.
3.1.3-2 both Session state belongs to the Client Identifier.
3.1.3-3 both The Client Identifier is present, and is the first field of the payload.
3.1.3-4 both The Client Identifier is a UTF-8 string.
3.1.3-5 server Client Identifiers of 1 to 23 bytes of 0-9, a-z and A-Z are allowed.
3.1.3-6 server A server that allows an empty Client Identifier assigns a unique one.
3.1.3-7 server It goes on as if the client had given that identifier, and returns it in CONNACK.
3.1.3-8 server A rejected Client Identifier may get CONNACK 0x85, and the connection closes.
3.1.3-9 server A new connection to the session within the Will Delay Interval: the will is not sent.
3.1.3-10 server The User Properties of the will keep their order.
3.1.3-11 both The Will Topic is a UTF-8 string.
3.1.3-12 both The User Name is a UTF-8 string.
3.1.4-1 server The server checks the form of CONNECT and closes when it is wrong.
3.1.4-2 server The server may check more, such as who the client is; when a check fails it closes.
3.1.4-3 server A client that is already connected gets DISCONNECT 0x8E, and its old connection closes.
3.1.4-4 server The server does what Clean Start asks for.
3.1.4-5 server An accepted CONNECT gets CONNACK 0x00.
3.1.4-6 server After refusing a CONNECT the server handles nothing more from the client but AUTH.
3.2.0-1 server CONNACK 0x00 comes before every other packet of the server but AUTH.
3.2.0-2 server One CONNACK a connection at most.
3.2.2-1 server Bits 7 to 1 of the Connect Acknowledge Flags are 0.
3.2.2-2 server Clean Start 1, accepted: Session Present is 0.
3.2.2-3 server Clean Start 0, accepted: Session Present says whether there was a session.
3.2.2-4 client A client without session state that gets Session Present 1 closes.
3.2.2-5 client A client with session state that gets Session Present 0 drops it.
3.2.2-6 server CONNACK with a code other than 0 has Session Present 0.
3.2.2-7 server After CONNACK with 0x80 or more the server closes.
3.2.2-8 server CONNACK has one of the codes of its table.
3.2.2-9 server A server without QoS 1 or 2 says so with Maximum QoS.
3.2.2-10 server Such a server still accepts SUBSCRIBE for QoS 0, 1 and 2.
3.2.2-11 client A client publishes at no QoS above Maximum QoS.
3.2.2-12 server A Will QoS above what the server can do is refused, 0x9B, and the connection closes.
3.2.2-13 server A retained will is refused, 0x9A, by a server that cannot retain.
3.2.2-14 client A client that was told Retain Available 0 publishes nothing with RETAIN 1.
3.2.2-15 both A client sends no packet over the server's Maximum Packet Size.
3.2.2-16 server An empty Client Identifier gets an Assigned Client Identifier that no other session has.
3.2.2-17 both A client sends no Topic Alias above the server's Topic Alias Maximum.
3.2.2-18 client Without a Topic Alias Maximum of the server a client sends no Topic Alias.
3.2.2-19 server CONNACK leaves out a Reason String that would make it too large for the client.
3.2.2-20 server CONNACK leaves out User Properties that would make it too large for the client.
3.2.2-21 client A client that gets a Server Keep Alive uses it instead of its own.
3.2.2-22 server Without a Server Keep Alive the server goes by the client's Keep Alive.
3.3.1-1 both A PUBLISH that is sent again has DUP 1.
3.3.1-2 both A PUBLISH at QoS 0 has DUP 0.
3.3.1-3 server DUP of an outgoing PUBLISH depends only on whether it is sent again.
3.3.1-4 both A PUBLISH does not have both QoS bits set.
3.3.1-5 server RETAIN 1 from a client replaces the topic's retained message with this one and its QoS.
3.3.1-6 server A retained message without payload is delivered and removes the topic's retained message.
3.3.1-7 server A retained message without payload is not stored.
3.3.1-8 server RETAIN 0 neither stores, removes nor replaces a retained message.
3.3.1-9 server Retain Handling 0: the matching retained messages are sent.
3.3.1-10 server Retain Handling 1: they are sent only when the subscription is new.
3.3.1-11 server Retain Handling 2: they are not sent.
3.3.1-12 server Retain As Published 0: messages are forwarded with RETAIN 0.
3.3.1-13 server Retain As Published 1: messages are forwarded with RETAIN as it came.
3.3.2-1 both The Topic Name is the first field of PUBLISH, and a UTF-8 string.
3.3.2-2 both A Topic Name in PUBLISH has no wildcard.
3.3.2-3 server The topic that is sent to a subscriber matches its filter.
3.3.2-4 server The Payload Format Indicator reaches every subscriber unchanged.
3.3.2-5 server A copy that expired before its delivery began is deleted.
3.3.2-6 server Message Expiry Interval goes out less the time that the message waited.
3.3.2-7 both Topic Aliases do not outlive the connection.
3.3.2-8 both A Topic Alias is not 0.
3.3.2-9 both A client sends no Topic Alias above the server's maximum.
3.3.2-10 client A client accepts every Topic Alias up to its own maximum.
3.3.2-11 server The server sends no Topic Alias above the client's maximum.
3.3.2-12 server The server accepts every Topic Alias up to its own maximum.
3.3.2-13 both The Response Topic is a UTF-8 string.
3.3.2-14 both The Response Topic has no wildcard.
3.3.2-15 server The Response Topic reaches every subscriber unchanged.
3.3.2-16 server Correlation Data reaches every subscriber unchanged.
3.3.2-17 server All User Properties reach the subscriber unchanged.
3.3.2-18 server User Properties keep their order.
3.3.2-19 both The Content Type is a UTF-8 string.
3.3.2-20 server The Content Type reaches every subscriber unchanged.
3.3.4-1 both PUBLISH is answered as its QoS asks.
3.3.4-2 server Overlapping subscriptions deliver at the highest QoS among them.
3.3.4-3 server The Subscription Identifiers of the overlapping subscriptions go with the message.
3.3.4-4 server A single copy has the identifiers of all matching subscriptions.
3.3.4-5 server With one copy a subscription, each has the identifier of its own.
3.3.4-6 both A client's PUBLISH has no Subscription Identifier.
3.3.4-7 both A client has no more unacknowledged PUBLISH above QoS 0 than the server's Receive Maximum.
3.3.4-8 client A client whose quota is used up still sends its other packets.
3.3.4-9 server The server has no more unacknowledged PUBLISH above QoS 0 than the client's Receive Maximum.
3.3.4-10 server The server whose quota is used up still sends its other packets.
3.4.2-1 both PUBACK has one of the codes of its table.
3.4.2-2 both PUBACK leaves out a Reason String that would make it too large for the receiver.
3.4.2-3 both PUBACK leaves out User Properties that would make it too large for the receiver.
3.5.2-1 both PUBREC has one of the codes of its table.
3.5.2-2 both PUBREC leaves out a Reason String that would make it too large for the receiver.
3.5.2-3 both PUBREC leaves out User Properties that would make it too large for the receiver.
3.6.1-1 both The flags of PUBREL are 0010; the server closes on others.
3.6.2-1 both PUBREL has one of the codes of its table.
3.6.2-2 both PUBREL leaves out a Reason String that would make it too large for the receiver.
3.6.2-3 both PUBREL leaves out User Properties that would make it too large for the receiver.
3.7.2-1 both PUBCOMP has one of the codes of its table.
3.7.2-2 both PUBCOMP leaves out a Reason String that would make it too large for the receiver.
3.7.2-3 both PUBCOMP leaves out User Properties that would make it too large for the receiver.
3.8.1-1 both The flags of SUBSCRIBE are 0010; the server closes on others.
3.8.3-1 both The filters of SUBSCRIBE are UTF-8 strings.
3.8.3-2 both SUBSCRIBE has at least one filter.
3.8.3-3 server No Local 1: nothing that the same client published is forwarded to it.
3.8.3-4 both No Local 1 on a shared subscription is a Protocol Error.
3.8.3-5 server Reserved bits in the Subscription Options make SUBSCRIBE malformed.
3.8.4-1 server SUBSCRIBE is answered with SUBACK.
3.8.4-2 server SUBACK has the Packet Identifier of its SUBSCRIBE.
3.8.4-3 server The filter of an existing subscription replaces that subscription.
3.8.4-4 server With Retain Handling 0 the replacement sends retained messages again, and no message is lost over it.
3.8.4-5 server A SUBSCRIBE of several filters is as several, with one SUBACK.
3.8.4-6 server SUBACK has a code for each filter.
3.8.4-7 server Each code is the granted QoS or a failure.
3.8.4-8 server Messages go out at the lower of their QoS and the granted one.
3.9.2-1 server SUBACK leaves out a Reason String that would make it too large for the client.
3.9.2-2 server SUBACK leaves out User Properties that would make it too large for the client.
3.9.3-1 server The codes of SUBACK are in the order of the filters.
3.9.3-2 server SUBACK has codes of its table.
3.10.1-1 both The flags of UNSUBSCRIBE are 0010; the server closes on others.
3.10.3-1 both The filters of UNSUBSCRIBE are UTF-8 strings.
3.10.3-2 both UNSUBSCRIBE has at least one filter.
3.10.4-1 server A filter is compared character by character; the subscription that it equals is deleted.
3.10.4-2 server After UNSUBSCRIBE no new matching messages are added for the client.
3.10.4-3 server Deliveries above QoS 0 that have begun are completed.
3.10.4-4 server UNSUBSCRIBE is answered with UNSUBACK.
3.10.4-5 server UNSUBACK has the Packet Identifier of its UNSUBSCRIBE, even when nothing was deleted.
3.10.4-6 server An UNSUBSCRIBE of several filters is as several, with one UNSUBACK.
3.11.2-1 server UNSUBACK leaves out a Reason String that would make it too large for the client.
3.11.2-2 server UNSUBACK leaves out User Properties that would make it too large for the client.
3.11.3-1 server The codes of UNSUBACK are in the order of the filters.
3.11.3-2 server UNSUBACK has codes of its table.
3.12.4-1 server PINGREQ is answered with PINGRESP.
3.14.0-1 server No DISCONNECT of the server before a CONNACK below 0x80.
3.14.1-1 both The flags of DISCONNECT are 0; others get DISCONNECT 0x81.
3.14.2-1 both DISCONNECT has one of the codes of its table.
3.14.2-2 server The server's DISCONNECT has no Session Expiry Interval.
3.14.2-3 both DISCONNECT leaves out a Reason String that would make it too large for the receiver.
3.14.2-4 both DISCONNECT leaves out User Properties that would make it too large for the receiver.
3.14.4-1 both Nothing is sent on a connection after DISCONNECT.
3.14.4-2 both Who sends DISCONNECT closes the connection.
3.14.4-3 server DISCONNECT 0x00 of the client discards its will.
3.15.1-1 both The flags of AUTH are 0; the receiver closes on others.
3.15.2-1 both AUTH has one of the codes of its table.
3.15.2-2 both AUTH leaves out a Reason String that would make it too large for the receiver.
3.15.2-3 both AUTH leaves out User Properties that would make it too large for the receiver.
4.1.0-1 both Session state is not discarded while the connection is open.
4.1.0-2 server Session state is discarded when the connection is closed and the Session Expiry Interval is over.
4.2.0-1 both The transport is an ordered, lossless stream of bytes in both directions.
4.3.1-1 both A message at QoS 0 is sent as PUBLISH with QoS 0 and DUP 0.
4.3.2-1 both At QoS 1 every new message has an unused Packet Identifier.
4.3.2-2 both At QoS 1 the first PUBLISH has QoS 1 and DUP 0.
4.3.2-3 both At QoS 1 a PUBLISH is unacknowledged until its PUBACK.
4.3.2-4 both At QoS 1 the receiver that took the message over answers with PUBACK and its Packet Identifier.
4.3.2-5 both After PUBACK a PUBLISH with the same Packet Identifier is a new message, whatever its DUP.
4.3.3-1 both At QoS 2 every new message has an unused Packet Identifier.
4.3.3-2 both At QoS 2 the first PUBLISH has QoS 2 and DUP 0.
4.3.3-3 both At QoS 2 a PUBLISH is unacknowledged until its PUBREC.
4.3.3-4 both A PUBREC below 0x80 is answered with PUBREL of the same Packet Identifier.
4.3.3-5 both A PUBREL is unacknowledged until its PUBCOMP.
4.3.3-6 both The PUBLISH is not sent again once its PUBREL was sent.
4.3.3-7 both A message does not expire once its PUBLISH was sent.
4.3.3-8 both At QoS 2 the receiver that took the message over answers with PUBREC and its Packet Identifier.
4.3.3-9 both After a PUBREC of 0x80 or more a PUBLISH with that Packet Identifier is a new message.
4.3.3-10 both Until PUBREL a repeated PUBLISH gets PUBREC again and is not delivered twice.
4.3.3-11 both PUBREL is answered with PUBCOMP of the same Packet Identifier.
4.3.3-12 both After PUBCOMP a PUBLISH with that Packet Identifier is a new message.
4.3.3-13 both The exchange at QoS 2 goes on even when the message expired.
4.4.0-1 both At reconnect unacknowledged PUBLISH and PUBREL are sent again under their identifiers, and at no other time.
4.4.0-2 both A PUBACK or PUBREC of 0x80 or more acknowledges; the PUBLISH is not sent again.
4.5.0-1 server A message that the server took over is added to every session with a matching subscription.
4.5.0-2 client A client acknowledges every PUBLISH, whatever it does with it.
4.6.0-1 client PUBLISH packets are sent again in their order.
4.6.0-2 client PUBACK packets come in the order of their PUBLISH packets.
4.6.0-3 client PUBREC packets come in the order of their PUBLISH packets.
4.6.0-4 client PUBREL packets come in the order of their PUBREC packets.
4.6.0-5 server Messages of one client on an Ordered Topic reach consumers in order, for the same topic and QoS.
4.6.0-6 server Every topic is an Ordered Topic for subscriptions that are not shared.
4.7.0-1 both Wildcards are for filters and not for Topic Names.
4.7.1-1 both # stands alone or after a separator, and last.
4.7.1-2 both + takes a whole level.
4.7.2-1 server Filters that begin with a wildcard do not match topics that begin with $.
4.7.3-1 both Topic Names and filters have at least one character.
4.7.3-2 both Topic Names and filters have no U+0000.
4.7.3-3 both Topic Names and filters take at most 65,535 bytes.
4.7.3-4 server Matching neither normalizes nor replaces characters.
4.8.2-1 both A shared filter begins with $share/ and a ShareName of at least one character.
4.8.2-2 both A ShareName has no / + or #, and a / and a filter follow it.
4.8.2-3 server Each member of a shared subscription gets messages at the QoS that it was granted.
4.8.2-4 server A shared delivery at QoS 2 that was cut off is completed when its client returns.
4.8.2-5 server When that client's session ends instead, the message goes to no other member.
4.8.2-6 server A PUBACK or PUBREC of 0x80 or more to a shared delivery discards the message.
4.9.0-1 both The send quota begins above 0 and at most at the Receive Maximum.
4.9.0-2 both With a send quota of 0 no PUBLISH above QoS 0 is sent.
4.9.0-3 both With a send quota of 0 all other packets are still handled and answered.
4.12.0-1 server An Authentication Method that the server does not support may get CONNACK 0x8C or 0x87; it closes.
4.12.0-2 server An AUTH of the server that asks for more has 0x18.
4.12.0-3 client A client answers it with an AUTH of 0x18.
4.12.0-4 server The server may end the authentication with CONNACK 0x80 or more at any step, and closes.
4.12.0-5 both With an Authentication Method in CONNECT, every AUTH and a successful CONNACK carry the same.
4.12.0-6 server Without one, the server sends no AUTH and no Authentication Method in CONNACK.
4.12.0-7 both Without one, the client sends no AUTH.
4.12.1-1 both Re-authentication keeps the Authentication Method of the connection.
4.12.1-2 both A re-authentication that fails ends the connection, with DISCONNECT where possible.
4.13.1-1 server A Malformed Packet or Protocol Error that has a code ends the connection.
4.13.2-1 both A CONNACK or DISCONNECT of 0x80 or more means that the connection closes, sent or not.
6.0.0-1 both Packets travel in binary WebSocket frames; on another frame the receiver closes.
6.0.0-2 both Packets need not be aligned with frames.
6.0.0-3 both The client offers the subprotocol mqtt.
6.0.0-4 server The server selects the subprotocol mqtt.
`)
