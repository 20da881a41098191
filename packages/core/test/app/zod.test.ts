import { describe, expect, expectTypeOf, it } from "vitest";
import * as z from "zod";
import { createApp, type RunHandle, task } from "../../src/index.ts";
import { runInline } from "../../src/testing/index.ts";

const remind = task("mail.remind", async (to, when, tags) => ({ to, year: when.getUTCFullYear(), tags }), {
  schema: {
    args: z.tuple([
      z.email(),
      z.iso.datetime().transform((text) => new Date(text)),
      z.array(z.string().trim()).default(["general"]),
    ]),
    returns: z.object({ to: z.string(), year: z.int(), tags: z.array(z.string()) }),
  },
});

describe("a task with schemas of Zod", () => {
  const app = createApp({ tasks: [remind] });

  it("gets what the schema makes of the arguments", async () => {
    expectTypeOf(remind.enqueue).parameter(1).toBeString();
    expectTypeOf(remind.enqueue).returns.resolves.toEqualTypeOf<
      RunHandle<{ to: string; year: number; tags: string[] }>
    >();
    expectTypeOf(remind).parameter(1).toEqualTypeOf<Date>();
    const { value } = await runInline(app, remind, ["ann@example.org", "2026-12-24T18:00:00Z", [" a "]]);
    expect(value).toEqual({ to: "ann@example.org", year: 2026, tags: ["a"] });
  });

  it("is refused arguments that do not fit, with their places", () => {
    const send = () => remind.message("nobody", "2026-12-24T18:00:00Z", [1 as never]);
    expect(send).toThrow(
      expect.objectContaining({
        code: "VALIDATION",
        subject: {
          task: "mail.remind",
          issues: [expect.stringMatching(/^args\[0\]: /), expect.stringMatching(/^args\[2\]\[0\]: /)],
        },
      }),
    );
  });
});
