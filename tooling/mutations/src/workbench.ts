/** A folder in which Node finds a copy of the compiled core, to be mutated, and the kit that runs on it. */

import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { edited, type Mutation } from "./mutation.ts";

const PACKAGES = fileURLToPath(new URL("../../../packages/", import.meta.url));
const PROGRAM = fileURLToPath(new URL("./run-kit.mjs", import.meta.url));
/** For a kit that ends at the first broken promise, and for one scenario, on a busy machine. A mutation that never comes to an end is none. */
const LONGEST_MS = 300_000;
const LONGEST_SCENARIO_MS = 45_000;

export class Workbench implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Needs what `pnpm build` makes. */
  static async open(): Promise<Workbench> {
    const folder = await mkdtemp(join(tmpdir(), "lovage-mutations-"));
    for (const name of ["core", "conformance"]) {
      const place = join(folder, "node_modules/@lovage", name);
      await cp(join(PACKAGES, name, "package.json"), join(place, "package.json"));
      await cp(join(PACKAGES, name, "dist"), join(place, "dist"), { recursive: true });
    }
    await symlink(join(PACKAGES, "core/node_modules"), join(folder, "node_modules/@lovage/core/node_modules"));
    await cp(PROGRAM, join(folder, "run-kit.mjs"));
    return new Workbench(folder);
  }

  /**
   * The first scenario that finds the memory broker broken; undefined when all are kept. With `only`, that one alone is run.
   * Rejects when the kit itself cannot run.
   */
  async firstBroken(mutation: Mutation | undefined, only?: string): Promise<string | undefined> {
    if (mutation === undefined) return this.#run(only);
    const sound = new Map<string, string>();
    try {
      for (const edit of [mutation, ...(mutation.also === undefined ? [] : [mutation.also])]) {
        const file = join(this.#folder, "node_modules/@lovage/core/dist", edit.file);
        const text = await readFile(file, "utf8");
        if (!sound.has(file)) sound.set(file, text);
        await writeFile(file, edited(text, edit));
      }
      return await this.#run(only);
    } finally {
      for (const [file, text] of sound) await writeFile(file, text);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }

  async #run(only: string | undefined): Promise<string | undefined> {
    const args = ["run-kit.mjs", ...(only === undefined ? [] : [only])];
    const timeout = only === undefined ? LONGEST_MS : LONGEST_SCENARIO_MS;
    const said = await new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        args,
        { cwd: this.#folder, timeout, killSignal: "SIGKILL" },
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout);
          else reject(new Error(`the kit could not run: ${stderr || error.message}`));
        },
      );
    });
    const { broken } = JSON.parse(said.trim().split("\n").at(-1) ?? "{}") as { broken?: string };
    return broken;
  }
}
