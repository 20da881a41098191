/** What a benchmark hands over: tables, charts and what must be said about them. */

import type { Machine } from "../measure/machine.ts";
import type { Goal } from "./goal.ts";

export interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Chart {
  /** File name under `docs/benchmarks`. */
  readonly file: string;
  /** What it shows, for those who do not see it. */
  readonly alt: string;
  readonly svg: string;
}

export interface Report {
  /** `pools`, `drain` …: names the files. */
  readonly name: string;
  readonly title: string;
  /** What was asked and how it was measured. */
  readonly summary: string;
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  /** Empty where none was set. */
  readonly goals: readonly Goal[];
  readonly notes: readonly string[];
  /** The figures as they were measured, for programs. */
  readonly data: unknown;
}

export interface Circumstances {
  readonly machine: Machine;
  readonly date: string;
  readonly command: string;
  /** Processes that wanted to run, on average over the minute before: what else the machine was doing. */
  readonly loadBefore: number;
}
