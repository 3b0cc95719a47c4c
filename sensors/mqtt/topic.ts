/** Levels of a topic or filter that are looked at; MQTT itself allows thousands. */
const MAX_LEVELS = 32

/** A topic filter (MQTT 5, 4.7) that names what it matches. */
export interface TopicMatcher {
  /** The name that the template gives a topic; undefined where the filter does not match. */
  nameOf(topic: string): string | undefined
}

/** Whether the text is a topic filter: `+` is a whole level, `#` the whole last one. */
export function isTopicFilter(filter: string): boolean {
  const levels = filter.split('/')
  if (filter === '' || filter.includes('\0') || levels.length > MAX_LEVELS) return false
  return levels.every(
    (level, i) =>
      level === '+' || (level === '#' && i === levels.length - 1) || !/[+#]/.test(level),
  )
}

/** The placeholders of a template that this filter cannot fill. */
export function unfilled(filter: string, template: string): string[] {
  const levels = filter.split('/')
  const wildcards = levels.filter((level) => level === '+').length
  const known = (key: string): boolean =>
    key === 'topic' ||
    (key === '#' && levels.at(-1) === '#') ||
    (/^[1-9]\d?$/.test(key) && Number(key) <= wildcards)
  return [...template.matchAll(/\{([^}]*)\}/g)]
    .map((found) => found[1])
    .filter((key) => !known(key))
}

/**
 * @param template `{1}` is what the first `+` stood for, `{#}` what `#` stood for, `{topic}` all of it;
 *   levels are joined by a dot
 */
export function topicMatcher(filter: string, template: string): TopicMatcher {
  const wanted = filter.split('/')
  const open = wanted.at(-1) === '#'
  if (open) wanted.pop()
  return {
    nameOf: (topic) => {
      const levels = topic.split('/')
      if (levels.length > MAX_LEVELS) return undefined
      if (open ? levels.length < wanted.length : levels.length !== wanted.length) return undefined
      // 4.7.2: wildcards at the beginning do not match the broker's own topics ($SYS/…).
      if (topic.startsWith('$') && (wanted[0] ?? '#') !== levels[0]) return undefined
      const found: string[] = []
      for (const [i, level] of wanted.entries()) {
        if (level === '+') found.push(levels[i])
        else if (level !== levels[i]) return undefined
      }
      const rest = levels.slice(wanted.length).join('.')
      return template.replace(/\{([^}]*)\}/g, (_, key: string) =>
        key === 'topic' ? levels.join('.') : key === '#' ? rest : (found[Number(key) - 1] ?? ''),
      )
    },
  }
}
