const REMEMBERED = 50_000;

/** What was moved of late, and where to: as many places as that, and up to as many again. */
export class Moved {
  #newer = new Map<string, number>();
  #older = new Map<string, number>();

  add(place: string, copiedTo: number): void {
    this.#newer.set(place, copiedTo);
    if (this.#newer.size < REMEMBERED) return;
    this.#older = this.#newer;
    this.#newer = new Map();
  }

  placeOf(place: string): number | undefined {
    return this.#newer.get(place) ?? this.#older.get(place);
  }
}
