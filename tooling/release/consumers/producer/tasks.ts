import { task } from "@lovage/core";

export const thumbnail = task("images.thumbnail", (path: string, width = 64) => `${path}@${width}`, { queue: "cpu" });
