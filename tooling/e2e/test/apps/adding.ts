import { createApp, task } from "@lovage/core";

export const add = task("numbers.add", async (a: number, b: number) => a + b);

/** Enqueues others, and waits for what becomes of them. */
export const sum = task("numbers.sum", async (numbers: readonly number[]): Promise<number> => {
  if (numbers.length < 2) return numbers[0] ?? 0;
  const [a = 0, b = 0, ...rest] = numbers;
  const first = await (await add.enqueue(a, b)).result({ timeout: "20s" });
  return rest.reduce((total, each) => total + each, first);
});

export default createApp({ tasks: [add, sum] });
