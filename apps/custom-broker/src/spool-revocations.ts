import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_REVOKE_TTL_MS } from "@lovage/core/contracts";

/** The ids in `revoked/`: a message of that id is not delivered, whenever its file appears. An empty file each, kept for a day. */
export class SpoolRevocations {
  readonly #folder: string;

  constructor(root: string) {
    this.#folder = join(root, "revoked");
  }

  has(id: string): boolean {
    const marker = statSync(join(this.#folder, id), { throwIfNoEntry: false });
    return marker !== undefined && marker.mtimeMs + DEFAULT_REVOKE_TTL_MS > Date.now();
  }

  add(id: string): void {
    writeFileSync(join(this.#folder, id), "");
  }

  forget(id: string): void {
    rmSync(join(this.#folder, id), { force: true });
  }

  /** Makes the folder, and removes from it what has expired. */
  prepare(): void {
    mkdirSync(this.#folder, { recursive: true });
    for (const id of readdirSync(this.#folder)) if (!this.has(id)) this.forget(id);
  }
}
