/** Standard Schema (https://standardschema.dev) on arguments and return values. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ConfigurationError, ValidationError } from "../contracts/errors.ts";

/** The schema's output for a value. Rejects with `ValidationError`, which names the places but not the values. */
export async function validated(
  schema: StandardSchemaV1,
  value: unknown,
  root: string,
  task: string,
): Promise<unknown> {
  const result = await schema["~standard"].validate(value);
  return accepted(result, root, task);
}

/** Before a call is sent. What the schema makes of the arguments is dropped: its input travels, and is parsed again before the run. */
export async function validateInput(schema: StandardSchemaV1, args: readonly unknown[], task: string): Promise<void> {
  await validated(schema, args, "args", task);
}

/** As {@link validateInput}, at once. Throws `ConfigurationError` for a schema that answers later only. */
export function validateInputNow(schema: StandardSchemaV1, args: readonly unknown[], task: string): void {
  const result = schema["~standard"].validate(args);
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw new ConfigurationError(
      `the schema of "${task}" is asynchronous, so message() cannot check it; use enqueue()`,
    );
  }
  accepted(result, "args", task);
}

function accepted(result: StandardSchemaV1.Result<unknown>, root: string, task: string): unknown {
  if (result.issues === undefined) return result.value;
  const shown = result.issues.slice(0, 5).map((issue) => `${root}${pathOf(issue)}: ${issue.message}`);
  const more = result.issues.length > shown.length ? ` (and ${result.issues.length - shown.length} more)` : "";
  const what = root === "args" ? "arguments" : "return value";
  throw new ValidationError(`the ${what} of task "${task}" failed its schema: ${shown.join("; ")}${more}`, {
    subject: { task, issues: shown },
  });
}

function pathOf(issue: StandardSchemaV1.Issue): string {
  let path = "";
  for (const segment of issue.path ?? []) {
    const key = typeof segment === "object" ? segment.key : segment;
    path += typeof key === "number" ? `[${key}]` : `.${String(key)}`;
  }
  return path;
}
