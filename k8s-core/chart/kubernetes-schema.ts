// Strict JSON schemas for Kubernetes objects, derived from the OpenAPI document that Kubernetes itself publishes.
import { Ajv, type ValidateFunction } from 'ajv'
import { z } from 'zod'

const definition = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  'x-kubernetes-group-version-kind': z
    .array(z.object({ group: z.string(), version: z.string(), kind: z.string() }))
    .optional(),
})
const openApi = z.object({ definitions: z.record(z.string(), definition) })

const identity = z.object({ apiVersion: z.string(), kind: z.string() })

/** What is wrong with a manifest, one line per fault; empty if nothing is. */
export type ManifestCheck = (manifest: unknown) => readonly string[]

/** `document` is `api/openapi-spec/swagger.json` of a Kubernetes release. */
export function manifestCheck(document: unknown): ManifestCheck {
  const { definitions } = openApi.parse(document)
  const nameOfKind = new Map<string, string>()
  for (const [name, schema] of Object.entries(definitions)) {
    for (const { group, version, kind } of schema['x-kubernetes-group-version-kind'] ?? []) {
      nameOfKind.set(`${group === '' ? version : `${group}/${version}`} ${kind}`, name)
    }
    // An API server drops fields that it does not know; here each is a mistake.
    if (schema.properties !== undefined) schema.additionalProperties ??= false
  }
  // OpenAPI 2 can say only "string" of these two, but they are written as numbers as well.
  Object.assign(definitions['io.k8s.apimachinery.pkg.api.resource.Quantity'] ?? {}, {
    type: ['string', 'number'],
  })
  Object.assign(definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString'] ?? {}, {
    type: ['string', 'integer'],
  })

  // Not ajv's strict mode: the document's own `x-kubernetes-…` keywords are unknown to it.
  const ajv = new Ajv({ allErrors: true, strict: false, validateSchema: false })
  ajv.addFormat('int32', { type: 'number', validate: (n) => Number.isInteger(n) && Math.abs(n) < 2 ** 31 })
  ajv.addFormat('int64', { type: 'number', validate: (n) => Number.isInteger(n) })
  ajv.addFormat('double', { type: 'number', validate: () => true })
  ajv.addFormat('byte', /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)
  ajv.addFormat('date-time', { type: 'string', validate: (text) => !Number.isNaN(Date.parse(text)) })
  ajv.addFormat('int-or-string', true)
  ajv.addSchema({ $id: 'kubernetes', definitions })

  return (manifest) => {
    const named = identity.safeParse(manifest)
    if (!named.success) return ['an object without apiVersion and kind']
    const name = nameOfKind.get(`${named.data.apiVersion} ${named.data.kind}`)
    const validate: ValidateFunction | undefined =
      name === undefined ? undefined : ajv.getSchema(`kubernetes#/definitions/${name}`)
    if (validate === undefined) return [`${named.data.apiVersion} has no ${named.data.kind}`]
    if (validate(manifest) === true) return []
    return (validate.errors ?? []).map((error) => {
      const field = error.params.additionalProperty as string | undefined
      return field === undefined
        ? `${error.instancePath || '/'} ${error.message ?? error.keyword}`
        : `${error.instancePath}/${field} is no field of Kubernetes`
    })
  }
}
