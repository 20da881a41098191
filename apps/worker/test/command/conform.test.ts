import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Report } from "@lovage/conformance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { APPS, Workplace } from "../support/lovage.ts";

let place: Workplace;

beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.close());

const module = (name: string): string => path.join(APPS, `conform-${name}.ts`);

/** A module of the workplace's folder that can import what this package can. */
function written(name: string, source: string): string {
  const folder = path.join(place.folder, name);
  mkdirSync(folder);
  symlinkSync(path.resolve(import.meta.dirname, "../../node_modules"), path.join(folder, "node_modules"));
  const file = path.join(folder, "module.mjs");
  writeFileSync(file, source);
  return file;
}

describe("conform", () => {
  it("says which promises the memory broker keeps, group by group, and which do not apply", async () => {
    const { code, stdout } = await place.run(["conform", module("memory"), "--only", "settlement,order,restart"]);
    expect(stdout).toMatch(/^settlement\n {2}proven {2}settlement\/ack-removes: Once an ack has resolved /m);
    expect(stdout).toMatch(/^order\n {2}proven {2}order\//m);
    expect(stdout).toMatch(/^ {2}– {7}restart\/accepted-survives: its capabilities answer otherwise$/m);
    expect(stdout).toMatch(/^memory: \d+ promises proven, none broken, \d+ not applicable$/m);
    expect(code).toBe(0);
  });

  it("runs every kit that the module has a harness for: broker and control, results, pool", async () => {
    const only = ["lifecycle/nothing-arrives-after-stop", "control/asks-only-those-meant", "results/racing-writers"];
    const { code, stdout } = await place.run(
      ["conform", module("memory"), "--json"].concat(...[...only, "dispatch"].map((id) => ["--only", id])),
    );
    const reports = JSON.parse(stdout) as Report[];
    expect(reports.map(({ kit, subject }) => [kit, subject])).toEqual([
      ["broker", "memory"],
      ["result store", "memory results"],
      ["pool", "solo pool"],
    ]);
    const [broker, results, pool] = reports.map(({ scenarios }) => scenarios);
    expect(broker?.map(({ id, status }) => [id, status])).toEqual(only.slice(0, 2).map((id) => [id, "proven"]));
    expect(results?.map(({ id }) => id)).toEqual(only.slice(2));
    expect(new Set(pool?.map(({ group, status }) => `${group} ${status}`))).toEqual(
      new Set(["dispatch proven", "dispatch not-applicable"]),
    );
    expect(code).toBe(0);
  });

  it("ends with 1 for a broker that breaks a promise, and names the promise, the error and what else it keeps", async () => {
    const { code, stdout } = await place.run(["conform", module("saboteur"), "--only", "settlement"]);
    expect(stdout).toMatch(/^ {2}broken {2}settlement\/deliveries-are-counted: .+\n {10}AssertionError: .*not/ims);
    expect(stdout).toMatch(/^ {2}proven {2}settlement\/ack-removes/m);
    expect(stdout).toMatch(/^counts every delivery as the first: \d+ promises proven, 1 broken, /m);
    expect(code).toBe(1);
  });

  it("needs no harness of an adapter that is opened by URL: connections, processes and results come from there", async () => {
    const only = "contention/processes-share-without-overlap,contention/killed-holder,results/racing-writers";
    const url = "file:./conform.db";
    const { code, stdout } = await place.run(["conform", module("adapter"), "--url", url, "--only", only]);
    for (const id of only.split(",")) expect(stdout).toContain(`proven  ${id}`);
    expect(code).toBe(0);
  });

  it("takes the name of an installed package as well, and looks for it from where one is", async () => {
    const installed = path.join(place.folder, "node_modules", "lovage-broker-spool");
    mkdirSync(path.dirname(installed), { recursive: true });
    symlinkSync(path.resolve(import.meta.dirname, "../../../custom-broker"), installed);
    const only =
      "lifecycle/close-sends-what-was-asked,settlement/ack-removes,contention/processes-share-without-overlap";
    const { code, stdout } = await place.run([
      "conform",
      "lovage-broker-spool",
      ...["--url", "spool:./dir", "--only", only],
    ]);
    for (const id of only.split(",")) expect(stdout).toContain(`proven  ${id}`);
    expect(stdout).toMatch(/^spool: 3 promises proven, none broken/m);
    expect(code).toBe(0);
    const absent = await place.run(["conform", "lovage-broker-nowhere", "--url", "nowhere:"]);
    expect([absent.code, absent.stderr]).toEqual([66, expect.stringContaining("npm install lovage-broker-nowhere")]);
  });

  it("says what an adapter without harness is tried with, and what a module without either could export", async () => {
    const adapter = await place.run(["conform", module("adapter")]);
    expect([adapter.code, adapter.stderr]).toEqual([64, expect.stringContaining("--url <url>")]);
    const neither = await place.run(["conform", written("neither", "export const broker = 1;")]);
    expect([neither.code, neither.stderr]).toEqual([64, expect.stringContaining("export one as brokerHarness")]);
    const wrong = await place.run(["conform", written("wrong", "export default {};")]);
    expect([wrong.code, wrong.stderr]).toEqual([64, expect.stringContaining("no create()")]);
    const harness = await place.run(["conform", module("memory"), "--url", "memory:"]);
    expect([harness.code, harness.stderr]).toEqual([64, expect.stringContaining("exports openBroker(url, options)")]);
  });

  it("says of an unknown scenario which groups there are", async () => {
    const { code, stderr } = await place.run(["conform", module("memory"), "--only", "settlements"]);
    expect(stderr).toMatch(/no scenario or group "settlements"; groups are lifecycle, publish, settlement, /);
    expect(code).toBe(64);
  });

  it("says where a module fails that cannot be imported", async () => {
    const { code, stderr } = await place.run(["conform", written("throws", 'throw new Error("not today");')]);
    expect(stderr).toContain("could not be imported: Error: not today");
    expect(code).toBe(66);
  });

  it("ends with 69 when the broker cannot be reached at all", async () => {
    const source = `import { sqliteBroker } from "@lovage/broker-sqlite";
      export const brokerHarness = { name: "nowhere", create: () => sqliteBroker("/nowhere/at-all/lovage.db") };`;
    const { code } = await place.run(["conform", written("unreachable", source)]);
    expect(code).toBe(69);
  });
});
