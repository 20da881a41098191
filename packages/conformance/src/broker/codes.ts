import assert from "node:assert/strict";
import { isLovageError, type LovageError } from "@lovage/core/contracts";

/** The call rejects with the Lovage error of that code; resolves with the error. */
export async function rejectsWith(code: string, call: () => Promise<unknown>): Promise<LovageError> {
  const error = await call().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(isLovageError(error, code), `rejects with ${code}, not: ${describe(error)}`);
  return error;
}

function describe(error: unknown): string {
  if (error === undefined) return "it resolved";
  return isLovageError(error) ? `${error.code}: ${error.message}` : String(error);
}
