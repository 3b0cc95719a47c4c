// The machine that the tests run in: Debian's kernel and the modules that SocketCAN needs, packed once.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { findProgram, needPrograms, PROGRAM_PATH } from '../support/programs.ts'

/** What must be installed on the host: a program of each, and the Debian package that has it. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  '/bin/busybox': 'busybox-static',
  cpio: 'cpio',
  modprobe: 'kmod',
  candump: 'can-utils',
  ip: 'iproute2',
}
const MODULES =
  '9p 9pnet_virtio virtio_pci can-raw can-dev can-isotp can-j1939 vcan slcan kvaser_pci'
const META_PACKAGE = 'linux-image-amd64'

export interface Machine {
  readonly kernel: string
  readonly initrd: string
  readonly version: string
}

/** Says what is missing and how to get it; nothing is skipped. */
export class MachineError extends Error {}

/** Where the kernel and its initramfs are kept between runs; never inside the checkout. */
export function cacheDir(): string {
  const dir = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'milepost', 'vm')
  mkdirSync(dir, { recursive: true })
  return dir
}

/** Installs what is missing, and answers a kernel and an initramfs made from `init`. */
export function prepareMachine(init: string): Machine {
  if (process.arch !== 'x64' || process.platform !== 'linux') {
    throw new MachineError(
      `The machine test needs Linux on x86-64; this is ${process.platform} on ${process.arch}.`,
    )
  }
  needPrograms(PROGRAMS)
  const mark = createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .update(init)
    .digest('hex')
    .slice(0, 12)
  const dir = cacheDir()
  const kept = readdirSync(dir).find((name) => name.startsWith('linux-') && name.endsWith(mark))
  const home = join(dir, kept ?? pack(dir, mark, init))
  const version = basename(home).slice('linux-'.length, -mark.length - 1)
  return { kernel: join(home, 'vmlinuz'), initrd: join(home, 'initrd.gz'), version }
}

function run(program: string, args: readonly string[], cwd?: string): string {
  return execFileSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH: PROGRAM_PATH, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 2 ** 20,
  })
}

/** Fetches Debian's kernel and packs what is needed of it; answers the folder's name. */
function pack(dir: string, mark: string, init: string): string {
  if (!findProgram('apt-get'))
    throw new MachineError("Debian's kernel is fetched by apt-get: not here.")
  const work = mkdtempSync(join(tmpdir(), 'milepost-vm-'))
  try {
    const names = (): string =>
      /Depends: linux-image-(\S+)/.exec(run('apt-cache', ['depends', META_PACKAGE]))?.[1] ?? ''
    let version = names()
    if (!version) {
      run('apt-get', ['update', '-qq'])
      version = names()
    }
    if (!version) throw new MachineError(`apt-get knows no ${META_PACKAGE}.`)
    console.error(`fetching Linux ${version}`)
    // As root apt drops its rights for a download, and may then not write where only root may.
    const apt = ['-q', '-o', 'APT::Sandbox::User=root', 'download', `linux-image-${version}`]
    try {
      run('apt-get', apt, work)
    } catch {
      run('apt-get', ['update', '-qq'])
      run('apt-get', apt, work)
    }
    const deb = readdirSync(work).find((name) => name.endsWith('.deb'))!
    const tree = join(work, 'tree')
    run('dpkg', ['-x', join(work, deb), tree])
    run('depmod', ['-b', tree, version])
    const made = join(work, 'made')
    mkdirSync(made)
    copyFileSync(join(tree, 'boot', `vmlinuz-${version}`), join(made, 'vmlinuz'))
    writeInitrd(tree, version, init, join(work, 'initrd'), join(made, 'initrd.gz'))
    const name = `linux-${version}-${mark}`
    rmSync(join(dir, name), { recursive: true, force: true })
    // Another file system may be in between: copied beside its place, then put there in one step.
    const beside = join(dir, `.${name}.${process.pid}`)
    mkdirSync(beside)
    for (const file of readdirSync(made)) copyFileSync(join(made, file), join(beside, file))
    renameSync(beside, join(dir, name))
    return name
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function writeInitrd(
  tree: string,
  version: string,
  init: string,
  root: string,
  target: string,
): void {
  mkdirSync(join(root, 'modules'), { recursive: true })
  mkdirSync(join(root, 'bin'))
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'))
  chmodSync(join(root, 'bin/busybox'), 0o755)
  symlinkSync('busybox', join(root, 'bin/sh'))
  writeFileSync(join(root, 'init'), init, { mode: 0o755 })
  const order: string[] = []
  for (const module of MODULES.split(' ')) {
    const shown = run('modprobe', ['-d', tree, '-S', version, '--show-depends', module])
    for (const line of shown.split('\n')) {
      const file = /^insmod (\S+)/.exec(line)?.[1]
      if (!file || order.includes(basename(file))) continue
      order.push(basename(file))
      copyFileSync(file, join(root, 'modules', basename(file)))
    }
  }
  writeFileSync(join(root, 'modules/order'), `${order.join('\n')}\n`)
  const packed = execFileSync('sh', ['-c', 'find . | cpio -o -H newc --quiet | gzip -1'], {
    cwd: root,
    env: { ...process.env, PATH: PROGRAM_PATH },
    maxBuffer: 256 * 2 ** 20,
  })
  writeFileSync(target, packed)
  if (readFileSync(target).length < 1024) throw new MachineError('The initramfs is empty.')
}
