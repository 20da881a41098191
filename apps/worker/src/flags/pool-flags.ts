import { ConfigurationError } from "@lovage/core/contracts";
import { poolKind } from "./pool-kind.ts";
import { parseWholeNumber } from "./whole-number.ts";

/** What a person asked of one pool on the command line. */
export interface PoolFlag {
  readonly name: string;
  readonly kind: string;
  /** Slots; undefined leaves it to the kind. */
  readonly size?: number;
}

/** The pool of `-P/-c` serves every queue. */
const SINGLE_POOL = "main";

const NAME = /^[A-Za-z0-9._-]{1,64}$/;

function sizeOf(kind: string, text: string | undefined, flag: string): { size?: number } {
  if (text === undefined) return {};
  const size = parseWholeNumber(text, flag, { min: 1, max: 100_000 });
  if (kind === "solo" && size > 1) {
    throw new ConfigurationError(
      `${flag}: a solo pool runs one task at a time, so its size is 1, not ${size}; for more at once use event (waiting), thread or process (computing)`,
    );
  }
  return { size };
}

/** `name=kind:size` or `name=kind`. */
export function parsePoolFlag(text: string): PoolFlag {
  const match = /^([^=]+)=([^:]+)(?::(.+))?$/.exec(text.trim());
  const name = match?.[1]?.trim() ?? "";
  if (match === null || !NAME.test(name)) {
    throw new ConfigurationError(
      `--pool: "${text}" is not understood; write name=kind:size, for example cpu=process:4 or io=event:500`,
    );
  }
  const kind = poolKind(match[2] ?? "", `--pool ${name}`);
  return { name, kind, ...sizeOf(kind, match[3], `--pool ${name}`) };
}

/** `-P thread -c 8`: one pool for everything. Undefined when neither flag was given. */
export function parseSinglePool(kind: string | undefined, concurrency: string | undefined): PoolFlag | undefined {
  if (kind === undefined && concurrency === undefined) return undefined;
  if (kind === undefined) {
    throw new ConfigurationError(
      `-c ${concurrency}: say of which pool: -P process -c ${concurrency} for one pool, or --pool cpu=process:${concurrency} --pool io=event:500 for several`,
    );
  }
  const ours = poolKind(kind, "-P");
  return { name: SINGLE_POOL, kind: ours, ...sizeOf(ours, concurrency, "-c") };
}
