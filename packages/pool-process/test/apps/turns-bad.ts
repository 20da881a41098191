/** Loads as long as the file named by TURNS_BAD is not there. */

import { existsSync } from "node:fs";
import { createApp, task } from "@lovage/core";

if (existsSync(process.env.TURNS_BAD ?? "")) throw new Error("turned bad");

export default createApp({ tasks: [task("dies", () => process.exit(1))] });
