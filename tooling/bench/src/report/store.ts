/** Reports as files: a page, the figures, the charts. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { markdownOf } from "./markdown.ts";
import type { Circumstances, Report } from "./report.ts";

/** Writes `<name>.md`, `<name>.json` and the charts into `folder`. Resolves with the files written. */
export async function storeReport(report: Report, circumstances: Circumstances, folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files: Record<string, string> = {
    [`${report.name}.md`]: markdownOf(report, circumstances),
    [`${report.name}.json`]: `${JSON.stringify({ ...circumstances, data: report.data }, null, 2)}\n`,
    ...Object.fromEntries(report.charts.map((chart) => [chart.file, chart.svg])),
  };
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
  return Object.keys(files).map((file) => join(folder, file));
}
