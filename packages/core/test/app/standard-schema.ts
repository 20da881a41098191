/** Standard Schemas for tests: a function that gives a value or names what is wrong. */

import type { StandardSchemaV1 } from "@standard-schema/spec";

export class Issue {
  readonly message: string;
  readonly path: readonly PropertyKey[];
  constructor(message: string, path: readonly PropertyKey[] = []) {
    this.message = message;
    this.path = path;
  }
}

export function schema<In, Out>(read: (value: In) => Out | Issue, later = false): StandardSchemaV1<In, Out> {
  const validate = (value: unknown): StandardSchemaV1.Result<Out> => {
    const result = read(value as In);
    return result instanceof Issue ? { issues: [result] } : { value: result };
  };
  return {
    "~standard": {
      version: 1,
      vendor: "lovage-tests",
      validate: later ? async (value) => validate(value) : validate,
    },
  };
}
