/** What stands in a line knows its neighbours. It stands in one line at a time. */
export interface Standing<T> {
  ahead: T | undefined;
  behind: T | undefined;
}

/** A doubly linked list: joining at the end, leaving from anywhere and looking at the first are O(1), whatever its length. */
export class Line<T extends Standing<T>> implements Iterable<T> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  join(item: T): void {
    item.ahead = this.#last;
    item.behind = undefined;
    if (this.#last === undefined) this.#first = item;
    else this.#last.behind = item;
    this.#last = item;
    this.#size += 1;
  }

  leave(item: T): void {
    if (item.ahead === undefined) this.#first = item.behind;
    else item.ahead.behind = item.behind;
    if (item.behind === undefined) this.#last = item.ahead;
    else item.behind.ahead = item.ahead;
    item.ahead = undefined;
    item.behind = undefined;
    this.#size -= 1;
  }

  /** First to last. The item just yielded may leave meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    let item = this.#first;
    while (item !== undefined) {
      const next: T | undefined = item.behind;
      yield item;
      item = next;
    }
  }
}
