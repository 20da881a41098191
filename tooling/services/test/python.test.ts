import { afterEach, describe, expect, it, vi } from "vitest";
import { find } from "../src/binaries.ts";
import { providePython } from "../src/index.ts";

const here = await find("python3");

afterEach(() => vi.unstubAllEnvs());

describe("a Python for what is compared", () => {
  it.runIf(here !== undefined)("is one that can import all that is asked for", async () => {
    expect(await providePython({ json: "python3", os: "python3" })).toMatch(/python3$/);
  });

  it("says what to do when the one that is named cannot", async () => {
    vi.stubEnv("LOVAGE_TEST_PYTHON", "/nowhere/python3");
    await expect(providePython({ celery: "python3-celery", redis: "python3-redis" })).rejects.toThrow(
      "no Python with celery and redis on this machine: install it (Debian: apt-get install python3-celery python3-redis), or name one in LOVAGE_TEST_PYTHON",
    );
  });
});
