import { createApp, task } from "@lovage/core";

export const countWords = task("text.count", (text: string) => text.split(/\s+/).length, { queue: "cpu" });
export const greet = task("people.greet", async (name: string) => `hello, ${name}`);

export default createApp({ tasks: [countWords, greet] });
