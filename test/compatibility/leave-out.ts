// Runs before each test of every file: skips those that the chosen mixture of releases cannot pass, with the reason.
import { beforeEach } from 'vitest'
import { reasonToLeaveOut } from './left-out.ts'
import { chosenMake } from './release.ts'

beforeEach(({ task, skip }) => {
  const make = chosenMake()
  if (make === 'today') return
  const names = [task.name]
  for (let suite = task.suite; suite !== undefined; suite = suite.suite) names.push(suite.name)
  const reason = reasonToLeaveOut(make, names)
  if (reason !== null) skip(reason)
})
