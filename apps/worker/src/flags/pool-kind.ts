import { ConfigurationError } from "@lovage/core/contracts";

const CELERY_NAMES: Readonly<Record<string, string>> = {
  prefork: "process",
  processes: "process",
  threads: "thread",
  gevent: "event",
  eventlet: "event",
};

export const BUILT_IN_KINDS: readonly string[] = ["event", "process", "thread", "solo"];

/** Our word for a kind of pool: Celery's names are translated, a name that is not built in is taken as that of an installed package. */
export function poolKind(typed: string, flag: string): string {
  const name = typed.trim().toLowerCase();
  const kind = CELERY_NAMES[name] ?? name;
  if (!/^[a-z][a-z0-9-]*$/.test(kind)) {
    throw new ConfigurationError(
      `${flag}: "${typed}" is not a kind of pool; built in are ${BUILT_IN_KINDS.join(", ")} (and Celery's prefork, threads, gevent, eventlet)`,
    );
  }
  return kind;
}
