import { globSync } from "node:fs";
import { dirname } from "node:path";
import { brokerKit, type Report } from "@lovage/conformance";
import { poolKit } from "@lovage/conformance/pool";
import { beforeAll, describe, expect, it } from "vitest";
import { ADAPTERS } from "../src/adapters.ts";
import { REPOSITORY, readPage, readRecord } from "../src/files.ts";
import { page } from "../src/page.ts";
import { type Entry, entryOf, KITS } from "../src/record.ts";

/** When one of these fails, run `pnpm matrix`. */
describe("the capability matrix is up to date:", () => {
  let record: readonly Entry[];
  beforeAll(async () => {
    record = await readRecord();
  });

  it("the page is what was recorded, in the words of the scenarios as they are now", async () => {
    expect(await readPage()).toBe(page(record));
  });

  it("every scenario there is was run on every adapter, and no other", () => {
    for (const { kit, subject, findings } of record) {
      const ids = KITS.find(({ name }) => name === kit)?.scenarios.map(({ id }) => id);
      expect(Object.keys(findings), `${kit} ${subject}`).toEqual(ids);
    }
  });

  it("every broker and pool has the capabilities that it says it has", async () => {
    const now = Object.assign({}, ...(await Promise.all(ADAPTERS.map((adapter) => adapter.capabilities()))));
    const judged = record.filter(({ kit }) => kit === "broker" || kit === "pool");
    expect(judged.map(({ subject }) => subject).sort()).toEqual(Object.keys(now).sort());
    // As recorded: what is undefined is not there.
    for (const { subject, capabilities } of judged)
      expect(capabilities, subject).toMatchObject(JSON.parse(JSON.stringify(now[subject])));
  });

  it("a promise was left out exactly where a capability answers otherwise", () => {
    for (const { kit, subject, capabilities, findings } of record) {
      const { scenarios } = [brokerKit, poolKit].find(({ name }) => name === kit) ?? { scenarios: [] };
      for (const { id, requires } of scenarios) {
        const otherwise = requires?.(capabilities as never) === false;
        expect(findings[id] === "otherwise", `${subject}: ${id}`).toBe(otherwise);
      }
    }
  });

  it("every adapter of the repository is in it", () => {
    const tests = globSync("{packages,apps}/*/test/conformance.test.ts", { cwd: REPOSITORY });
    const folders = tests.map((test) => dirname(dirname(test)));
    expect(ADAPTERS.map(({ folder }) => folder)).toEqual(expect.arrayContaining(folders));
    const adapters = globSync("packages/{broker,pool}-*/package.json", { cwd: REPOSITORY }).map(dirname);
    expect(folders).toEqual(expect.arrayContaining(adapters));
  });
});

describe("a report", () => {
  const scenarios = brokerKit.scenarios.map(({ id, group, invariants, promise }) => {
    return { id, group, invariants, promise, durationMs: 1, status: "proven" as const };
  });
  const report: Report = { kit: "broker", subject: "x", capabilities: {}, scenarios, leftovers: [] };
  const first = scenarios[0] as (typeof scenarios)[0];

  it("becomes an entry that says of each scenario what was found, and nothing that changes from run to run", () => {
    const others = scenarios.slice(2);
    const entry = entryOf({
      ...report,
      scenarios: [
        { ...first, status: "not-applicable", because: "capability" },
        { ...first, id: scenarios[1]?.id ?? "", status: "not-applicable", because: "harness", lacks: "restart" },
        ...others,
      ],
    });
    expect(Object.values(entry.findings)).toEqual(["otherwise", "no restart", ...others.map(() => "proven")]);
    expect(Object.keys(entry)).toEqual(["kit", "subject", "capabilities", "findings"]);
  });

  it("of a broken promise, or one that was not tried, makes no entry", () => {
    const error = { name: "Error", message: "lost one" };
    const broken = [{ ...first, status: "broken" as const, error }, ...scenarios.slice(1)];
    expect(() => entryOf({ ...report, scenarios: broken })).toThrow(`${first.id} is broken: lost one`);
    expect(() => entryOf({ ...report, scenarios: scenarios.slice(1) })).toThrow(`${first.id} did not run`);
    expect(() => entryOf({ ...report, leftovers: ["queue q"] })).toThrow("left behind: queue q");
  });
});
