import { type Diagnosis, isLovageError } from "@lovage/core/contracts";
import { escaped, type Management, type QueueFacts } from "./rabbitmq-management.ts";

/** What a policy of the server, meant for other queues, can do to ours: by its key. */
const HARM: Readonly<Record<string, string>> = {
  "message-ttl": "drops messages that wait",
  expires: "deletes queues that nobody consumes",
  "max-length": "bounds them, and drops or refuses what is more",
  "max-length-bytes": "bounds them, and drops or refuses what is more",
  "delivery-limit": "drops messages that are given back often",
  "dead-letter-exchange": "sends on what is dropped",
  "consumer-timeout": "takes back what is held for longer",
};

/** What `lovage doctor` finds by the management API. */
export async function managementFindings(
  management: Management | undefined,
  prefix: string,
): Promise<readonly Diagnosis[]> {
  const check = "management";
  if (management === undefined) {
    const finding = "not used: how many messages are owned is not told (option management)";
    return [{ check, level: "ok", finding }];
  }
  try {
    const columns = "name,effective_policy_definition,members,online";
    const queues = await management.queues(`^${escaped(prefix)}:`, columns, { policies: true });
    const finding = `${management.address} answers; the number of owned messages is up to 5 s old`;
    return [{ check, level: "ok", finding }, ...policies(queues), ...replicas(queues)];
  } catch (error) {
    if (!isLovageError(error)) throw error;
    const [finding = "", advice] = error.message.split("; ");
    return [{ check, level: "warning", finding, ...(advice === undefined ? {} : { advice }) }];
  }
}

function policies(queues: readonly QueueFacts[]): readonly Diagnosis[] {
  const harmed = new Map<string, string[]>();
  for (const { name, effective_policy_definition: definition = {} } of queues) {
    for (const key of Object.keys(definition)) {
      if (HARM[key] === undefined) continue;
      const setting = `${key} = ${String(definition[key])}`;
      harmed.set(setting, [...(harmed.get(setting) ?? []), name]);
    }
  }
  return [...harmed].map(([setting, names]) => ({
    check: "policies",
    level: "warning",
    finding: `${setting} holds for ${some(names)}: it ${HARM[setting.split(" ")[0] as string]}`,
    advice: "let the policy's pattern leave out these queues",
  }));
}

function replicas(queues: readonly QueueFacts[]): readonly Diagnosis[] {
  const thin = queues.filter(({ members = [], online = members }) => online.length < members.length);
  if (thin.length === 0) return [];
  const away = new Set(
    thin.flatMap(({ members = [], online = [] }) => members.filter((node) => !online.includes(node))),
  );
  return [
    {
      check: "replicas",
      level: "warning",
      finding: `${some(thin.map(({ name }) => name))} miss copies on ${[...away].join(", ")}`,
      advice: "start these nodes: without a majority of its copies a queue stands still",
    },
  ];
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more queues` : shown;
}
