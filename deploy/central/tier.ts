import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CentralError } from './errors.ts'
import { CENTRAL_HOME } from './home.ts'
import { fill } from './template.ts'

/** Which plugin carries segments away: one of ours by name, or any by the path of its properties. */
export type Tier = 's3' | 'local' | { readonly properties: string }

/** The plugin's lines of the broker's properties, with `values` filled in. */
export async function tierProperties(
  tier: Tier,
  values: Readonly<Record<string, string | number>>,
): Promise<string> {
  const file =
    typeof tier === 'string' ? join(CENTRAL_HOME, `tier-${tier}.properties`) : tier.properties
  try {
    return fill(await readFile(file, 'utf8'), values)
  } catch (cause) {
    throw new CentralError('TIER_CONFIG', `The tier's properties file ${file} cannot be read.`, {
      cause,
      hint: 'Give --tier s3, --tier local, or the path of a properties file.',
    })
  }
}
