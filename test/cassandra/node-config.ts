// One Cassandra node for tests: its settings, and the configuration files and Java flags made of them.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export interface NodeSettings {
  /** Holds all of the node's files; removing it forgets the node. */
  readonly home: string
  /** An IPv4 address of this machine. */
  readonly host: string
  readonly port: number
  readonly storagePort: number
  readonly dataCenter: string
  /** Hosts, or `host:storagePort`; a node alone is its own seed. */
  readonly seeds: readonly string[]
  readonly heap: string
  /** Nobody else has a copy: what was written is on the disk before it is confirmed. Costs a sync for each write. */
  readonly alone: boolean
  readonly startMs: number
}

export function pidFile(node: NodeSettings): string {
  return path.join(node.home, 'cassandra.pid')
}

/** Is on the command line of the node's process and of no other, so a recycled pid is not taken for it. */
export function processMark(home: string): string {
  return `-Dcassandra.storagedir=${home}/data`
}

export function logFile(node: NodeSettings, name: 'system.log' | 'stdout.log'): string {
  return path.join(node.home, 'logs', name)
}

export function writeConfiguration(node: NodeSettings): void {
  for (const folder of ['conf', 'logs', 'data', 'tmp'])
    mkdirSync(path.join(node.home, folder), { recursive: true })
  const write = (file: string, text: string) => writeFileSync(path.join(node.home, 'conf', file), text)
  write('cassandra.yaml', yaml(node))
  write('cassandra-rackdc.properties', `dc=${node.dataCenter}\nrack=rack1\n`)
  write('logback.xml', logback(node))
}

function yaml(node: NodeSettings): string {
  // One token per node, made of its address: a wiped node comes back at the same place in the ring.
  const token = createHash('sha256').update(`${node.host}:${node.storagePort}`).digest().readBigInt64BE()
  const seeds = node.seeds.map((seed) => (seed.includes(':') ? seed : `${seed}:${node.storagePort}`))
  const data = (folder: string) => JSON.stringify(path.join(node.home, 'data', folder))
  return `
cluster_name: starling-test
num_tokens: 1
initial_token: "${token}"
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: GossipingPropertyFileSnitch
dynamic_snitch: false
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: ${JSON.stringify(seeds.join(','))}
auto_bootstrap: false
listen_address: ${node.host}
storage_port: ${node.storagePort}
start_native_transport: true
rpc_address: ${node.host}
native_transport_port: ${node.port}
authenticator: AllowAllAuthenticator
authorizer: AllowAllAuthorizer
data_file_directories: [${data('sstables')}]
commitlog_directory: ${data('commitlog')}
saved_caches_directory: ${data('saved_caches')}
hints_directory: ${data('hints')}
cdc_raw_directory: ${data('cdc_raw')}
${node.alone ? 'commitlog_sync: batch' : 'commitlog_sync: periodic\ncommitlog_sync_period: 10s'}
commitlog_segment_size: 16MiB
commitlog_total_space: 256MiB
commit_failure_policy: die
disk_failure_policy: die
disk_access_mode: mmap_index_only
auto_snapshot: false
memtable_allocation_type: heap_buffers
memtable_heap_space: 96MiB
memtable_offheap_space: 96MiB
file_cache_size: 32MiB
networking_cache_size: 32MiB
key_cache_size: 4MiB
key_cache_save_period: 0s
row_cache_size: 0MiB
counter_cache_size: 0MiB
counter_cache_save_period: 0s
concurrent_reads: 16
concurrent_writes: 16
concurrent_counter_writes: 4
concurrent_compactors: 1
compaction_throughput: 0MiB/s
hinted_handoff_enabled: true
hinted_handoff_throttle: 10240KiB
hints_flush_period: 1s
max_hint_window: 3h
read_request_timeout: 10s
range_request_timeout: 20s
write_request_timeout: 10s
cas_contention_timeout: 5s
truncate_request_timeout: 60s
request_timeout: 20s
user_defined_functions_enabled: false
materialized_views_enabled: false
`
}

function logback(node: NodeSettings): string {
  const file = logFile(node, 'system.log')
  return `<configuration>
  <appender name="F" class="ch.qos.logback.core.rolling.RollingFileAppender">
    <file>${file}</file>
    <rollingPolicy class="ch.qos.logback.core.rolling.FixedWindowRollingPolicy">
      <fileNamePattern>${file}.%i</fileNamePattern><minIndex>1</minIndex><maxIndex>2</maxIndex>
    </rollingPolicy>
    <triggeringPolicy class="ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy"><maxFileSize>10MB</maxFileSize></triggeringPolicy>
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="F"/></root>
</configuration>
`
}

const EXPORTS = [
  'java.base/jdk.internal.misc',
  'java.base/jdk.internal.ref',
  'java.base/sun.nio.ch',
  'java.base/java.lang.ref',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.sql/java.sql',
  'jdk.unsupported/sun.misc',
  'jdk.attach/sun.tools.attach',
]

const OPENS = [
  'java.base/java.lang',
  'java.base/java.lang.module',
  'java.base/java.lang.reflect',
  'java.base/java.util',
  'java.base/java.io',
  'java.base/java.nio',
  'java.base/jdk.internal.loader',
  'java.base/jdk.internal.ref',
  'java.base/jdk.internal.reflect',
  'java.base/jdk.internal.math',
  'java.base/jdk.internal.module',
  'java.base/jdk.internal.util.jar',
  'java.base/sun.nio.ch',
  'jdk.management/com.sun.management.internal',
]

/** The exports and opens are those of Cassandra's own jvm17-server.options; one that a JDK lacks only warns. */
export function javaArguments(node: NodeSettings, jars: readonly string[]): string[] {
  const conf = path.join(node.home, 'conf')
  const tmp = path.join(node.home, 'tmp')
  const memoryMeter = jars.find((jar) => /[\\/]jamm-[^\\/]*\.jar$/.test(jar))
  return [
    ...(memoryMeter === undefined ? [] : [`-javaagent:${memoryMeter}`]),
    `-Xms${node.heap}`,
    `-Xmx${node.heap}`,
    '-Xss384k',
    '-XX:+UseSerialGC',
    // A test run is short: the slow, thorough compiler would take the cores from the tests.
    '-XX:TieredStopAtLevel=1',
    '-XX:MaxDirectMemorySize=256M',
    '-XX:ReservedCodeCacheSize=96M',
    '-XX:+ExitOnOutOfMemoryError',
    '-XX:+PerfDisableSharedMem',
    '-Xshare:auto',
    '-Djdk.attach.allowAttachSelf=true',
    ...EXPORTS.map((name) => `--add-exports=${name}=ALL-UNNAMED`),
    ...OPENS.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
    '-Djava.net.preferIPv4Stack=true',
    '-Dfile.encoding=UTF-8',
    '-Djava.awt.headless=true',
    `-Djava.io.tmpdir=${tmp}`,
    `-Djna.tmpdir=${tmp}`,
    `-Dlogback.configurationFile=${conf}/logback.xml`,
    `-Dcassandra.config=file://${conf}/cassandra.yaml`,
    `-Dcassandra-rackdc.properties=file://${conf}/cassandra-rackdc.properties`,
    processMark(node.home),
    '-Dcassandra-foreground=yes',
    '-Dio.netty.tryReflectionSetAccessible=true',
    '-Dio.netty.allocator.maxOrder=11',
    '-Dcassandra.skip_wait_for_gossip_to_settle=0',
    '-Dcassandra.ring_delay_ms=2000',
    '-Dcassandra.shutdown_announce_in_ms=500',
    '-Dcassandra.consistent.rangemovement=false',
    '-Dcassandra.superuser_setup_delay_ms=0',
    // Not -Dcassandra.unsafesystem=true: with it a killed node forgets its keyspaces.
    '-cp',
    jars.join(path.delimiter),
    'org.apache.cassandra.service.CassandraDaemon',
  ]
}
