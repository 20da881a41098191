/** From the file system's errors to Lovage's. */

import { BrokerFullError, BrokerStorageError, isLovageError, type LovageError } from "@lovage/core/contracts";

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException | undefined)?.code;

/** What `action` returns; `undefined` where the file or its folder is not there (any more). */
export function ifThere<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

export function spoolError(error: unknown, folder: string): LovageError {
  if (isLovageError(error)) return error;
  const code = codeOf(error);
  const options = { cause: error, subject: { folder } };
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new BrokerFullError(`the disk of ${folder} is full; make room`, options);
  }
  return new BrokerStorageError(
    `${folder} cannot be used (${String(code ?? error)}); check that it can be written`,
    options,
  );
}
