import { type ExecFileException, execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository: string = fileURLToPath(new URL("../../../", import.meta.url));

/** The binary of a development dependency of this package, or of the repository's root. */
export const tool = {
  here: (name: string): string => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url)),
  root: (name: string): string => join(repository, "node_modules/.bin", name),
};

export interface CommandOptions {
  readonly directory: string;
  /** After which the command and its children are ended. Default two minutes. */
  readonly timeoutMs?: number;
}

export class CommandFailedError extends Error {
  /** Everything that the command said, on both channels. */
  readonly said: string;
  constructor(command: string, said: string, options: ErrorOptions) {
    super(`${command}\n${said}`.trimEnd(), options);
    this.name = "CommandFailedError";
    this.said = said;
  }
}

/** Resolves with what the command wrote to stdout; rejects with `CommandFailedError` unless it ended with 0. */
export async function command(file: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { directory, timeoutMs = 120_000 } = options;
  return new Promise((resolve, reject) => {
    execFile(
      file,
      args,
      { cwd: directory, env: userEnvironment(), timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 },
      (error: ExecFileException | null, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const ending = error.killed === true ? `\n(ended after ${timeoutMs} ms)` : "";
        reject(
          new CommandFailedError([file, ...args].join(" "), `${stdout}${stderr}${ending}` || error.message, {
            cause: error,
          }),
        );
      },
    );
  });
}

/**
 * What a user's shell would have: this Node first on the path, and nothing that pnpm sets for the scripts of this repository. Its
 * `NODE_PATH` alone would let a consumer find packages of the workspace. Where packages come from stays as it is on this machine.
 */
function userEnvironment(): NodeJS.ProcessEnv {
  const kept = ["npm_config_registry", "npm_config_userconfig", "npm_config_cache"];
  const entries = Object.entries(process.env).filter(
    ([name]) => kept.includes(name.toLowerCase()) || !/^(npm_|pnpm_|NODE_PATH$|NODE_OPTIONS$|NODE_ENV$)/i.test(name),
  );
  const path = (process.env.PATH ?? "").split(":").filter((folder) => !folder.startsWith(repository));
  return { ...Object.fromEntries(entries), PATH: [dirname(process.execPath), ...path].join(":") };
}
