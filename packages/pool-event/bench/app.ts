import { createApp, task } from "@lovage/core";

export const noop = task("noop", () => {});
export default createApp({ tasks: [noop] });
