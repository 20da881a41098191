import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadApp } from "../../src/index.ts";

const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url).href;
const refusal = (name: string, code: string, ...words: string[]) => ({
  code,
  subject: { file: fileURLToPath(fixture(name)) },
  message: expect.stringMatching(new RegExp(words.join(".*"), "s")),
});

describe("loadApp", () => {
  it("takes the default export, by URL or by path", async () => {
    const byUrl = await loadApp(fixture("default-app.ts"));
    expect(byUrl).toMatchObject({ url: fixture("default-app.ts"), exportName: "default" });
    expect(byUrl.definition.tasks.names()).toEqual(["ping"]);
    const byPath = await loadApp(relative(process.cwd(), fileURLToPath(fixture("default-app.ts"))));
    expect(byPath.definition).toBe(byUrl.definition);
  });

  it("takes the only app that is exported, however many names it has", async () => {
    expect((await loadApp(fixture("named-app.ts"))).definition.tasks.size).toBe(0);
    expect((await loadApp(fixture("named-app.ts"), "shop")).exportName).toBe("shop");
  });

  it("takes the default of a module compiled to CommonJS", async () => {
    const { url, exportName } = await loadApp(fixture("compiled-app.cjs"));
    expect(exportName).toBe("default");
    expect((await loadApp(url as string, exportName)).definition).toBeDefined();
  });

  it("takes the one that is named where there are several, and asks for a name otherwise", async () => {
    expect((await loadApp(fixture("two-apps.ts"), "bank")).exportName).toBe("bank");
    await expect(loadApp(fixture("two-apps.ts"))).rejects.toMatchObject(
      refusal("two-apps.ts", "APP_AMBIGUOUS", "several apps", "bank", "shop"),
    );
  });

  it("says that the file is missing", async () => {
    await expect(loadApp(fixture("nowhere.ts"))).rejects.toMatchObject(
      refusal("nowhere.ts", "APP_NOT_FOUND", "no file", "nowhere.ts"),
    );
    await expect(loadApp(fixture(""))).rejects.toMatchObject({ code: "APP_NOT_FOUND" });
  });

  it("lists what a module without an app exports", async () => {
    await expect(loadApp(fixture("no-app.ts"))).rejects.toMatchObject(
      refusal("no-app.ts", "APP_NOT_EXPORTED", "no app", "it exports: answer, resize", "createApp"),
    );
    await expect(loadApp(fixture("default-app.ts"), "shop")).rejects.toMatchObject(
      refusal("default-app.ts", "APP_NOT_EXPORTED", 'no app named "shop"', "default, ping"),
    );
  });

  it("says what a module threw, and where", async () => {
    await expect(loadApp(fixture("throwing-app.ts"))).rejects.toMatchObject({
      ...refusal(
        "throwing-app.ts",
        "APP_IMPORT",
        "RangeError: PORT is not set",
        "\\(at readSettings .*throwing-app.ts:2",
      ),
      cause: expect.any(RangeError),
    });
  });

  it("says which import of a module is missing", async () => {
    await expect(loadApp(fixture("missing-import-app.ts"))).rejects.toMatchObject(
      refusal("missing-import-app.ts", "APP_IMPORT", "@nobody/has-this-package"),
    );
  });

  it("refuses an app whose contract is another", async () => {
    await expect(loadApp(fixture("older-app.ts"))).rejects.toMatchObject(
      refusal("older-app.ts", "APP_VERSION", "contract version 0", "install matching versions"),
    );
  });
});
