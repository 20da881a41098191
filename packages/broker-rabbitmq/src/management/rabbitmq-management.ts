import { request as overHttp, type RequestOptions } from "node:http";
import { request as overHttps } from "node:https";
import { text } from "node:stream/consumers";
import { BrokerUnavailableError, ConfigurationError, isLovageError, type LovageError } from "@lovage/core/contracts";
import { messageOf } from "../rabbitmq-errors.ts";
import type { ManagementSettings } from "../rabbitmq-options.ts";

/** What the API says of a queue, as far as it says it. */
export interface QueueFacts {
  readonly name: string;
  readonly messages_unacknowledged?: number;
  readonly effective_policy_definition?: Readonly<Record<string, unknown>>;
  /** Of replicated queues: nodes that have a copy, and those of them that are there. */
  readonly members?: readonly string[];
  readonly online?: readonly string[];
}

/** Nothing waits for it longer than this. */
const MOST_MS = 3_000;
/** The most that the API gives at once. */
const PAGE = 500;

/**
 * RabbitMQ's management API, for what AMQP does not tell. It is asked beside everything else and never in the way of it: while it does
 * not answer, what it would have told is not known, and a warning says so once.
 */
export class Management {
  readonly #settings: ManagementSettings;
  readonly #warn: (message: string) => void;
  readonly #closing = new AbortController();
  #isReached = false;
  #isAway = false;

  constructor(settings: ManagementSettings, warn: (message: string) => void) {
    this.#settings = settings;
    this.#warn = warn;
  }

  /** Without credentials. */
  get address(): string {
    return this.#settings.url.origin;
  }

  /** Whether it answers, to this user and for this virtual host. Where it does not, it counts as missing from then on. */
  async reach(): Promise<boolean> {
    this.#isReached = (await this.#unlessAway(() => this.queues("^$", "name"))) !== undefined;
    return this.#isReached;
  }

  close(): void {
    this.#closing.abort();
  }

  /**
   * Unsettled messages of these queues together; undefined when it cannot be told. Up to five seconds old: replicated queues report so
   * often, whatever is asked and how.
   */
  async unsettled(names: readonly string[]): Promise<number | undefined> {
    if (!this.#isReached) return undefined;
    const pattern = `^(${names.map(escaped).join("|")})$`;
    const queues = await this.#unlessAway(() => this.queues(pattern, "name,messages_unacknowledged"));
    const counts = queues?.map((queue) => queue.messages_unacknowledged) ?? [];
    if (counts.length === 0 || counts.includes(undefined)) return undefined;
    return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }

  /** Queues whose names match. Rejects with `BrokerUnavailableError` or `ConfigurationError`, which say what to look at. */
  async queues(
    pattern: string,
    columns: string,
    { policies = false }: { readonly policies?: boolean } = {},
  ): Promise<readonly QueueFacts[]> {
    const found: QueueFacts[] = [];
    for (let page = 1; ; page += 1) {
      const query = new URLSearchParams({
        // The counts that queues themselves keep, without the history that is made of them, which is older still.
        ...(policies ? {} : { disable_stats: "true", enable_queue_totals: "true" }),
        name: pattern,
        use_regex: "true",
        page: `${page}`,
        page_size: `${PAGE}`,
        columns,
      });
      const vhost = encodeURIComponent(this.#settings.vhost);
      const answer = (await this.#get(`api/queues/${vhost}?${query}`)) as {
        readonly items?: readonly QueueFacts[];
        readonly page_count?: number;
      };
      found.push(...(answer.items ?? []));
      if (page >= (answer.page_count ?? 1)) return found;
    }
  }

  async #unlessAway<T>(question: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await question();
      this.#isAway = false;
      return answer;
    } catch (error) {
      if (!isLovageError(error)) throw error;
      if (!this.#isAway) this.#warn(error.message);
      this.#isAway = true;
      return undefined;
    }
  }

  async #get(path: string): Promise<unknown> {
    const { url, authorization, tls } = this.#settings;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(MOST_MS)]);
    const options = { ...tls, agent: false, headers: { authorization }, signal };
    const { status, body } = await answerOf(new URL(path, url), options).catch((error: unknown) => {
      throw this.#unreachable(error);
    });
    const said = parsed(body);
    if (status === 200 && said !== undefined) return said;
    throw this.#refused(status, said);
  }

  #unreachable(error: unknown): LovageError {
    const { code, cause } = error as { readonly code?: string; readonly cause?: unknown };
    if (code?.startsWith("HPE_") === true) {
      return new ConfigurationError(`what listens at ${this.address} does not speak HTTP; ${PORTS}`, { cause: error });
    }
    const isLate = cause instanceof DOMException && cause.name === "TimeoutError";
    const why = isLate ? `no answer in ${MOST_MS} ms` : messageOf(error);
    return new BrokerUnavailableError(
      `RabbitMQ's management API is not reachable at ${this.address}: ${why || code}; enable the plugin rabbitmq_management there, and ${PORTS}`,
      { cause: error },
    );
  }

  #refused(status: number, said: unknown): LovageError {
    const { reason } = (said ?? {}) as { readonly reason?: unknown };
    if (status === 401 || status === 403) {
      return new ConfigurationError(
        `RabbitMQ's management API at ${this.address} refuses the user (${reason ?? status}); check name and password, and give the user the tag management`,
      );
    }
    if (status >= 500) {
      return new BrokerUnavailableError(`RabbitMQ's management API at ${this.address} answers ${status}`);
    }
    const { vhost } = this.#settings;
    return new ConfigurationError(
      `RabbitMQ's management API at ${this.address} answers ${status}: it has no virtual host "${vhost}", or is something else; ${PORTS}`,
    );
  }
}

const PORTS = "give the API's own port, 15672 unless it is set";

function answerOf(url: URL, options: RequestOptions): Promise<{ readonly status: number; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly status: number; readonly body: string }>();
  const request = (url.protocol === "https:" ? overHttps : overHttp)(url, options, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  request.on("error", reject);
  request.end();
  return promise;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** For the regular expressions of the server, which are Perl's. */
export function escaped(name: string): string {
  return name.replaceAll(/[.\-+*?^$()[\]{}|\\]/g, "\\$&");
}
