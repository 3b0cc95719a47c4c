import { fail } from '../cli/output.ts'
import { complaintOf } from '../error.ts'
import { driveOffline } from './offline.ts'
import { Screen } from './screen.ts'
import { driveWithCentral } from './story.ts'

/** `npm run demo`: the whole way of the data, on real parts, with an account at its end. */
async function main(): Promise<number> {
  const screen = new Screen()
  try {
    return await driveWithCentral(screen)
  } catch (error) {
    const { code, message, hint } = complaintOf(error)
    if (code !== 'JAVA_MISSING' && code !== 'MAVEN_MISSING') throw error
    screen.print(['', screen.paint('yellow', message), ...(hint ? [`Next: ${hint}`] : []), ''])
    return driveOffline(screen)
  }
}

main().then((code) => process.exit(code), fail)
