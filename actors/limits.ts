// Every bound of the edge in one place; the unit is in the name.

/** Calls that one sender may have under way to one receiver. */
export const COURIER_CALLS_MAX = 8
/** While a call is under way, further records wait this long to travel together. */
export const COURIER_COALESCE_MS = 2
/** Records of one call between actors. */
export const COURIER_BATCH_RECORDS_MAX = 256
/** Bytes of one call between actors; one record is always in it. */
export const COURIER_BATCH_BYTES_MAX = 1024 * 1024
/** Waits in memory for one receiver; past it QoS 0 is dropped and QoS 1 refused. */
export const COURIER_PENDING_BYTES_MAX = 8 * 1024 * 1024
/** Bytes that one actor holds in memory while they are on their way, beside the bounds that are always reserved. */
export const ACTOR_MEMORY_BYTES_MAX = 36 * 1024 * 1024
/** Of these, messages on their way to others; past it QoS 0 is dropped and QoS 1 refused with 0x97. */
export const ACTOR_MESSAGES_BYTES_MAX = 24 * 1024 * 1024
/** Of these, packets of the actor's own client that wait. The rest is for messages, so that a client that floods stops nobody else. */
export const ACTOR_CLIENT_BYTES_MAX = 28 * 1024 * 1024
/** Bytes that an actor has in calls under way: each receiver's call is a copy, and further calls wait. */
export const CALL_ROOM_BYTES_MAX = 8 * 1024 * 1024
/** A call that waits for room begins after this at the latest: by then those before it have left the actor. */
export const CALL_ROOM_WAIT_MS = 50
/** A message of this size or more is not copied for each receiver before its call. */
export const SHARED_RECORD_BYTES_MIN = 4 * 1024
/** A call between actors that failed is tried again after these pauses. */
export const COURIER_RETRY_MS: readonly number[] = [20, 100, 400]
/** An actor logs repeated calls at most this often. */
export const COURIER_REPORT_EVERY_MS = 10_000

/** Upgrades of one address without a token in the URL or a header, in a window, unless the deployment sets another number. */
export const UNPROVEN_UPGRADES_MAX = 1_000
/** That window. */
export const UNPROVEN_WINDOW_MS = 60_000
/** Addresses whose upgrades one process counts; of more the oldest are forgotten. */
export const UNPROVEN_ADDRESSES_MAX = 10_000
/** A socket that does not send CONNECT within this time is closed. */
export const CONNECT_WAIT_MS = 10_000
/**
 * Bytes sent to a client since its last packet: past it QoS 0 is dropped and counted, and what is read from storage waits. As
 * much as a subscriber that only pings each minute gets at 1 MiB a second.
 */
export const SOCKET_UNREAD_BYTES_MAX = 64 * 1024 * 1024
/** A client past that bound is closed with 0x97 after so long without a packet: at least this, and one and a half times its keep alive. */
export const SOCKET_STALLED_MS_MIN = 30_000
/** The longest time until such a client is closed, whatever its keep alive. */
export const SOCKET_STALLED_MS_MAX = 120_000
/** Positions that one SQL statement names. */
export const SQL_LIST_MAX = 500
/** The attachment is written at most this often; an idle actor lives longer than that before it hibernates. */
export const ATTACHMENT_DELAY_MS = 1_000
/** The platform's bound is 16 KiB; a larger attachment goes to storage. */
export const ATTACHMENT_BYTES_MAX = 12 * 1024
/** CONNECT of a client whose token is not checked yet: a larger one, with a large will, shows its token in the upgrade. */
export const ARRIVAL_BYTES_MAX = 16 * 1024
/** Sockets of one actor that wait for CONNACK: so many without a checked token, and so many with one. The oldest goes. */
export const ARRIVALS_MAX = 8
/** Bytes of all these sockets, unfinished CONNECTs included: past it the socket that takes most of them is closed. */
export const ARRIVALS_BYTES_MAX = 4 * 1024 * 1024
/** Frames that may wait in one actor while CONNECTs are being answered. */
export const EARLY_FRAME_BYTES_MAX = 1024 * 1024

/** Topics whose receivers are remembered, and roots that a wide filter could match. */
export const MATCH_CACHE_TOPICS_MAX = 1_000
/** Retained messages of one root; past it the publisher gets 0x97. */
export const RETAINED_MESSAGES_MAX = 10_000
/** Bytes of one root's retained messages; past it the publisher gets 0x97. */
export const RETAINED_BYTES_MAX = 64 * 1024 * 1024
/** Of these only the device itself gets so many below `devices/<id>`: others cannot take all the room. */
export const RETAINED_OWN_MESSAGES = 500
/** And so many bytes. */
export const RETAINED_OWN_BYTES = 8 * 1024 * 1024
/** Deliveries that a leaf stores for sessions whose actors do not answer; past it the session that has most loses its oldest. */
export const BACKLOG_MESSAGES_MAX = 10_000
/** Bytes of these deliveries; past it the same. */
export const BACKLOG_BYTES_MAX = 64 * 1024 * 1024
/** A leaf tries its backlog again after this, and then with growing pauses. */
export const BACKLOG_RETRY_MS = 1_000
/** The longest pause between two tries of a backlog. */
export const BACKLOG_RETRY_MS_MAX = 60_000
/** Receivers whose couriers a leaf remembers, beyond those in use. */
export const FAN_OUT_COURIERS_MAX = 1_000

/** A member of a shared subscription whose client was away is not asked first for this long. */
export const SHARE_AWAY_MS = 5_000
/** Members of shared subscriptions that a leaf remembers as away. */
export const SHARE_AWAY_MAX = 1_000

/** A message that the core has not answered for by then is stored, and so acknowledged. */
export const UPLINK_STORE_AFTER_MS = 1_000
/** An offer to a group's members elsewhere is given up after this; then two members may get the message. */
export const OFFER_WAIT_MS = 5_000
/** Calls that one uplink may have under way to one destination, each with roots of its own. */
export const UPLINK_CALLS_MAX = 4
/** Calls that one uplink may have under way to all destinations. One connection more is for the region's syncs. */
export const UPLINK_CALLS_ALL_MAX = 5
/** Of these: calls to destinations that did not answer last time. */
export const UPLINK_PROBES_MAX = 2
/** A call that takes longer is given up if another destination has none under way and waits for one. */
export const UPLINK_PATIENCE_MS = 1_000
/** Calls with syncs that one uplink may have under way. */
export const SYNC_CALLS_MAX = 1
/** While a call to a destination is under way, further records wait this long to travel together. */
export const UPLINK_COALESCE_MS = 5
/** Records of one call of an uplink. */
export const UPLINK_RECORDS_PER_CALL_MAX = 512
/** Bytes of one call of an uplink; one record is always in it. */
export const UPLINK_BYTES_PER_CALL_MAX = 2 * 1024 * 1024
/**
 * Messages in the outbox of one uplink shard, of which one absent region gets half; past it the publisher
 * gets 0x97.
 */
export const OUTBOX_MESSAGES_MAX = 100_000
/** Bytes in the outbox of one uplink shard; past it the publisher gets 0x97. */
export const OUTBOX_BYTES_MAX = 64 * 1024 * 1024
/** Rows of the outbox, without their records, that an uplink reads at once when it starts. */
export const OUTBOX_ROWS_AT_ONCE = 1_000
/** An uplink tries a region that does not answer again after this, and then with growing pauses. */
export const UPLINK_RETRY_MS_MIN = 100
/** The longest pause between two tries of a region. */
export const UPLINK_RETRY_MS_MAX = 5_000
/** The alarm that wakes an uplink with something in its outbox, should the process have died. */
export const UPLINK_ALARM_MS = 5_000

/** An actor waits this long for a call of the core, unless another bound is named. */
export const CORE_CALL_TIMEOUT_MS = 10_000
/** A claim waits for a hand-over in another region, or until that region counts as lost. */
export const CLAIM_TIMEOUT_MS = 15_000
/** Several regions may be asked by a fence, and one that hangs must not hold the client's deliveries up for long. */
export const DRAINED_TIMEOUT_MS = 3_000
/**
 * A subscription waits for its root's home, and for the regions that must know of it: a busy one answers slowly, and a
 * refusal of all who wait for it would only bring them back. Longer than the core waits for an edge.
 */
export const SUBSCRIBE_TIMEOUT_MS = 25_000
/** A publish waits this long for a look-up; then it goes to the outbox. */
export const RESOLVE_WAIT_MS = 2_000
/** Roots that one client may begin at once: as many as a session may have filters. Past it a publish and SUBACK get 0x97. */
export const ROOTS_BEGUN_MAX = 1_000
/** A client may begin another root after each of these. */
export const ROOT_AGAIN_MS = 3_600
/** So often a leaf looks for a home that nobody has before it makes its region the home, if nothing keeps the messages. */
export const ROOT_LOOKS_MAX = 3
/** After a look-up that failed, publishes go to the outbox for this long before the core is asked again. */
export const RESOLVE_PAUSE_MS = 2_000
/** Bytes of one page of a state that moves to another region; one row is always in it. */
export const MOVE_PAGE_BYTES_MAX = 1024 * 1024
/** Rows of one kind that may change while a state is copied, before all rows of the kind are copied again. */
export const COPY_CHANGES_MAX = 4_096
/** Rounds that copy a state, or what has changed in it, before the home is claimed. */
export const COPY_ROUNDS_MAX = 4
/** A copy for which no page is asked for this long is forgotten at the home; the next question begins it anew. */
export const COPY_IDLE_MS = 60_000
/** Pages of a copy that nobody goes on with are deleted after this. */
export const STAGED_KEPT_MS = 600_000
/** Rows of the pages that an import reads at once. */
export const STAGED_ROWS_AT_ONCE = 16
/** A new home asks an old one again after this, and then ever later. */
export const IMPORT_RETRY_MS = 1_000
/** The longest pause between two questions to an old home. */
export const IMPORT_RETRY_MS_MAX = 60_000
/** Leaves that one publisher remembers the way to. */
export const PUBLISH_COURIERS_MAX = 64
/** A will without keep alive looks this often whether its connection still stands, should the process have died. */
export const WILL_CHECK_MS = 60_000
/** A SUBSCRIBE waits this long for the retained messages that its client has published before. */
export const RETAINED_BEFORE_MS = 5_000
/** Wills of one client that are due and could not be published: of more the oldest is dropped. */
export const WILLS_DUE_MAX = 16
/** Whether a session whose time is over may have gone on elsewhere is asked again after this, while the core is not reached. */
export const EXPIRY_ASK_AGAIN_MS = 60_000
/** After a restart an actor waits this long for its client, before it asks the core where the client is and publishes its will. */
export const WILL_ASK_MS = 100
/** A partial packet larger than this is not put into the attachment: the actor stays in memory until it is whole. */
export const ATTACHMENT_PENDING_BYTES_MAX = 4 * 1024
/** A packet that does not become whole within this time closes its connection. */
export const PARTIAL_PACKET_MS_MAX = 60_000
/** What an uplink gave to the home comes back into its lane if the home does not say within this time that it has it. */
export const TAKEN_WAIT_MS = 30_000
/** Sources of envelopes that a leaf remembers, to recognise what is sent again: lives of the uplinks of other regions. */
export const LEAF_SOURCES_MAX = 64
/** Sources of envelopes that a WideActor remembers: the lanes of many roots lead to it. */
export const WIDE_SOURCES_MAX = 4_096
/** So many sources beyond the bound are stored before the oldest are forgotten together. */
export const SOURCES_PRUNED_AT_ONCE = 16
/** A home may skip its WideActor for this long; a wide SUBACK waits as long. */
export const WIDE_GRANT_MS = 1_000
/** Clocks count whole milliseconds and timers may be early: what is waited for longer than was granted. */
export const WIDE_GRANT_MARGIN_MS = 20
/** What the wide filters of one region and shard may add up to. */
export const WIDE_FILTERS_CHARACTERS_MAX = 256 * 1024
/** The first publish at a WideActor that has never learnt the other regions' filters waits for them at most this long. */
export const WIDE_FIRST_WAIT_MS = 1_000
/** A WideActor asks the other regions again, or announces its filters to them again, at most this often. */
export const WIDE_ASK_AGAIN_MS = 5_000
/** Ways to the uplinks that an actor remembers, beyond those in use. */
export const UPLINK_COURIERS_MAX = 1_000
/** Leaves that are asked for retained messages at once. */
export const RETAINED_LEAVES_MAX = 16
/** Times that a page of retained messages asks so many leaves. A filter that matches little gets short pages. */
export const RETAINED_ROUNDS_PER_PAGE_MAX = 4
/** Names of retaining roots that one round reads. */
export const RETAINING_ROOTS_PER_ROUND_MAX = 4_096
/** Pages that one answer of `GET /v1/retained` asks for; then it goes on with its cursor, though it may be empty. */
export const RETAINED_PAGES_PER_ANSWER_MAX = 16
/** Retained messages of one page. */
export const RETAINED_PAGE_MESSAGES_MAX = 256
/** Bytes of one page of retained messages; one message is always in it. */
export const RETAINED_PAGE_BYTES_MAX = 1024 * 1024
/** Retained messages that were read after SUBACK and are recognised when they come live. */
export const GIVEN_RETAINED_MAX = 10_000
/** A message that a SUBSCRIBE of wide filters brought as a retained one is recognised, when it comes live, for this long. */
export const GIVEN_RETAINED_MS = 60_000
/** A leaf that could not say that it has retained messages tries again after this. */
export const RETAINS_RETRY_MS = 5_000
/**
 * A delivery to a client whose move is being completed waits at most this long at each try. All tries together must end before
 * a fence gives up: then the delivery stays with its sender, and later deliveries go on.
 */
export const COMPLETING_WAIT_MS = 50
/** New deliveries wait at most this long for the remainder of a former home that does not answer. */
export const REMAINDER_WAIT_MS_MAX = 10_000
/** A fence waits this long for messages that are under way. */
export const FENCE_WAIT_MS_MAX = 1_000
/** A fence looks this often whether they have arrived. */
export const FENCE_LOOK_MS = 10
/** Deliveries of a shared subscription that are given to other members in one go. */
export const GIVE_AWAY_RECORDS_MAX = 256
/**
 * Deliveries for other members of a group that no member accepted are offered again after this, and then with growing pauses.
 */
export const GIVE_AWAY_RETRY_MS = 2_000
/** The longest pause between two offers to other members. */
export const GIVE_AWAY_RETRY_MS_MAX = 60_000
/**
 * A client may hold unacknowledged deliveries of a shared subscription. This long after its last packet its actor checks the
 * connection, and again after twice as long.
 */
export const SHARE_CHECK_MS = 10_000
/** A change of a home is synced after this. */
export const SYNC_DELAY_MS = 500
/** A home syncs at most this often, unless a publisher waits for the store. */
export const SYNC_EVERY_MS = 1_000
/** Rows of one sync of a root. */
export const SYNC_ROWS_PER_ROUND_MAX = 512
/** Of its rows. */
export const SYNC_BYTES_PER_ROUND_MAX = 1536 * 1024
/** A sync that failed is tried again after this, and then ever later. */
export const SYNC_RETRY_MS_MIN = 1_000
/** The longest pause between two tries of a sync. */
export const SYNC_RETRY_MS_MAX = 60_000
/** Whether a home that a client came back to still is it is asked again after each of these, while the core does not answer. */
export const CONFIRM_AGAIN_MS: readonly number[] = [1_000, 2_000, 4_000, 8_000, 16_000]
/** The alarm that wakes an actor with something to sync, should the process have died. */
export const SYNC_ALARM_MS = 4_000
/** An uplink gathers what several actors have to sync for this long. */
export const SYNC_GATHER_MS = 20
/** Bytes of one call that carries the syncs of several actors. */
export const SYNC_BYTES_PER_CALL_MAX = 4 * 1024 * 1024
/** After a call that failed, an uplink answers for the core for this long. */
export const SYNC_PAUSE_MS = 1_000
/** A sync that failed before is held by the uplink for this long, before its actor must try again. */
export const SYNC_HELD_MS_MAX = 30_000
/** A home that began from the store leaves out this many positions: the lost home may have used them, and so their packet ids. */
export const FAIL_OVER_POSITIONS = 20_000
/** How long a CONNECT after a fail-over waits for the session's subscriptions. */
export const FAIL_OVER_REGISTER_MS = 1_000
/** How long a SUBACK of the home's own region waits for the store to know of that. */
export const STORED_SOON_WAIT_MS = 1_000
/** `durability: global`: a receiver waits this long for the core's store. */
export const GLOBAL_SYNC_WAIT_MS = 5_000
/** `durability: global`: an outbox waits this long for the home. */
export const GLOBAL_WAIT_MS = 10_000
/** Late retained messages of one answer. */
export const LATE_RETAINED_MAX = 16
/** Commands of one device that wait for its answer. Fewer than are stored, so that none of them is forgotten. */
export const COMMANDS_OPEN_MAX = 512
/** Of one caller: others can call the device too. */
export const COMMANDS_OPEN_PER_CALLER_MAX = 128
/** Answers to commands that a home can give again although storage does not have them. */
export const COMMAND_ANSWERS_MAX = 64
/** Commands that a device's home stores; of more the oldest are forgotten. */
export const COMMANDS_KEPT_MAX = 1_000
/** Bytes of the answers to stored commands; past it the oldest commands are forgotten. */
export const COMMANDS_KEPT_BYTES_MAX = 4 * 1024 * 1024
/** A stored command is forgotten after this, counted from when its time was over. */
export const COMMAND_KEPT_MS = 24 * 3_600_000
/** Durations that two machines measured of the same wait differ by less. */
export const COMMAND_KNOWN_MARGIN_MS = 1_000
/** How much longer than a home holds a command its edge waits for the core: longer than the core waits for the home's edge. */
export const COMMAND_CORE_MARGIN_MS = 8_000
/** How much later than its caller's time a command's may be over. */
export const COMMAND_ANSWER_MS = 5_000
/** A device's home that was not reached is asked again after this. */
export const COMMAND_ASK_AGAIN_MS = 250
/** A device's home that is not reached for this long ends the call. */
export const COMMAND_UNREACHED_MS_MAX = 20_000
/** `If-Match: *` on a shadow that others keep changing is tried so often; then 412. */
export const MATCH_ANY_TRIES_MAX = 3
/** Answers to requests for shadows by HTTP that a home can give again. */
export const SHADOW_REQUESTS_KEPT_MAX = 64
/** Shadows whose unsynced changes one answer of a former home has. */
export const LATE_SHADOWS_MAX = 4
/** QoS 2 deliveries that a session recognises when they are repeated. */
export const SEEN_ORIGINS_MAX = 1_000
/** After so many deliveries the oldest of them are forgotten together. */
export const SEEN_PRUNE_EVERY = 100
/** A presence event that somebody could not take is published again after this, and then ever later. */
export const PRESENCE_RETRY_MS = 5_000
/** The longest pause between two tries of a presence event. */
export const PRESENCE_RETRY_MS_MAX = 300_000
/**
 * Messages of one root that wait for the core's store; past it a publisher gets 0x97, and QoS 0 is not
 * stored.
 */
export const HISTORY_WAITING_MESSAGES_MAX = 10_000
/** Bytes of one root's messages that wait for the core's store; past it the same. */
export const HISTORY_WAITING_BYTES_MAX = 16 * 1024 * 1024
/** All messages of one event that history stores are in one row, which the platform bounds to 2 MB. */
export const HISTORY_ROW_BYTES_MAX = 512 * 1024
/** Rows of history in one sync of a root; the row of one event is not divided. */
export const HISTORY_ROWS_PER_ROUND_MAX = 512
/** Bytes of history in one sync of a root. */
export const HISTORY_BYTES_PER_ROUND_MAX = 1024 * 1024
/** What a SUBSCRIBE may bring of the history of one filter; past it 0x97, and the client goes on from the last one's time. */
export const REPLAY_MESSAGES_MAX = 10_000
/** Messages of one page that a replay reads. */
export const REPLAY_PAGE_MESSAGES = 100
/** A replay reads so many rounds at most, until less than a page is new. */
export const REPLAY_ROUNDS_MAX = 20
/** A client that acknowledges nothing for this long gets no more of it. */
export const REPLAY_STALL_MS = 60_000
/** A replay looks this often whether its client has acknowledged. */
export const REPLAY_LOOK_MS = 20
/** When a page of retained messages is asked for again that could not be read. */
export const RETAINED_REPLAY_RETRY_MS = 1_000
/** Topics of live messages that a subscription remembers while its retained messages are under way; past it the oldest go. */
export const REPLAY_OVERTAKEN_TOPICS_MAX = 10_000
/** Live messages are held for the last of it at most this long. */
export const REPLAY_HOLD_MS_MAX = 10_000
/** Regions' clocks differ by at most this. */
export const CLOCKS_DIFFER_MS_MAX = 300_000
/** Presence events on their way to a region that is out of reach; of more, the next home publishes the last ones. */
export const PRESENCE_OPEN_MAX = 100
/** A CONNECT waits this long for the registry's answer. */
export const ACCESS_TIMEOUT_MS = 5_000
/** After an unknown secret a device's actor asks the core no more for this long, and then ever longer. */
export const ACCESS_ASK_MS_MIN = 1_000
/** The longest time for which a device's actor does not ask the core. */
export const ACCESS_ASK_MS_MAX = 15_000
/** A stream of events says so often that it still stands. */
export const EVENTS_HEARTBEAT_MS = 20_000
/** Events that wait for a slow reader; further ones are dropped, and the reader learns how many. */
export const EVENTS_WAITING_MAX = 1_000
/** Bytes that wait for a slow reader; past it the same. */
export const EVENTS_WAITING_BYTES_MAX = 4 * 1024 * 1024
/** What the platform may take of a stream ahead of its reader. */
export const EVENTS_AHEAD_BYTES = 64 * 1024
/** The outcome of a publish by HTTP with an idempotency key is stored for this long. */
export const IDEMPOTENCY_KEPT_MS = 24 * 3600 * 1000
/** Idempotency keys of one client; of more the oldest are forgotten. */
export const IDEMPOTENCY_KEYS_MAX = 1_000
/** After so many keys the oldest of them are forgotten together. */
export const IDEMPOTENCY_PRUNE_EVERY = 100
/** For `explain`: topics whose messages an actor remembers, in memory. */
export const RECENT_TOPICS_MAX = 32
/** For `explain`: messages that an actor remembers of each topic. */
export const RECENT_PER_TOPIC_MAX = 4
/** For `explain`: traced messages that an actor remembers. */
export const RECENT_TRACED_MAX = 16
/** For `explain`: longer topics are not remembered. */
export const RECENT_TOPIC_CHARACTERS_MAX = 1_024
/** For `explain`: longer traces are not remembered. */
export const TRACE_CHARACTERS_MAX = 128
/** Rows that a full queue reads at once to drop them. */
export const DROP_ROWS_MAX = 64
/** For `explain`: topics and causes of lost messages that a session remembers, in memory and in storage. */
export const LOST_MAX = 32
/** For `explain`: each of them is written at most this often. */
export const LOST_WRITE_EVERY_MS = 60_000
/** Subscriptions of which a session remembers when they were made. */
export const SUBSCRIBED_AT_MAX = 256
/** Messages of a queue or a lane that are looked through for those of one topic. */
export const EXPLAIN_LOOK_MAX = 512
/** `explain` waits this long for an actor of its region. */
export const EXPLAIN_ACTOR_MS = 450
/** `explain` waits this long for the core, which waits for the other regions. */
export const EXPLAIN_CORE_MS = 900
