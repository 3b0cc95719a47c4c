/** Icons drawn for this page: one stroke, a 24 unit square, the colour of the text beside. */
const PATHS: Readonly<Record<string, string>> = {
  overview: 'M4 13a8 8 0 0 1 16 0M12 13l4-4M4 17h16',
  signals: 'M3 12h4l2-6 4 13 3-9 1.5 2H21',
  faults: 'M12 4 3 19.5h18zM12 10v4.5M12 17v.2',
  sync: 'M4 7h16M4 12h10M4 17h6M17 20v-7m-3 3 3-3 3 3',
  inferences: 'M5 19V9M10 19V5M15 19v-7M20 19v-4M3 14h18',
  captures: 'M4 8V5h3M20 8V5h-3M4 16v3h3M20 16v3h-3M12 6v12M8.5 12h.1M15.4 12h.1',
  history: 'M4 12a8 8 0 1 0 2.5-5.8L4 8.5M4 4v4.5h4.5M12 8v4.5l3 2',
  updates: 'M12 4v10m-4-4 4 4 4-4M5 19h14',
  doctor: 'M12 5v14M5 12h14M4 4h16v16H4z',
  support: 'M6 4h8l4 4v12H6zM14 4v4h4M9 13h6M9 16.5h6',
  menu: 'M5 7h14M5 12h14M5 17h14',
  fine: 'M5 12.5l4.5 4.5L19 7.5',
  warn: 'M12 5v9M12 18v.3',
  stop: 'M7 7l10 10M17 7 7 17',
  quiet: 'M6 12h12',
}

export function Icon({ name, size = 22 }: { name: string; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.9"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name] ?? PATHS.quiet} />
    </svg>
  )
}
