import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeBroker } from "@lovage/conformance/vitest";
import { spoolBroker } from "../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "spool-"));

describeBroker({
  name: "spool",
  create: () => spoolBroker({ folder }),
  spawnable: { module: new URL("make-broker.ts", import.meta.url), args: [folder] },
  /** Everything but the revoked ids, which are remembered for a day by promise. */
  leftovers: async () =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => !path.startsWith("revoked")),
  close: async () => rmSync(folder, { recursive: true }),
});
