/** A first-in-first-out list with O(1) at both ends and a live size; `Array.shift` moves every element. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  unshift(item: T): void {
    if (this.#head > 0) {
      this.#head--;
      this.#items[this.#head] = item;
    } else this.#items.unshift(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head++;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes out every item for which `gone` is true, in order. */
  extract(gone: (item: T) => boolean): T[] {
    const out: T[] = [];
    const kept: T[] = [];
    for (let index = this.#head; index < this.#items.length; index++) {
      const item = this.#items[index] as T;
      (gone(item) ? out : kept).push(item);
    }
    this.#items = kept;
    this.#head = 0;
    return out;
  }
}
