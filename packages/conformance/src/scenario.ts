/** What a scenario may need of the author's harness, beside the subject itself. Without it the scenario does not apply, and the report says so. */
export type Power =
  /** `faults.restart` */
  | "restart"
  /** `faults.freeze` */
  | "freeze"
  /** `faults.dropReplies` */
  | "drop-replies"
  /** `faults.reset` */
  | "reset"
  /** `faults.refuse` */
  | "refuse"
  /** `faults.halfOpen` */
  | "half-open"
  /** `faults.block` */
  | "block"
  /** `faults.powerCut` */
  | "power-cut"
  /** `faults.fill` */
  | "fill"
  /** `faults.overdue` */
  | "overdue"
  /** `spawnable` */
  | "spawn"
  /** `leftovers` */
  | "leftovers"
  /** `locked` */
  | "locked"
  /** `buried` */
  | "buried"
  /** `skewable` */
  | "skew"
  /** The broker has a control channel. */
  | "control";

/** One promise, as a value: what is promised, when it applies, and how to find out. */
export interface Scenario<Context, Capabilities = unknown> {
  /** `group/what-it-shows`. Stable: saboteurs and reports refer to it. */
  readonly id: string;
  readonly group: string;
  /** Numbers of the invariants that it shows, in whole or in part. */
  readonly invariants: readonly string[];
  /** One sentence, for people. */
  readonly promise: string;
  /** For which capabilities it applies. Absent: for all. */
  readonly requires?: (capabilities: Capabilities) => boolean;
  readonly needs?: readonly Power[];
  /** Bound for what never ends, in ms; not an expectation. Default 30,000. */
  readonly timeoutMs?: number;
  /**
   * It mostly waits, harms nobody, and looks at nothing but its own queues: it may run at the same time as others of which that is true.
   * Default false: alone.
   */
  readonly together?: boolean;
  /** Resolves when the promise was kept, rejects when it was broken. */
  run(context: Context): Promise<void>;
}

/** A kit is a list of scenarios and the means to run them against what a harness makes. */
export interface Kit<Harness, Context, Capabilities> {
  readonly name: string;
  readonly scenarios: readonly Scenario<Context, Capabilities>[];
  /** Reaches the subject once and learns what it can; rejects when it cannot be reached. */
  open(harness: Harness): Promise<Bench<Context, Capabilities>>;
}

/** Where the scenarios of one run take place. */
export interface Bench<Context, Capabilities> {
  readonly subject: string;
  readonly capabilities: Capabilities;
  readonly powers: ReadonlySet<Power>;
  /** A context with a namespace of its own. */
  begin(scenario: Scenario<Context, Capabilities>): Trial<Context>;
  /** Closes what the bench opened. Resolves with what was left behind and should not be. */
  close(): Promise<readonly string[]>;
}

export interface Trial<Context> {
  readonly context: Context;
  /** Closes what the scenario opened, and removes its queues unless it failed. Rejects when something cannot be closed. */
  end(passed: boolean): Promise<void>;
}

export type NotApplicable = { readonly because: "capability" } | { readonly because: "harness"; readonly lacks: Power };

/** Why a scenario does not apply; undefined when it does. */
export function notApplicable<Context, Capabilities>(
  scenario: Scenario<Context, Capabilities>,
  bench: Bench<Context, Capabilities>,
): NotApplicable | undefined {
  if (scenario.requires?.(bench.capabilities) === false) return { because: "capability" };
  const lacks = scenario.needs?.find((power) => !bench.powers.has(power));
  return lacks === undefined ? undefined : { because: "harness", lacks };
}

/** Gives the scenarios of one file their group, and ids that begin with it. `shared` holds for all that do not say otherwise. */
export function inGroup<Context, Capabilities>(
  group: string,
  scenarios: readonly Omit<Scenario<Context, Capabilities>, "group">[],
  shared: Pick<Scenario<Context, Capabilities>, "together" | "requires"> = {},
): readonly Scenario<Context, Capabilities>[] {
  return scenarios.map((scenario) => ({ ...shared, ...scenario, id: `${group}/${scenario.id}`, group }));
}
