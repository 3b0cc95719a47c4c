/** A page and the first line of a block; the page alone where it holds for each of its blocks. */
type Where = readonly [page: string, first?: string]

/** Why blocks of commands are not run as written, and what shows their commands instead. */
const NOT_RUN: Readonly<Record<string, readonly Where[]>> = {
  'the gate runs it, or it is what the gate is made of': [
    ['CONTRIBUTING.md', 'npm ci'],
    ['deploy/guides/README.md', 'npm ci'],
    ['README.md', 'npm ci && npm run demo'],
    ['test/vm/README.md', 'npm run test:vm'],
  ],
  'runs for minutes, downloads or builds; where it has a short form, a test runs that': [
    ['deploy/central/README.md', 'npm run central'],
    ['deploy/central/tier-s3/README.md', 'mvn package -pl tier-s3 -am -Dmilepost.out=$PWD/out'],
    ['deploy/deb/README.md', 'npm run deb'],
    ['deploy/deb/README.md', 'npm run test:package'],
    ['deploy/guides/figures.md'],
    ['agent/fleet/README.md', 'milepost fleet simulate --vehicles 100000'],
    ['models/README.md', 'milepost model train'],
    [
      'models/README.md',
      'milepost model train --recipe models/training/recipes/simulator-slow.yaml --out again',
    ],
    ['sync/outbox/README.md', 'node test/run.mjs fast sync/outbox'],
    ['sync/relay/README.md', 'npm run bench -- relay'],
    ['test/README.md', 'npm test'],
  ],
  'a list to choose from, no script: some of it never ends, asks, or needs the lines of others': [
    ['README.md', 'npm run build && npm link'],
    ['deploy/guides/README.md', 'export MILEPOST_ROOT=$PWD'],
    ['agent/README.md', 'milepost status'],
    ['agent/support/README.md', 'milepost bundle'],
  ],
  'asks the installed agent of a vehicle; test/agent asks one of its own the same': [
    ['agent/README.md', 'curl --unix-socket /var/lib/milepost/agent.sock http://agent/operations'],
    ['agent/api/README.md', 'curl --unix-socket /var/lib/milepost/agent.sock http://agent/status'],
    ['agent/doctor/README.md', 'milepost doctor'],
    ['agent/local/README.md', "milepost recall 14:10 --signal 'Battery.*' --minutes 5"],
    [
      'agent/metrics/README.md',
      'curl --unix-socket /var/lib/milepost/agent.sock http://agent/metrics',
    ],
    ['agent/web/README.md', 'curl -s http://127.0.0.1:8080/api/signals?match=Engine.*'],
    ['sensors/obd/README.md', 'milepost dtc read'],
  ],
  'needs hardware: a stick, a TPM, a bus; tests have a folder, swtpm, a simulated bus for it': [
    ['agent/updates/README.md', 'milepost update status -c milepost.yaml'],
    ['deploy/guides/technician.md', 'milepost buffer export /media/usb/truck-17.mpx'],
    [
      'sensors/replay/README.md',
      'milepost record -c milepost.yaml --out /data/drives --max-file-mib 64 --max-total-mib 4096 --gzip',
    ],
    ['sync/outbox/README.md', 'cd /run'],
    ['sync/outbox/README.md', 'milepost buffer stat'],
    [
      'sync/transfer/README.md',
      'milepost buffer export /media/usb/truck-7.gz -c milepost.yaml --take',
    ],
  ],
  'needs a server, a cluster or a vehicle under the name that stands there': [
    [
      'agent/rollout/README.md',
      'milepost rollout watch bundle engine -r repo --brokers kafka:9092',
    ],
    [
      'deploy/guides/data-scientist.md',
      'milepost train --topic milepost.telemetry --from -30d --recipe my.yaml --out my-bundle --brokers kafka:9092',
    ],
    [
      'deploy/guides/fleet-engineer.md',
      'milepost rollout watch bundle simulator --brokers kafka.example.com:9092',
    ],
    ['deploy/guides/fleet-engineer.md', 'npm run deb -- --arch arm64'],
    ['deploy/kubernetes/README.md', 'kubectl create namespace milepost'],
    [
      'models/README.md',
      'milepost train --topic milepost.telemetry --from -30d --recipe truck.yaml --out truck-2',
    ],
    [
      'models/release/README.md',
      'milepost release mirror /media/usb/milepost -r https://releases.example.com --only-rollout --root root.json',
    ],
  ],
  'needs a program of others that the project does not install': [
    ['models/release/README.md', 'pytest tuf_conformance --entrypoint "milepost tuf-client"'],
  ],
}

/** All of them, without their reasons. */
export const notRun: readonly Where[] = Object.values(NOT_RUN).flat()
