// The report page: one self-contained file with the counts, the time line of faults, throughput and latency.
import type { Result } from './chaos.ts'
import { barChart, faultLanes, latencyChart } from './charts.ts'

const STYLE = `
:root { color-scheme: light; }
body { margin: 2rem auto; max-width: 1180px; padding: 0 1rem; background: #fff; color: #1c2330;
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p.sub { color: #5a6577; margin: 0 0 1.25rem; }
.verdict { display: inline-block; padding: .15rem .6rem; border-radius: .3rem; font-weight: 600; }
.good { background: #e3f4e6; color: #17602a; } .bad { background: #fde5e3; color: #96201a; }
.counts { display: grid; grid-template-columns: repeat(auto-fill, minmax(175px, 1fr)); gap: .6rem; }
.count { border: 1px solid #dde2ea; border-radius: .4rem; padding: .5rem .7rem; }
.count b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.count.bad, .count.good { border-color: transparent; }
.count span { color: #4d586a; font-size: .85rem; }
svg { display: block; width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: #4d586a; }
.legend span { margin-right: 1rem; font-size: .85rem; } .legend i { display: inline-block; width: .8rem; height: .8rem;
  margin-right: .3rem; vertical-align: -1px; border-radius: 2px; }
table { border-collapse: collapse; font-size: .9rem; } td, th { text-align: left; padding: .15rem 1rem .15rem 0; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: #f6f7f9; padding: .8rem; overflow-x: auto; font-size: 12px; line-height: 1.4; }
`

export const FAULT_COLOURS: Readonly<Record<string, string>> = {
  kill: '#c0392b',
  hold: '#e08e2b',
  cut: '#7d4fb3',
  'cut off': '#4b2a80',
  blackhole: '#34495e',
  delay: '#5b9bd5',
  'disk full': '#8a6d1f',
}

export function chaosPage(result: Result): string {
  const { verdict, recovered } = result
  const zero = (value: number, label: string) => count(value, label, value === 0 ? 'good' : 'bad')
  const passed = result.failures.length === 0
  const legend = Object.entries(FAULT_COLOURS)
    .map(([kind, colour]) => `<span><i style="background:${colour}"></i>${kind}</span>`)
    .join('')
  const number = (n: number) => n.toLocaleString('en')
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Starling chaos, seed ${result.seed}</title>
<style>${STYLE}</style></head>
<body>
<h1>Chaos, seed ${result.seed} <span class="verdict ${passed ? 'good' : 'bad'}">${passed ? 'every promise kept' : escaped(result.failures.join('; '))}</span></h1>
<p class="sub">${new Date(result.startedAt).toISOString()}, ${(result.ms / 60_000).toFixed(1)} minutes; regions ${result.regions.join(', ')}; ${result.cores} core processes; ${escaped(result.store)}; ${result.faults.length} faults</p>
<div class="counts">
${zero(verdict.lost.length, 'acknowledged messages lost')}
${zero(verdict.inversions.length, 'order violations')}
${zero(result.doubles.length, `double connections, in ${number(result.races)} that raced`)}
${zero(result.unsettled.length, 'racing ids without exactly one connection after quiet')}
${zero(result.sessionsLost.length, 'sessions lost')}
${zero(verdict.unanswered, 'messages never answered')}
${count(verdict.acknowledged, 'messages acknowledged')}
${count(verdict.acknowledgedQos1, 'of them at QoS 1')}
${count(verdict.expected, 'deliveries owed')}
${count(verdict.duplicatesQos1, 'duplicates at QoS 1')}
${count(verdict.duplicatesQos2, 'duplicates at QoS 2')}
${count(verdict.concededInversions.length, 'out of order for roaming clients, roots not their own')}
${count(verdict.lateInversions.length, 'late ones of a home that was out of reach, behind newer ones')}
${count(`${(recovered.longestMs / 1000).toFixed(1)} s`, `longest until all publishers are served again (after ${escaped(recovered.longestAfter)})`)}
${count(recovered.undisturbedMs === null ? '–' : `${(recovered.undisturbedMs / 1000).toFixed(1)} s`, 'the same, without a further fault meanwhile')}
${count(`${(result.drainMs / 1000).toFixed(1)} s`, 'to drain in the end')}
</div>
<h2>Faults</h2>
<p class="legend">${legend}</p>
${faultLanes(result, FAULT_COLOURS)}
<h2>Messages a second</h2>
<p class="legend"><span><i style="background:#2a7f62"></i>acknowledged</span><span><i style="background:#a8c7e8"></i>arrived</span></p>
${barChart(result)}
<h2>Milliseconds to the acknowledgement, logarithmic</h2>
<p class="legend"><span><i style="background:#2a7f62"></i>p50</span><span><i style="background:#c0392b"></i>p99</span></p>
${latencyChart(result)}
<h2>Refusals</h2>
${table(result.refusals, 'no refusal')}
<h2>Duplicates by receiver</h2>
${table(verdict.duplicatesOf, 'no duplicate')}
${result.explanations.length === 0 ? '' : `<h2>Violations</h2><pre>${escaped(result.explanations.join('\n\n'))}</pre>`}
</body>
</html>
`
}

function count(value: number | string, label: string, state: 'good' | 'bad' | '' = ''): string {
  const text = typeof value === 'number' ? value.toLocaleString('en') : value
  return `<div class="count ${state}"><b>${text}</b><span>${label}</span></div>`
}

function table(rows: Readonly<Record<string, number>>, none: string): string {
  const entries = Object.entries(rows).sort((a, b) => b[1] - a[1])
  if (entries.length === 0) return `<p>${none}</p>`
  return `<table>${entries.map(([name, n]) => `<tr><td>${escaped(name)}</td><td class="n">${n.toLocaleString('en')}</td></tr>`).join('')}</table>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
