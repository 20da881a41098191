/** Options that several commands share. */

import { type Command, Option } from "commander";

export interface PlaceFlags {
  readonly broker: string;
  readonly results?: string;
}

export interface ListFlags {
  readonly json?: boolean;
}

/** Copied to every command that talks to a broker. */
export function withPlaces(command: Command): Command {
  return command
    .addOption(
      new Option("-b, --broker <url>", "where messages are").env("LOVAGE_BROKER").default("sqlite:./lovage.db"),
    )
    .addOption(
      new Option(
        "-r, --results <url>",
        "where results are, or none (default: at the broker's place, if it can keep them for anyone)",
      ).env("LOVAGE_RESULTS"),
    );
}

export function withJson(command: Command): Command {
  return command.option("--json", "print JSON");
}

export function withTimeout(command: Command, standard: string): Command {
  return command.option("--timeout <duration>", "how long workers have to answer", standard);
}

export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
