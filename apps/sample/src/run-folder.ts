/** The files of one run, in a temporary folder that goes when the run ends. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class RunFolder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "lovage-sample-"));
  readonly fetched: string = join(this.path, "fetched");
  readonly indexed: string = join(this.path, "indexed");
  readonly queueFile: string = join(this.path, "queue.db");

  constructor() {
    mkdirSync(this.fetched);
    mkdirSync(this.indexed);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}
