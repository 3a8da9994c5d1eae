// One of several processes that fight for a home in one SQLite file; prints the epochs that it won.
import { openSqliteStore } from '../../k8s-core/store/sqlite.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'

const [file = '', region = ''] = process.argv.slice(2)
const root = 'rooms/42' as Root
const store = await openSqliteStore(file)
await store.migrate()
const won: number[] = []
for (let epoch = 0; epoch < 40; ) {
  const { claimed, home } = await store.claimHome(DEFAULT_FLEET, root, region as RegionId, epoch)
  if (claimed) won.push(home.epoch)
  epoch = home?.epoch ?? 0
}
await store.close()
process.stdout.write(JSON.stringify(won))
