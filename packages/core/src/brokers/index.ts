/** For authors of brokers: what every adapter would write again. Small pieces; use those that fit. */

export { RenewedMap, RenewedSet } from "../collections/renewed-map.ts";
export { AwaitedResults, type AwaitedResultsOptions } from "./awaited-results.ts";
export { bandOf, bandsInTurn, MOST_BANDS } from "./bands.ts";
export { BrokerEvents } from "./broker-events.ts";
export { Connection } from "./connection.ts";
export { type BrokerHost, createBroker } from "./create-broker.ts";
export { EventGathering } from "./event-gathering.ts";
export { Followers } from "./followers.ts";
export { Gathering, type RequestSink } from "./gathering.ts";
export { type ConsumptionHost, type ConsumptionTerms, type Feed, HeldConsumption } from "./held-consumption.ts";
export { HeldDelivery, type Taken } from "./held-delivery.ts";
export { jsonReplyOf } from "./json-reply.ts";
export { LeaseWatch } from "./lease-watch.ts";
export { abortable, atMost, backoff, withinDeadline } from "./patience.ts";
export { type PublishEachOptions, publishEach } from "./publish-each.ts";
export { PulledFeed, type PullOptions } from "./pulled-feed.ts";
export { Replies, replyOf } from "./replies.ts";
export { byKind, type DeliveryRequest, type RequestKind, type RequestOf, type RequestsByKind } from "./request.ts";
export type { BrokerRuntime, Calls } from "./runtime.ts";
export { oneByOne, Sender, type SenderOptions } from "./sender.ts";
