// Rules that schemas cannot express: the objects of a release fit together, and give the core what it needs.
import { z } from 'zod'

const labels = z.record(z.string(), z.string())
const port = z.union([z.string(), z.number()])
const probe = z.looseObject({ httpGet: z.object({ path: z.string(), port }) })

const container = z.looseObject({
  ports: z.array(z.looseObject({ name: z.string(), containerPort: z.number() })).default([]),
  env: z
    .array(
      z.looseObject({
        name: z.string(),
        valueFrom: z
          .looseObject({ secretKeyRef: z.object({ name: z.string(), key: z.string() }) })
          .optional(),
      }),
    )
    .default([]),
  envFrom: z.array(z.looseObject({ configMapRef: z.object({ name: z.string() }) })).default([]),
  startupProbe: probe.optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  securityContext: z.looseObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
  }),
})
const podSpec = z.looseObject({
  automountServiceAccountToken: z.literal(false),
  securityContext: z.looseObject({
    runAsNonRoot: z.literal(true),
    seccompProfile: z.object({ type: z.literal('RuntimeDefault') }),
  }),
  serviceAccountName: z.string().optional(),
  terminationGracePeriodSeconds: z.number().optional(),
  containers: z.tuple([container]),
})
const metadata = z.looseObject({ name: z.string().max(63), labels })
const selector = z.object({ matchLabels: labels })

const object = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('Deployment'),
    metadata,
    spec: z.looseObject({
      replicas: z.number().optional(),
      selector,
      strategy: z.object({
        type: z.literal('RollingUpdate'),
        rollingUpdate: z.object({ maxUnavailable: z.literal(0), maxSurge: z.literal(1) }),
      }),
      template: z.looseObject({ metadata: z.looseObject({ labels }), spec: podSpec }),
    }),
  }),
  z.looseObject({ kind: z.literal('Pod'), metadata, spec: podSpec }),
  z.looseObject({
    kind: z.literal('Service'),
    metadata,
    spec: z.looseObject({
      selector: labels,
      ports: z.array(z.looseObject({ name: z.string(), targetPort: port })),
    }),
  }),
  z.looseObject({ kind: z.literal('PodDisruptionBudget'), metadata, spec: z.looseObject({ selector }) }),
  z.looseObject({
    kind: z.literal('HorizontalPodAutoscaler'),
    metadata,
    spec: z.looseObject({ scaleTargetRef: z.looseObject({ kind: z.string(), name: z.string() }) }),
  }),
  z.looseObject({
    kind: z.literal('Ingress'),
    metadata,
    spec: z.looseObject({
      rules: z.array(
        z.looseObject({
          http: z.object({
            paths: z.array(
              z.looseObject({
                backend: z.object({
                  service: z.object({ name: z.string(), port: z.object({ name: z.string() }) }),
                }),
              }),
            ),
          }),
        }),
      ),
    }),
  }),
  z.looseObject({ kind: z.literal('ConfigMap'), metadata, data: labels }),
  z.looseObject({ kind: z.literal('Secret'), metadata, data: labels }),
  z.looseObject({ kind: z.literal('ServiceAccount'), metadata }),
])
type Kubernetes = z.infer<typeof object>

/** The environment that the core cannot do without. */
const ENVIRONMENT = [
  ...['HOST', 'PORT', 'STORE', 'EDGES', 'RELAY_SECRET', 'CLIENT_TOKEN_SECRET', 'LOG_LEVEL', 'DRAIN_MS'],
  ...['CASSANDRA_CONTACT_POINTS', 'CASSANDRA_LOCAL_DC', 'CASSANDRA_KEYSPACE', 'CASSANDRA_REPLICATION'],
  'CASSANDRA_SYNC_CONSISTENCY',
]

/** Names of objects that the release uses but does not bring. */
export interface External {
  readonly secret: string | null
  readonly serviceAccount: string | null
}

/** What is wrong with the release, one line per fault; empty if nothing is. */
export function releaseFaults(manifests: readonly unknown[], external: External): readonly string[] {
  const faults: string[] = []
  const expect = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault)
  }
  const objects: Kubernetes[] = []
  for (const manifest of manifests) {
    const parsed = object.safeParse(manifest)
    if (parsed.success) objects.push(parsed.data)
    else faults.push(z.prettifyError(parsed.error))
  }
  const all = <K extends Kubernetes['kind']>(kind: K) =>
    objects.filter((o): o is Extract<Kubernetes, { kind: K }> => o.kind === kind)

  const [deployment, ...more] = all('Deployment')
  if (deployment === undefined || more.length > 0) return [...faults, 'not exactly one Deployment']
  const pod = deployment.spec.template
  const core = pod.spec.containers[0]
  const selects = (by: Record<string, string>, of: Record<string, string>) =>
    Object.entries(by).every(([key, value]) => of[key] === value)

  expect(selects(deployment.spec.selector.matchLabels, pod.metadata.labels), 'the Deployment misses its pods')
  for (const budget of all('PodDisruptionBudget')) {
    expect(selects(budget.spec.selector.matchLabels, pod.metadata.labels), 'the budget misses the pods')
  }
  const services = all('Service')
  for (const service of services) {
    expect(selects(service.spec.selector, pod.metadata.labels), 'the Service misses the pods')
    for (const test of all('Pod')) {
      expect(
        !selects(service.spec.selector, test.metadata.labels),
        'the test pod is an endpoint of the Service',
      )
    }
    for (const { targetPort } of service.spec.ports) {
      expect(
        core.ports.some((p) => p.name === targetPort),
        `the container has no port ${targetPort}`,
      )
    }
  }
  for (const { backend } of all('Ingress').flatMap((i) => i.spec.rules.flatMap((r) => r.http.paths))) {
    const service = services.find((s) => s.metadata.name === backend.service.name)
    expect(
      service?.spec.ports.some((p) => p.name === backend.service.port.name) === true,
      'the Ingress leads to no port of the Service',
    )
  }

  for (const [name, path] of [
    ['startupProbe', '/livez'],
    ['livenessProbe', '/livez'],
    ['readinessProbe', '/readyz'],
  ] as const) {
    const get = core[name]?.httpGet
    expect(get?.path === path, `${name} does not ask ${path}`)
    expect(
      core.ports.some((p) => p.name === get?.port),
      `${name} asks an unknown port`,
    )
  }

  const autoscalers = all('HorizontalPodAutoscaler')
  // Both at once would set the count back at every upgrade.
  expect(
    autoscalers.length > 0 !== (deployment.spec.replicas !== undefined),
    'not one of replicas and autoscaler',
  )
  for (const { spec } of autoscalers) {
    const { kind, name } = spec.scaleTargetRef
    expect(kind === 'Deployment' && name === deployment.metadata.name, 'the autoscaler misses the Deployment')
  }

  const account = pod.spec.serviceAccountName
  expect(
    account === external.serviceAccount || all('ServiceAccount').some((a) => a.metadata.name === account),
    `no ServiceAccount ${account}`,
  )

  const environment = new Map<string, string | null>()
  for (const { configMapRef } of core.envFrom) {
    const config = all('ConfigMap').find((c) => c.metadata.name === configMapRef.name)
    expect(config !== undefined, `no ConfigMap ${configMapRef.name}`)
    for (const [name, value] of Object.entries(config?.data ?? {})) environment.set(name, value)
  }
  for (const { name, valueFrom } of core.env) {
    environment.set(name, null)
    if (valueFrom === undefined) continue
    const { name: secretName, key } = valueFrom.secretKeyRef
    const secret = all('Secret').find((s) => s.metadata.name === secretName)
    expect(
      secretName === external.secret || secret?.data[key] !== undefined,
      `no ${key} in Secret ${secretName}`,
    )
  }
  expect(
    external.secret === null || all('Secret').length === 0,
    'a Secret of its own besides the existing one',
  )
  for (const name of ENVIRONMENT) expect(environment.has(name), `the core is not given ${name}`)
  expect(
    environment.has('CASSANDRA_USERNAME') === environment.has('CASSANDRA_PASSWORD'),
    'a Cassandra username without a password, or the reverse',
  )

  const drainMs = Number(environment.get('DRAIN_MS') ?? Number.NaN)
  const graceMs = (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000
  expect(graceMs > drainMs, `killed after ${graceMs} ms, but drains for ${drainMs} ms`)
  return faults
}
