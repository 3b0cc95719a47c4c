import type { Command } from 'commander'

/** Every command, loaded only when it is called: a status must not pay for a Kafka client. */
export const COMMANDS: Readonly<Record<string, [what: string, load: () => Promise<Command>]>> = {
  run: [
    'run the agent: read sensors, score, buffer, sync',
    async () => (await import('./run.ts')).runCommand(),
  ],
  setup: [
    'find CAN interfaces and serial ports, and write a config',
    async () => (await import('./setup.ts')).setupCommand(),
  ],
  status: [
    'what a running agent is doing',
    async () => (await import('./status.ts')).statusCommand(),
  ],
  watch: ['the same, live, until Ctrl-C', async () => (await import('./watch.ts')).watchCommand()],
  signals: [
    'the latest reading of each signal',
    async () => (await import('./signals.ts')).signalsCommand(),
  ],
  frames: [
    'CAN frames as they come, decoded beside',
    async () => (await import('./frames.ts')).framesCommand(),
  ],
  events: [
    'what happened: anomalies, captures, trouble codes, gaps',
    async () => (await import('./events.ts')).eventsCommand(),
  ],
  dtc: [
    'trouble codes of the vehicle: read them, clear them',
    async () => (await import('./dtc.ts')).dtcCommand(),
  ],
  explain: ['why an event came about', async () => (await import('./explain.ts')).explainCommand()],
  doctor: [
    'check everything: findings, each with the command that mends it',
    async () => (await import('./doctor.ts')).doctorCommand(),
  ],
  bundle: [
    'a support archive, without secrets and positions',
    async () => (await import('./bundle.ts')).bundleCommand(),
  ],
  recall: [
    'what happened at a time, from the vehicle’s own memory',
    async () => (await import('./recall.ts')).recallCommand(),
  ],
  decode: [
    'decode a CAN log by DBC files into JSON lines',
    async () => (await import('./decode.ts')).decodeCommand(),
  ],
  convert: [
    'write any CAN log that can be read as candump',
    async () => (await import('./convert.ts')).convertCommand(),
  ],
  record: [
    "write what the sensors' buses carry to candump logs that roll",
    async () => (await import('./record.ts')).recordCommand(),
  ],
  simulate: [
    'write the CAN log of a simulated drive',
    async () => (await import('./simulate.ts')).simulateCommand(),
  ],
  model: [
    'score rows, train, verify and show bundles',
    async () => (await import('./model.ts')).modelCommand(),
  ],
  train: [
    'train a bundle from the history on Kafka',
    async () => (await import('./train.ts')).trainCommand(),
  ],
  backtest: [
    'what bundles would have said of a stretch of history, side by side',
    async () => (await import('./backtest.ts')).backtestCommand(),
  ],
  buffer: [
    'look at, check, repair, export and import what waits to be sent',
    async () => (await import('./buffer.ts')).bufferCommand(),
  ],
  history: [
    'read records back from Kafka, tiered history included',
    async () => (await import('./history.ts')).historyCommand(),
  ],
  fleet: [
    'simulate a whole fleet through a relay into Kafka',
    async () => (await import('./fleet.ts')).fleetCommand(),
  ],
  release: [
    'sign bundles, campaigns and DBC files, and roll them out',
    async () => (await import('./release.ts')).releaseCommand(),
  ],
  'tuf-client': [
    "the updater of vehicles, by the TUF conformance suite's protocol",
    async () => (await import('./tuf-client.ts')).tufClientCommand(),
  ],
  rollout: [
    'lead a rollout by what the vehicles tell',
    async () => (await import('./rollout.ts')).rolloutCommand(),
  ],
  update: [
    'look for updates now, or see what is on trial',
    async () => (await import('./update.ts')).updateCommand(),
  ],
  audit: [
    'account for every record of every vehicle on Kafka',
    async () => (await import('./audit.ts')).auditCommand(),
  ],
}
