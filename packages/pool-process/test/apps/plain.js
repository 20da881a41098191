import { createApp, task } from "@lovage/core";

export const app = createApp({ tasks: [task("who", () => "js")] });
