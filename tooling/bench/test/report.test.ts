import { describe, expect, it } from "vitest";
import { combine } from "../src/measure/marks.ts";
import { treeCpuMs, treeOf, treePss } from "../src/measure/process-tree.ts";
import { median, percentile } from "../src/measure/statistics.ts";
import { atLeast, atMost, shareOf, times } from "../src/report/goal.ts";
import { lineChart } from "../src/report/line-chart.ts";
import { markdownOf } from "../src/report/markdown.ts";
import { extrapolate } from "../src/scenarios/pools.ts";
import { tasksFor, type Waited } from "../src/scenarios/waiting.ts";

describe("statistics", () => {
  it("takes the middle value, and the lower of two", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2);
    expect(median([])).toBeNaN();
  });

  it("takes percentiles by nearest rank", () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([50, 99, 100]);
  });
});

describe("marks", () => {
  it("spans from the first start to the last end over all executors", () => {
    const latencyUs = { p50: 1, p99: 1, max: 1 };
    const marks = [
      { count: 3, firstStartedAt: 100, lastFinishedAt: 250, latencyUs },
      { count: 4, firstStartedAt: 90, lastFinishedAt: 200, latencyUs },
    ];
    expect(combine(marks)).toEqual({ count: 7, spanMs: 160 });
  });
});

describe.runIf(process.platform === "linux")("process tree", () => {
  it("measures this process and what it started", () => {
    expect(treeOf(process.ppid)).toContain(process.pid);
    expect(treePss(process.pid)).toBeGreaterThan(5_000_000);
    expect(treeCpuMs(process.pid)).toBeGreaterThan(0);
  });

  it("is empty for a process that does not exist", () => {
    expect(treePss(2 ** 30)).toBe(0);
  });
});

describe("tasksFor", () => {
  it("keeps a measurement below the longest time", () => {
    expect(tasksFor(5, 1_000, 500, 10_000)).toBe(100);
    expect(tasksFor(50, 1_000, 500, 10_000)).toBe(1_000);
    expect(tasksFor(500, 1_000, 500, 10_000)).toBe(1_000);
  });
});

describe("extrapolate", () => {
  const measured = (concurrency: number, pssBytes: number): Waited => ({
    kind: "process",
    concurrency,
    tasks: 1,
    idealMs: 1,
    makespanMs: 1,
    readyMs: 1,
    cpuMs: 1,
    pssBytes,
  });

  it("continues the line through the two greatest", () => {
    expect(extrapolate([measured(5, 1_000), measured(50, 600), measured(100, 1_100)], 500)).toBe(5_100);
  });

  it("expects nothing before two are measured", () => {
    expect(extrapolate([measured(5, 1_000)], 500)).toBe(0);
  });
});

describe("markdownOf", () => {
  it("says when, where and how the figures came about", () => {
    const page = markdownOf(
      {
        name: "x",
        title: "A title",
        summary: "A summary.",
        tables: [{ caption: "Table", head: ["a", "b"], rows: [["1", "2"]] }],
        charts: [{ file: "x.svg", alt: "lines", svg: "" }],
        goals: [atLeast("it ÷ another", 2, 1.5, times), atMost("it ÷ a third", 2, Number.NaN, times)],
        notes: ["a note"],
        data: {},
      },
      {
        machine: { cpu: "A processor", cores: 2, memoryGiB: 4, system: "linux 6.1 x64", node: "24.0.0", syncMs: 0.1 },
        date: "2026-01-02",
        command: "pnpm bench x",
        loadBefore: 0.25,
      },
    );
    expect(page).toContain(
      "Measured on 2026-01-02 with `pnpm bench x` (2 × A processor, 4 GiB, linux 6.1 x64, Node 24.0.0; 0.10 ms to make 4 KiB durable; load before the run 0.3).",
    );
    expect(page).toContain("| a | b |\n| --- | ---: |\n| 1 | 2 |");
    expect(page).toContain("![lines](x.svg)");
    expect(page).toContain("| it ÷ another | ≥ 2.00 × | 1.50 × | no |");
    expect(page).toContain("| it ÷ a third | ≤ 2.00 × | – | not measured |");
  });
});

describe("a share of the bare loop, or a rate that is enough", () => {
  it("is reached by the lower of the two", () => {
    expect(shareOf("x", 0.5, 100_000, 60_000, 50_000)).toMatchObject({ reached: "50,000/s, 50 %", met: true });
    expect(shareOf("x", 0.5, 200_000, 60_000, 60_000).met).toBe(true);
    expect(shareOf("x", 0.5, 200_000, 60_000, 59_000).met).toBe(false);
  });

  it("is not known to be missed without the bare loop", () => {
    expect(shareOf("x", 0.5, Number.NaN, 60_000, 60_000).met).toBe(true);
    expect(shareOf("x", 0.5, Number.NaN, 60_000, 50_000).met).toBeUndefined();
  });
});

describe("lineChart", () => {
  it("draws a line per series without a browser", () => {
    const axis = { min: 1, max: 100, ticks: [1, 10, 100] };
    const svg = lineChart({
      title: "Title",
      subtitle: "Subtitle",
      x: "across",
      y: "up",
      xAxis: axis,
      yAxis: axis,
      lines: [
        {
          name: "one",
          color: "#123456",
          points: [
            [1, 1],
            [100, 100],
          ],
        },
      ],
    });
    expect(svg).toMatch(/^<svg/);
    expect(svg).toContain('stroke="#123456"');
    expect(svg).toContain("Subtitle");
  });
});
