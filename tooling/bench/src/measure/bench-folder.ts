/** The files of one run: a queue of its own and the marks of its executors. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class BenchFolder implements Disposable {
  readonly path: string;
  readonly queueFile: string;
  readonly marks: string;

  constructor() {
    this.path = mkdtempSync(join(process.env.LOVAGE_BENCH_DIR ?? tmpdir(), "lovage-bench-"));
    this.queueFile = join(this.path, "queue.db");
    this.marks = join(this.path, "marks");
    mkdirSync(this.marks);
    process.once("exit", this.#remove);
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#remove);
    this.#remove();
  }

  readonly #remove = (): void => rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
}
