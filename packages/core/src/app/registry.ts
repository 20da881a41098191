/** The tasks of one app, by name and alias. */

import { ConfigurationError, DuplicateTaskError } from "../contracts/errors.ts";
import type { TaskDefinition, TaskRegistry } from "../contracts/task.ts";
import { cellOf, type TaskCell } from "./task-cell.ts";

export interface ListedTasks {
  /** Each once, references included. */
  readonly cells: ReadonlySet<TaskCell>;
  /** By name and alias: the task, or where none is listed its reference. */
  readonly byName: ReadonlyMap<string, TaskCell>;
}

/**
 * Throws `DuplicateTaskError` for two tasks that share a name or alias; the same task listed twice counts once. A reference may stand
 * beside its task, so that tasks which enqueue each other need not import each other.
 */
export function listedTasks(tasks: readonly unknown[]): ListedTasks {
  const cells = new Set<TaskCell>();
  const byName = new Map<string, TaskCell>();
  tasks.forEach((task, index) => {
    const cell = cellOf(task);
    if (cell === undefined) {
      throw new ConfigurationError(`createApp({ tasks }): tasks[${index}] is not a task; make it with task(name, fn)`);
    }
    cells.add(cell);
    for (const name of [cell.definition.name, ...(cell.definition.options.aliases ?? [])]) {
      const other = byName.get(name);
      if (other !== undefined && other !== cell && !other.reference && !cell.reference)
        throw new DuplicateTaskError(name);
      if (other === undefined || other.reference) byName.set(name, cell);
    }
  });
  return { cells, byName };
}

/** Tasks that can run: references have no function and are left out, so a worker treats their messages as an unknown task's. */
export class Registry implements TaskRegistry {
  readonly #byName = new Map<string, TaskDefinition>();
  readonly #definitions: readonly TaskDefinition[];

  constructor(byName: ReadonlyMap<string, TaskCell>) {
    for (const [name, cell] of byName) if (!cell.reference) this.#byName.set(name, cell.definition);
    this.#definitions = [...new Set(this.#byName.values())];
  }

  get size(): number {
    return this.#definitions.length;
  }

  get(name: string): TaskDefinition | undefined {
    return this.#byName.get(name);
  }

  names(): readonly string[] {
    return this.#definitions.map((definition) => definition.name);
  }

  [Symbol.iterator](): Iterator<TaskDefinition> {
    return this.#definitions[Symbol.iterator]();
  }
}
