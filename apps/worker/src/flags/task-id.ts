import { ConfigurationError } from "@lovage/core/contracts";

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Throws for what cannot be the id of a task, so that a truncated paste is not taken for a task that is gone. */
export function checkId(id: string): string {
  if (UUID.test(id)) return id.toLowerCase();
  throw new ConfigurationError(`"${id}" is not a task id; ids are UUIDs such as 0198c5a2-7f3e-7cc1-9d3a-5f0c2b7e8a11`);
}
