// The Python environment of the paho tests.
import path from 'node:path'
import { prepareVenv, type VenvPython } from './python-venv.ts'

export function preparePaho(): Promise<VenvPython> {
  const requirements = path.join(import.meta.dirname, 'requirements.txt')
  return prepareVenv({ name: 'paho-venv', requirements, module: 'paho.mqtt.client' })
}
