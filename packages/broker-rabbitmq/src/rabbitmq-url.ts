import { resolve } from "node:path";
import type { Broker, ResultStore } from "@lovage/core/contracts";
import { rabbitMqBroker } from "./rabbitmq-broker.ts";
import { optionsFromUrl } from "./rabbitmq-options.ts";
import { rabbitMqReplies } from "./results/rabbitmq-replies.ts";

/** For `lovage --broker amqp://…`: see {@link optionsFromUrl} for what the URL may say. */
export function openBroker(url: URL, { directory }: { readonly directory: string }): Broker {
  return rabbitMqBroker(optionsFromUrl(url, resolve(directory)));
}

/** As {@link openBroker}, for `--results`. */
export function openResults(url: URL, { directory }: { readonly directory: string }): ResultStore {
  return rabbitMqReplies(optionsFromUrl(url, resolve(directory)));
}
