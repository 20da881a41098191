/** One benchmark of `pnpm bench <name>`. */

import type { Report } from "../report/report.ts";

export interface BenchOptions {
  /** Fewer and shorter measurements: about a minute in all. */
  readonly quick: boolean;
  /** How often each figure is measured; the median is reported. */
  readonly runs: number;
  /** Other queues are measured in the same run, each installed into a folder of its own first. */
  readonly peers: boolean;
  /** Folder for processor profiles of the worker. */
  readonly cpuProf: string | undefined;
  /** Only these of the cases, by name; undefined for all. */
  readonly only: readonly string[] | undefined;
  /** Tasks per measurement, where the scenario lets it be chosen. */
  readonly tasks: number | undefined;
  /** Memory that a worker may take, in bytes: what would need more is not started, and said so. */
  readonly memoryBytes: number;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  run(options: BenchOptions): Promise<Report>;
}
