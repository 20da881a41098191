/** One benchmark of `pnpm bench <name>`. */

import type { BrokerKind } from "../measure/bench-place.ts";
import type { Report } from "../report/report.ts";

export interface BenchOptions {
  /** What the worker and its producers talk to. A server is started for each measurement. */
  readonly broker: BrokerKind;
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

/** The page of a scenario: the embedded broker's has the plain name. */
export function nameOf(scenario: string, broker: BrokerKind): string {
  return broker.name === "sqlite" ? scenario : `${scenario}-${broker.name}`;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  run(options: BenchOptions): Promise<Report>;
}
