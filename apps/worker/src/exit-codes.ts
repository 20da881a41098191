/** The exit codes of the command: an interface for scripts, service managers and orchestrators. */

import { isLovageError } from "@lovage/core/contracts";

export const EXIT = {
  /** Done; a worker: stopped with nothing left undone. */
  ok: 0,
  /** The command ran and the answer is no: the task failed, the id is unknown, no worker answered. */
  no: 1,
  /** A flag, an argument or the configuration cannot work. */
  usage: 64,
  /** The app file is missing, throws on import, or exports no usable app. */
  app: 66,
  /** The broker or the result store could not be reached or opened. */
  unavailable: 69,
  /** Something that should not happen: an error inside Lovage, or a worker that did not end in time. */
  internal: 70,
  /** A worker stopped before all its tasks had: they went back to the broker and will run elsewhere. */
  givenBack: 75,
  /** A second SIGINT, or a second SIGTERM. */
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Readonly<Record<string, ExitCode>> = {
  CONFIGURATION: EXIT.usage,
  CAPABILITY_MISSING: EXIT.usage,
  UNKNOWN_TASK: EXIT.usage,
  VALIDATION: EXIT.usage,
  NOT_SERIALIZABLE: EXIT.usage,
  BODY_TOO_LARGE: EXIT.usage,
  QUEUE_NOT_FOUND: EXIT.usage,
  NO_RESULT_STORE: EXIT.usage,
  APP_LOAD: EXIT.app,
  DUPLICATE_TASK: EXIT.app,
  BROKER_UNAVAILABLE: EXIT.unavailable,
  BROKER_STORAGE: EXIT.unavailable,
  BROKER_CLOSED: EXIT.unavailable,
  BROKER_BLOCKED: EXIT.unavailable,
  BROKER_FULL: EXIT.unavailable,
  PUBLISH_UNKNOWN: EXIT.unavailable,
  RESULT_NOT_FOUND: EXIT.no,
  RESULT_TIMEOUT: EXIT.no,
  TASK_FAILED: EXIT.no,
  TASK_CANCELLED: EXIT.no,
  PUBLISH_REFUSED: EXIT.no,
};

/** The class of an error decides before its code: an adapter may give a more precise code to an error of a known class. */
const BY_NAME: Readonly<Record<string, ExitCode>> = {
  ConfigurationError: EXIT.usage,
  AppLoadError: EXIT.app,
  BrokerStorageError: EXIT.unavailable,
  BrokerUnavailableError: EXIT.unavailable,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (!isLovageError(error)) return EXIT.internal;
  return BY_NAME[error.name] ?? BY_CODE[error.code] ?? EXIT.internal;
}
