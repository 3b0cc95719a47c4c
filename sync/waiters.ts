interface Waiter<T> {
  readonly id: number
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** Promises that answers of the other thread settle, by number. */
export class Waiters<T> {
  #waiting: Waiter<T>[] = []

  wait(id: number): Promise<T> {
    return new Promise((resolve, reject) => this.#waiting.push({ id, resolve, reject }))
  }

  resolve(id: number, value: T): void {
    for (const waiter of this.#take((each) => each === id)) waiter.resolve(value)
  }

  resolveUpTo(id: number, value: T): void {
    for (const waiter of this.#take((each) => each <= id)) waiter.resolve(value)
  }

  reject(id: number, error: Error): void {
    for (const waiter of this.#take((each) => each === id)) waiter.reject(error)
  }

  rejectAll(error: Error): void {
    for (const waiter of this.#take(() => true)) waiter.reject(error)
  }

  #take(wanted: (id: number) => boolean): Waiter<T>[] {
    if (this.#waiting.length === 0) return []
    const taken = this.#waiting.filter(({ id }) => wanted(id))
    this.#waiting = this.#waiting.filter(({ id }) => !wanted(id))
    return taken
  }
}
