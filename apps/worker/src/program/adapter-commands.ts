/** What an author of an adapter asks: `conform`. */

import type { Command } from "commander";
import { withJson } from "../commands/common-options.ts";
import type { Finish } from "./finish.ts";

export function addAdapters(program: Command, finish: Finish): void {
  const conform = program
    .command("conform")
    .summary("try an adapter against the contracts")
    .description(
      "Run the scenarios of the conformance kit on a broker, control channel, result store or pool, and say which promises it keeps. Exit code 1 when one is broken.",
    )
    .argument("<module>", "file, or installed package, that exports a harness, or openBroker(url) with --url");
  withJson(conform)
    .option("--url <url>", "where messages are, for a module that exports openBroker(url) and no harness")
    .option("--only <id…>", "these scenarios or groups, and no others (repeatable)", collectWords)
    .addHelpText("after", CONFORM_HELP)
    .action((module, flags) =>
      finish(import("../commands/conform.ts").then((command) => command.conform(module, flags))),
    );
}

const CONFORM_HELP = `
Examples:
  $ lovage conform ./harness.ts
  $ lovage conform ./my-broker.ts --url spool:./dir
  $ lovage conform lovage-broker-spool --url spool:./dir
  $ lovage conform ./harness.ts --only settlement,delay/never-early-nor-late

The module exports brokerHarness, controlHarness, resultStoreHarness or poolHarness, or one of a broker or pool as default; each
a harness or a function that makes it. The scenarios are in the package @lovage/conformance, which also says what a harness is.
`;

function collectWords(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...value.split(",").filter((word) => word !== "")];
}
