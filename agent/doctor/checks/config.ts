import type { Check } from '../scene.ts'

/** The config can be read and every key in it is known. */
export const configCheck: Check = {
  name: 'config',
  async run({ configFile, configError }) {
    const check = 'config'
    const cause = 'config'
    if (!configFile) {
      const finding = 'No config was named: the checks know only what the data folder tells.'
      return [
        {
          check,
          verdict: 'note',
          code: 'CONFIG_UNNAMED',
          finding,
          next: 'Name it with -c.',
          cause,
        },
      ]
    }
    if (!configError) {
      return [{ check, verdict: 'ok', code: 'OK', finding: `${configFile} is understood.`, cause }]
    }
    const { code, message } = configError
    const next =
      code === 'CONFIG_MISSING'
        ? 'Name the right file, or have one written.'
        : 'Mend these lines; the agent does not start with them.'
    const command = code === 'CONFIG_MISSING' ? 'milepost setup' : `sudoedit ${configFile}`
    return [{ check, verdict: 'broken', code, finding: message, next, command, cause }]
  },
}
