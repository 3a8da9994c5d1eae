import type { Options } from './options.ts'
import type { Measured } from './pairs.ts'
import { figure, table } from './table.ts'

const HEADING = [
  'msg/s',
  'p50 ms',
  'p99 ms',
  'cpu µs/msg',
  'slowest pair',
  'generator',
  'p50 ms',
  'p99 ms',
  'ack p50 ms',
  'cpu µs/msg',
  'lost',
  'twice',
  'disorder',
]

/** Share of a processor above which the generator cannot have kept the server busy. */
const GENERATOR_LIMIT = 0.9

export function pairsText(
  options: Options,
  measured: readonly Measured[],
  skipped: readonly string[],
): string {
  const parts = [
    `${options.pairs} pairs, ${options.payloadBytes} byte messages, ${options.seconds} s each. Full load: ${options.window} messages under way per pair; then ${options.rate}/s in all.
Times are one way; 'ack' is from PUBLISH to PUBACK. 'cpu': of all server processes. 'slowest pair': its messages, as a
share of the mean. 'generator': its share of a processor; from ${percent(GENERATOR_LIMIT)} (≥) it was the limit, and the server can do more.`,
    ...options.qos.map((qos) => qosText(options, qos, measured)),
    ...measured.flatMap((one) => slowness(options.rate, one)),
    ...skipped,
  ]
  return parts.join('\n\n')
}

function qosText(options: Options, qos: 0 | 1, all: readonly Measured[]): string {
  const measured = all.filter((one) => one.qos === qos)
  if (measured.length === 0) return `QoS ${qos}: nothing was measured`
  const figures = table([[`QoS ${qos}`, ...HEADING], ...measured.map(row)])
  // The heading above the heading: which columns belong to which load.
  const [first = ''] = figures.split('\n')
  const paced = first.indexOf('generator') + 'generator'.length + 2
  const loads = `${'full load'.padStart(first.indexOf('msg/s') + 'msg/s'.length + 4).padEnd(paced)}at ${options.rate}/s`
  const ratios = ratioRows(measured, options.rate)
  return [loads, figures, ...(ratios.length === 0 ? [] : ['', table(ratios)])].join('\n')
}

/** At a rate that the server cannot carry, the times say nothing but that. */
function slowness(rate: number, { route, qos, result }: Measured): string[] {
  const came = result.paced.messagesPerSecond
  return came > rate * 0.95 ? [] : [`${route}, QoS ${qos}: only ${figure(came)} of ${rate} messages/s came`]
}

function row({ route, result }: Measured): string[] {
  const { throughput, paced } = result
  return [
    route,
    `${throughput.generatorShare >= GENERATOR_LIMIT ? '≥ ' : ''}${figure(throughput.messagesPerSecond)}`,
    figure(throughput.oneWayMs?.p50),
    figure(throughput.oneWayMs?.p99),
    figure(throughput.serverMicrosPerMessage),
    percent(throughput.slowestPairShare),
    percent(throughput.generatorShare),
    figure(paced.oneWayMs?.p50),
    figure(paced.oneWayMs?.p99),
    figure(paced.acknowledgementMs?.p50),
    figure(paced.serverMicrosPerMessage),
    String(result.lost),
    String(result.duplicates),
    String(result.reordered),
  ]
}

/** Starling against each broker of the same run. */
function ratioRows(measured: readonly Measured[], rate: number): string[][] {
  const brokers = measured.filter(({ system }) => system !== 'starling')
  const rows = measured
    .filter(({ system }) => system === 'starling')
    .flatMap((starling) => brokers.map((broker) => ratioRow(starling, broker)))
  if (rows.length === 0) return []
  return [['ratio', 'msg/s', 'cpu', `p50 at ${rate}/s`, `p99 at ${rate}/s`, `cpu at ${rate}/s`], ...rows]
}

function ratioRow(starling: Measured, broker: Measured): string[] {
  const ratio = (of: (result: Measured['result']) => number | null | undefined): string => {
    const [ours, theirs] = [of(starling.result), of(broker.result)]
    return ours == null || theirs == null || theirs === 0 ? '-' : `${figure(ours / theirs)}×`
  }
  return [
    `${starling.route} / ${broker.route}`,
    ratio(({ throughput }) => throughput.messagesPerSecond),
    ratio(({ throughput }) => throughput.serverMicrosPerMessage),
    ratio(({ paced }) => paced.oneWayMs?.p50),
    ratio(({ paced }) => paced.oneWayMs?.p99),
    ratio(({ paced }) => paced.serverMicrosPerMessage),
  ]
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`
}
