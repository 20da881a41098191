/** docs/design/invariants-shown.md: which scenario shows which invariant, and what shows the part that no scenario can. */

import { readFileSync } from "node:fs";
import { brokerKit, controlKit, resultStoreKit } from "@lovage/conformance";

export interface Invariant {
  readonly id: string;
  readonly title: string;
}

/** What a kit cannot show, because it is a promise of core around every broker, or of a machine. */
export interface ShownElsewhere {
  readonly why: string;
  /** From the repository's root. */
  readonly file: string;
  /** The test's title. */
  readonly test: string;
}

const WORKER = "packages/core/test/engine/worker.test.ts";

/** An invariant without a scenario must be here. One with scenarios may be, for the part that they leave out. */
export const ELSEWHERE: Readonly<Record<string, ShownElsewhere>> = {
  "I-3": {
    why: "that a whole worker killed in full flight loses nothing needs the worker",
    file: "tooling/e2e/test/kill9.test.ts",
    test: "$name: loses nothing of 10,000 tasks when a worker is killed, and runs again only what it had not settled, soon",
  },
  "I-15": {
    why: "that renewals go on for as long as a task runs is the engine's",
    file: WORKER,
    test: "renews the lease of a task for as long as it runs",
  },
  "I-23": {
    why: "that the task is not started a second time is the engine's; the scenarios show that it can be told",
    file: WORKER,
    test: "lets a run go on when its message comes again, and settles the new delivery",
  },
  "I-29": {
    why: "refusing at the call is the client's",
    file: "packages/core/test/app/create-app.test.ts",
    test: "a priority of 10",
  },
  "I-33": {
    why: "refusing at the call is the client's",
    file: "packages/core/test/app/client.test.ts",
    test: "is refused before it is sent when its body is too large or its delay too long",
  },
  "I-37": {
    why: "brokers do not look at `expiresAt`: the engine decides when its turn has come",
    file: WORKER,
    test: "does not start what has expired",
  },
  "I-39": {
    why: "who is to blame, and when it is enough, is decided by the engine",
    file: WORKER,
    test: "begins a crashed task again at once with one more start on record, and gives up at the third",
  },
  "I-40": {
    why: "bodies are opaque to brokers: the executor finds that one does not decode",
    file: "packages/core/test/engine/verdict.test.ts",
    test: "undecodable bytes never get better",
  },
  "I-53": {
    why: "a clock that steps back needs a clock that can be set",
    file: "packages/core/test/memory/broker.test.ts",
    test: "does not lapse, delay or expire anything again when the clock is set back",
  },
  "I-60": {
    why: "setting aside what is too new is the engine's",
    file: WORKER,
    test: "dead-letters an envelope from the future instead of guessing",
  },
};

/** The numbered headings of docs/design/invariants.md, each with its first words. */
function invariantsOf(text: string): readonly Invariant[] {
  return [...text.matchAll(/^### (I-\d+)\n\*\*(.+?)\.?\*\*/gm)].map(([, id = "", title = ""]) => ({ id, title }));
}

export function readInvariants(): readonly Invariant[] {
  return invariantsOf(readFileSync(new URL("../../../docs/design/invariants.md", import.meta.url), "utf8"));
}

/** Ids of the scenarios, of all kits, that show it. */
export function scenariosOf(id: string): readonly string[] {
  const all = [brokerKit, controlKit, resultStoreKit].flatMap(
    (kit): readonly { id: string; invariants: readonly string[] }[] => kit.scenarios,
  );
  return all.filter(({ invariants }) => invariants.includes(id)).map((scenario) => scenario.id);
}

const HEAD = `# What shows each invariant

Written by \`pnpm matrix\`; never edited by hand, and a test fails when it is out of date. The [invariants](invariants.md) are promises of every broker adapter and of the engine around it: what an adapter can break has scenarios in the [conformance kit](../../packages/conformance), which of them are proven of whom is in the [capability matrix](../capability-matrix.md), and what is core's own has a test of core's.
`;

export function invariantsPage(invariants: readonly Invariant[]): string {
  const rows = invariants.map(({ id, title }) => {
    const scenarios = scenariosOf(id).map((scenario) => `\`${scenario}\``);
    const other = ELSEWHERE[id];
    const beyond = other === undefined ? "" : `${other.why}: “${other.test}” in [${other.file}](../../${other.file})`;
    return `| [${id}](invariants.md#${id.toLowerCase()}) | ${title} | ${scenarios.join(", ")} | ${beyond} |`;
  });
  return `${[HEAD, "| | invariant | scenarios | beyond the kit |", "| --- | --- | --- | --- |", ...rows].join("\n")}\n`;
}
