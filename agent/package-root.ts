import { fileURLToPath } from 'node:url'

/** Folder of package.json, seen from the sources and from the build alike. */
export const PACKAGE_ROOT = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '..' : '../..', import.meta.url),
)

/** The config that the package's service runs with. */
export const INSTALLED_CONFIG = '/etc/milepost/milepost.yaml'
