/** An adapter as a package exports it, without a harness. */

import path from "node:path";
import { sqliteBroker, sqliteResults } from "@lovage/broker-sqlite";
import type { BrokerModule } from "lovage";

const file = (url: URL, directory: string): string => path.resolve(directory, url.pathname);

export const openBroker: BrokerModule["openBroker"] = (url, { directory }) => sqliteBroker(file(url, directory));
export const openResults: BrokerModule["openResults"] = (url, { directory }) => sqliteResults(file(url, directory));
