import { resolve } from "node:path";
import type { Broker } from "@lovage/core/contracts";
import { rabbitMqBroker } from "./rabbitmq-broker.ts";
import { optionsFromUrl } from "./rabbitmq-options.ts";

/** For `lovage --broker amqp://…`: see {@link optionsFromUrl} for what the URL may say. */
export function openBroker(url: URL, { directory }: { readonly directory: string }): Broker {
  return rabbitMqBroker(optionsFromUrl(url, resolve(directory)));
}
