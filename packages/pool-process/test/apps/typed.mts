import { createApp, task } from "@lovage/core";

export default createApp({ tasks: [task("who", (): string => "mts")] });
