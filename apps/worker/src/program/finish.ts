import type { ExitCode } from "../exit-codes.ts";

/** Called with what the chosen command ends with. */
export type Finish = (code: Promise<ExitCode>) => Promise<void>;
