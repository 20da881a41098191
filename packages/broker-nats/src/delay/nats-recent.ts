const REMEMBERED = 50_000;

/** What was noted of late: as many entries as that, and up to as many again. */
export class Recent<Key, Value> {
  #newer = new Map<Key, Value>();
  #older = new Map<Key, Value>();

  set(key: Key, value: Value): void {
    this.#newer.set(key, value);
    if (this.#newer.size < REMEMBERED) return;
    this.#older = this.#newer;
    this.#newer = new Map();
  }

  get(key: Key): Value | undefined {
    return this.#newer.get(key) ?? this.#older.get(key);
  }

  *entries(): Generator<readonly [Key, Value]> {
    yield* this.#older;
    yield* this.#newer;
  }
}
