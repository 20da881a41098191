import { resolve } from "node:path";
import { ConfigurationError } from "@lovage/core/contracts";

export interface SpoolOptions {
  /** Where the spool is; made when it is not there. Its processes must see the same disk. */
  readonly folder: string;
  /**
   * How often a consumer looks at the folder, in ms. Default 100; at least 10. New messages are noticed sooner, where the system tells of
   * changes; delayed ones and those of a dead worker may come as much too late. Each look costs as much as listing the queue's folders.
   */
  readonly pollMs?: number;
}

export function spoolSettings({ folder, pollMs = 100 }: SpoolOptions): Required<SpoolOptions> {
  if (typeof folder !== "string" || folder === "") throw new ConfigurationError("a spool needs a `folder`");
  if (!(pollMs >= 10 && pollMs <= 60_000)) {
    throw new ConfigurationError(`pollMs is ${pollMs}; give a number of ms from 10 to 60,000`);
  }
  return { folder: resolve(folder), pollMs };
}
