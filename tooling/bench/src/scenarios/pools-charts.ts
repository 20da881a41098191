/** The two charts of `pnpm bench pools`. */

import { type Line, lineChart } from "../report/line-chart.ts";
import type { Chart } from "../report/report.ts";
import type { Waited } from "./waiting.ts";

const COLORS: Readonly<Record<string, string>> = {
  event: "#1a7f37",
  thread: "#0969da",
  process: "#cf222e",
};
const CONCURRENCY = [5, 10, 20, 50, 100, 250, 500];
const X_AXIS = { min: 4, max: 620, ticks: CONCURRENCY };

export function poolCharts(
  name: string,
  waited: readonly Waited[],
  taskMs: number,
  tasks: number,
  budgetBytes: number,
): Chart[] {
  const kinds = Object.keys(COLORS).filter((kind) => waited.some((each) => each.kind === kind));
  const lines = (value: (each: Waited) => number): Line[] =>
    kinds.map((kind) => ({
      name: `${kind} pool`,
      color: COLORS[kind] as string,
      points: waited.filter((each) => each.kind === kind).map((each) => [each.concurrency, value(each)]),
    }));
  const reference = { color: "#57606a", reference: true };
  const seconds = taskMs / 1000;
  return [
    {
      file: `${name}-makespan.svg`,
      alt: `Time for ${tasks} tasks that wait ${seconds} s over concurrency: event, thread and process pool lie on the same line, N·t/c`,
      svg: lineChart({
        title: "Equal concurrency finishes a waiting load equally soon, in every pool",
        subtitle: `${tasks.toLocaleString("en-US")} tasks that wait ${seconds} s each (fewer measured, and scaled, where less than 50 run at once)`,
        x: "tasks at once",
        y: "seconds until all are done",
        xAxis: X_AXIS,
        yAxis: { min: 0.7, max: 150, ticks: [1, 2, 5, 10, 20, 50, 100] },
        lines: [
          {
            ...reference,
            name: "N·t/c",
            points: CONCURRENCY.map((concurrency) => [concurrency, (tasks * seconds) / concurrency]),
          },
          ...lines((each) => (each.makespanMs / 1000) * (tasks / each.tasks)),
        ],
      }),
    },
    {
      file: `${name}-memory.svg`,
      alt: "Memory of the worker over concurrency: flat in the event pool, growing with every thread and every process",
      svg: lineChart({
        title: "Memory decides",
        subtitle: "Proportional memory of the worker with all its executors, the greater of when ready and when done",
        x: "tasks at once",
        y: "MiB",
        xAxis: X_AXIS,
        yAxis: { min: 20, max: 7_000, ticks: [20, 50, 100, 200, 500, 1_000, 2_000, 5_000] },
        lines: [
          {
            ...reference,
            name: `${budgetBytes / 2 ** 30} GiB`,
            points: [
              [X_AXIS.min, budgetBytes / 2 ** 20],
              [X_AXIS.max, budgetBytes / 2 ** 20],
            ],
          },
          ...lines((each) => each.pssBytes / 2 ** 20),
        ],
      }),
    },
  ];
}
