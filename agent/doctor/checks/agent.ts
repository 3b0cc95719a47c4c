import { counted } from '../../cli/output.ts'
import { INSTALLED_CONFIG } from '../../package-root.ts'
import type { Finding } from '../finding.ts'
import type { Check } from '../scene.ts'

/** An agent runs, and none of its parts has failed. */
export const agentCheck: Check = {
  name: 'agent',
  async run({ agent, agentError, status, dataDir, configFile }) {
    const check = 'agent'
    if (agent === 'denied') {
      return [
        {
          check,
          verdict: 'broken',
          code: 'SOCKET_DENIED',
          finding: agentError?.message ?? 'This user may not talk to the agent.',
          next: 'Join the group of the agent and log in again, or use sudo.',
          command: 'sudo usermod -aG milepost "$USER"',
          cause: 'permission',
        },
      ]
    }
    if (agent === 'silent') {
      return [
        {
          check,
          verdict: 'broken',
          code: 'AGENT_SILENT',
          finding:
            'The agent takes questions and gives no answer: it hangs, or the machine is overloaded.',
          next: 'Keep its log for us, then restart it; what was committed is safe.',
          command:
            'sudo journalctl -u milepost -n 200 > milepost.log; sudo systemctl restart milepost',
          cause: 'agent',
        },
      ]
    }
    if (agent === 'down') {
      return [
        {
          check,
          verdict: 'broken',
          code: 'AGENT_DOWN',
          finding: dataDir ? `No agent runs on ${dataDir}.` : 'No agent was found.',
          next: 'Start it; if it ends again, its log says why.',
          // Only the installed config has a service.
          command:
            configFile === undefined || configFile === INSTALLED_CONFIG
              ? 'sudo systemctl start milepost; sudo journalctl -u milepost -n 50'
              : `milepost run -c ${configFile}`,
          cause: 'agent',
        },
      ]
    }
    const faults = (status?.faults ?? []).map(
      ({ cause, count, lastError }): Finding => ({
        check: `part ${cause}`,
        verdict: 'trouble',
        code: lastError.code,
        finding: `${cause} failed ${counted(count, 'time')}: ${lastError.message}`,
        next: lastError.hint ?? 'The rest works on. Please report this, with a support bundle.',
        command: 'milepost bundle',
        cause: 'other',
      }),
    )
    return [
      {
        check,
        verdict: 'ok',
        code: 'OK',
        finding: `milepost ${status?.version} runs as process ${status?.pid}.`,
        cause: 'agent',
      },
      ...faults,
    ]
  },
}
