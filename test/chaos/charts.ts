// The report's drawings, as SVG text; all share one time axis.
import type { Result } from './chaos.ts'

const WIDTH = 1150
const LEFT = 110
const RIGHT = 10
const LANE = 18
const CHART = 150
const AXIS = 20
const LATENCY_MS_MIN = 1
const GREEN = '#2a7f62'
const RED = '#c0392b'

type Axis = (seconds: number) => number

function axisOf(result: Result): Axis {
  const length = Math.max(1, result.seconds.length, result.ms / 1000)
  return (seconds) => LEFT + (Math.min(seconds, length) / length) * (WIDTH - LEFT - RIGHT)
}

export function faultLanes(result: Result, colours: Readonly<Record<string, string>>): string {
  const x = axisOf(result)
  const targets = result.targets
  const height = targets.length * LANE
  const lanes = targets.map((target, i) => {
    const y = i * LANE
    const marks = result.faults
      .filter((fault) => touches(fault.kind, fault.target, target))
      .map(({ kind, beganAt, healedAt, delayMs }) => {
        const [from, to] = [beganAt, healedAt].map((at) => (at - result.startedAt) / 1000) as [number, number]
        const width = Math.max(2, x(to) - x(from))
        const title = `${kind} ${target}${kind === 'delay' ? ` by ${delayMs} ms` : ''}: ${from.toFixed(1)} s to ${to.toFixed(1)} s`
        return `<rect x="${x(from).toFixed(1)}" y="${y + 3}" width="${width.toFixed(1)}" height="${LANE - 6}" rx="2" fill="${colours[kind]}"><title>${title}</title></rect>`
      })
    return `<text x="${LEFT - 8}" y="${y + 13}" text-anchor="end">${target}</text><line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y + LANE}" y2="${y + LANE}" stroke="#eef0f4"/>${marks.join('')}`
  })
  return svg(height, lanes.join('\n') + timeAxis(result, x, height))
}

/** A region that is cut off has all its links cut. */
function touches(kind: string, faulty: string, target: string): boolean {
  return (
    faulty === target ||
    (kind === 'cut off' && target.split('→').length === 2 && target.split('→').includes(faulty))
  )
}

export function barChart(result: Result): string {
  const x = axisOf(result)
  const top = Math.max(
    1,
    ...result.seconds.map(({ acknowledged, arrived }) => Math.max(acknowledged, arrived)),
  )
  const y = (n: number) => CHART - (n / top) * (CHART - 10)
  const width = Math.max(0.5, x(1) - x(0) - 0.3)
  const bars = (value: (i: number) => number, colour: string) =>
    result.seconds
      .map(
        (_, i) =>
          `<rect x="${x(i).toFixed(1)}" y="${y(value(i)).toFixed(1)}" width="${width.toFixed(1)}" height="${(CHART - y(value(i))).toFixed(1)}" fill="${colour}"/>`,
      )
      .join('')
  const grid = [0.5, 1]
    .map((part) => gridLine(y(top * part), Math.round(top * part).toLocaleString('en')))
    .join('')
  return svg(
    CHART,
    grid +
      bars((i) => result.seconds[i]?.arrived ?? 0, '#a8c7e8') +
      bars((i) => result.seconds[i]?.acknowledged ?? 0, GREEN) +
      timeAxis(result, x, CHART),
  )
}

export function latencyChart(result: Result): string {
  const x = axisOf(result)
  const top = Math.max(10, ...result.seconds.map(({ p99Ms }) => p99Ms ?? 0))
  const y = (ms: number) =>
    CHART - (Math.log10(Math.max(ms, LATENCY_MS_MIN)) / Math.log10(top)) * (CHART - 10)
  const line = (value: (i: number) => number | null, colour: string) => {
    let pen = 'M'
    const path = result.seconds.map((_, i) => {
      const ms = value(i)
      // A gap: nothing was acknowledged in that second.
      if (ms === null) {
        pen = 'M'
        return ''
      }
      const point = `${pen}${x(i + 0.5).toFixed(1)} ${y(ms).toFixed(1)}`
      pen = 'L'
      return point
    })
    return `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="1.3"/>`
  }
  const grid = [1, 10, 100, 1_000, 10_000]
    .filter((ms) => ms <= top)
    .map((ms) => gridLine(y(ms), `${ms.toLocaleString('en')} ms`))
    .join('')
  return svg(
    CHART,
    grid +
      line((i) => result.seconds[i]?.p99Ms ?? null, RED) +
      line((i) => result.seconds[i]?.p50Ms ?? null, GREEN) +
      timeAxis(result, x, CHART),
  )
}

function gridLine(y: number, label: string): string {
  return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="#e6e9ef"/><text x="${LEFT - 8}" y="${(y + 4).toFixed(1)}" text-anchor="end">${label}</text>`
}

function timeAxis(result: Result, x: Axis, y: number): string {
  const seconds = Math.max(1, result.ms / 1000)
  const step = [5, 10, 30, 60, 120, 300, 600, 1_800].find((one) => seconds / one <= 14) ?? 3_600
  const ticks: string[] = []
  for (let at = 0; at <= seconds; at += step) {
    const label = step < 60 ? `${at} s` : `${at / 60} min`
    ticks.push(
      `<line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${y}" y2="${y + 4}" stroke="#8a94a6"/><text x="${x(at).toFixed(1)}" y="${y + 16}" text-anchor="middle">${label}</text>`,
    )
  }
  return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" stroke="#8a94a6"/>${ticks.join('')}`
}

function svg(height: number, content: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height + AXIS}" role="img">${content}</svg>`
}
