import { APP_BRAND, type AppDefinition, type OptionSource, type ResolvedTask } from "@lovage/core/contracts";

export interface LimitFlags {
  readonly softMs?: number;
  readonly hardMs?: number;
}

/** A flag replaces what is only the default or the app's; what a queue, task or route says is more precise and stays. */
const REPLACED: readonly (OptionSource | undefined)[] = [undefined, "default", "app"];

/** The same app, with `--soft-limit` and `--hard-limit` in force. */
export function withLimits(app: AppDefinition, flags: LimitFlags): AppDefinition {
  const { softMs, hardMs } = flags;
  if (softMs === undefined && hardMs === undefined) return app;
  const resolve = (task: string): ResolvedTask => {
    const resolved = app.resolve(task);
    const soft = softMs !== undefined && REPLACED.includes(resolved.source.softMs);
    const hard = hardMs !== undefined && REPLACED.includes(resolved.source.hardMs);
    return {
      ...resolved,
      ...(soft ? { softMs } : {}),
      ...(hard ? { hardMs, hardExplicit: true } : {}),
      source: { ...resolved.source, ...(soft ? { softMs: "worker" } : {}), ...(hard ? { hardMs: "worker" } : {}) },
    };
  };
  const { tasks, queues, pools, routes, defaults, middleware, hooks, codec } = app;
  return {
    [APP_BRAND]: app[APP_BRAND],
    ...{ tasks, queues, pools, routes, defaults, middleware, hooks, codec },
    resolve,
    attach: (port) => app.attach(port),
  };
}
