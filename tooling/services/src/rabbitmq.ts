/** RabbitMQ of one's own: one server, or a cluster of three, on loopback only, each with its own name, data and cookie. */

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Program, provide } from "./binaries.ts";
import { freePorts } from "./free-port.ts";
import { ServerProcess } from "./server-process.ts";

const run = promisify(execFile);

export const RABBITMQ: Program = {
  command: "rabbitmq-server",
  debian: "rabbitmq-server",
  variable: "LOVAGE_TEST_RABBITMQ",
};

export interface RabbitMqServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly node: string;
  readonly process: ServerProcess;
  /** Runs `rabbitmqctl` against it; resolves with what it printed. Takes seconds: a virtual machine starts. */
  ctl(...args: string[]): Promise<string>;
  /** Evaluates an Erlang expression in it, in milliseconds: `rabbit_alarm:get_alarms().` Resolves with the value as Erlang prints it. */
  evaluate(expression: string): Promise<string>;
}

export interface RabbitMqOptions {
  /** Lines of rabbitmq.conf: `consumer_timeout = 60000`. */
  readonly settings?: readonly string[];
  /** Names of plugins to enable: `rabbitmq_management`. */
  readonly plugins?: readonly string[];
  /** Settings of the server for which rabbitmq.conf has no word, in ms or as a number: `{ dead_letter_worker_publisher_confirm_timeout: 5_000 }`. */
  readonly advanced?: Readonly<Record<string, number>>;
}

export interface RabbitMqCluster extends AsyncDisposable {
  /** Three of them; each can be killed and started again alone. */
  readonly nodes: readonly RabbitMqServer[];
}

/** Busy waiting would eat the machine: one scheduler, asleep when there is nothing to do. */
const QUIET = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none";
const START_MS = 60_000;
const STOP_MS = 20_000;

/** A server with its data, gone with its folder when disposed of. `process.restart()` kills it hard and starts it with what it had stored, on the same port. */
export async function startRabbitMq(options: RabbitMqOptions = {}): Promise<RabbitMqServer> {
  const site = await Site.open();
  try {
    const node = await site.add(options);
    return {
      ...node,
      async [Symbol.asyncDispose]() {
        await site.close();
      },
    };
  } catch (error) {
    await site.close();
    throw error;
  }
}

/** Three servers that form one cluster: about half a minute on two cores. */
export async function startRabbitMqCluster(options: RabbitMqOptions = {}): Promise<RabbitMqCluster> {
  const site = await Site.open();
  const nodes: RabbitMqServer[] = [];
  try {
    for (let count = 0; count < 3; count += 1) {
      const node = await site.add(options);
      nodes.push(node);
      const [first] = nodes as [RabbitMqServer];
      if (node === first) continue;
      await node.ctl("stop_app");
      await node.ctl("join_cluster", first.node);
      await node.ctl("start_app");
    }
    return {
      nodes,
      async [Symbol.asyncDispose]() {
        await site.close();
      },
    };
  } catch (error) {
    await site.close();
    throw error;
  }
}

/** What servers of one cluster share: a folder, a cookie, and the port mapper by which they find each other. */
class Site {
  readonly #folder: string;
  readonly #cookie: string;
  readonly #home: string;
  readonly #mapper: ServerProcess;
  readonly #mapperPort: number;
  readonly #servers: ServerProcess[] = [];

  private constructor(folder: string, cookie: string, mapper: ServerProcess, mapperPort: number) {
    this.#folder = folder;
    this.#cookie = cookie;
    this.#home = join(folder, "home");
    this.#mapper = mapper;
    this.#mapperPort = mapperPort;
  }

  static async open(): Promise<Site> {
    await provide(RABBITMQ);
    const folder = await mkdtemp(join(tmpdir(), "lovage-rabbitmq-"));
    const cookie = randomBytes(15).toString("hex").toUpperCase();
    const home = join(folder, "home");
    await mkdir(home);
    await writeFile(join(home, ".erlang.cookie"), cookie);
    await chmod(join(home, ".erlang.cookie"), 0o400);
    const [port] = (await freePorts(1)) as [number];
    const mapper = new ServerProcess({
      path: "epmd",
      args: ["-port", `${port}`, "-address", "127.0.0.1"],
      cwd: folder,
      ready: () => listens(port),
      startMs: 10_000,
      stopMs: 2_000,
    });
    await mapper.start();
    return new Site(folder, cookie, mapper, port);
  }

  async add({ settings = [], plugins = [], advanced = {} }: RabbitMqOptions): Promise<RabbitMqServer> {
    const scripts = await realScripts();
    const [port, distribution] = (await freePorts(2)) as [number, number];
    const node = `lovage-${port}@localhost`;
    const folder = join(this.#folder, `${port}`);
    await mkdir(folder);
    const config = join(folder, "rabbitmq.conf");
    const lines = [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      "log.console.level = warning",
      "disk_free_limit.absolute = 50MB",
      "vm_memory_high_watermark.absolute = 1GB",
      ...settings,
    ];
    await writeFile(config, `${lines.join("\n")}\n`);
    await writeFile(join(folder, "enabled_plugins"), `[${plugins.join(",")}].\n`);
    const more = Object.entries(advanced).map(([name, value]) => ` -rabbit ${name} ${value}`);
    const env: Record<string, string> = {
      HOME: this.#home,
      ERL_EPMD_PORT: `${this.#mapperPort}`,
      ERL_EPMD_ADDRESS: "127.0.0.1",
      RABBITMQ_NODENAME: node,
      RABBITMQ_DIST_PORT: `${distribution}`,
      RABBITMQ_CONFIG_FILE: config,
      RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "none"),
      RABBITMQ_MNESIA_BASE: join(folder, "data"),
      RABBITMQ_LOG_BASE: join(folder, "log"),
      RABBITMQ_LOGS: "-",
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
      RABBITMQ_PID_FILE: join(folder, "pid"),
      RABBITMQ_GENERATED_CONFIG_DIR: join(folder, "generated"),
      // The script then becomes the server instead of being its parent: the process that we know is the one to kill.
      RABBITMQ_ALLOW_INPUT: "1",
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-noinput ${QUIET} -kernel inet_dist_use_interface {127,0,0,1}${more.join("")}`,
      RABBITMQ_CTL_ERL_ARGS: `${QUIET} -kernel inet_dist_use_interface {127,0,0,1}`,
    };
    const server = new ServerProcess({
      path: join(scripts, "rabbitmq-server"),
      args: [],
      cwd: folder,
      env,
      ready: () => speaksAmqp(port),
      startMs: START_MS,
      stopMs: STOP_MS,
    });
    this.#servers.push(server);
    await server.start();
    const ctl = async (...args: string[]): Promise<string> => {
      const { stdout } = await run(join(scripts, "rabbitmqctl"), ["--quiet", ...args], {
        cwd: folder,
        env: { ...process.env, ...env, RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "", RABBITMQ_DIST_PORT: "" },
      });
      return stdout;
    };
    return {
      url: `amqp://guest:guest@127.0.0.1:${port}`,
      port,
      node,
      process: server,
      ctl,
      evaluate: async (expression) => (await this.#called(node, expression)) ?? (await ctl("eval", expression)).trim(),
      [Symbol.asyncDispose]: () => server.kill(),
    };
  }

  async close(): Promise<void> {
    for (const server of this.#servers) await server.kill();
    await this.#mapper.kill();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Undefined where this Erlang has no `erl_call`. */
  async #called(node: string, expression: string): Promise<string | undefined> {
    const env = { ...process.env, HOME: this.#home, ERL_EPMD_PORT: `${this.#mapperPort}` };
    const asking = run("erl_call", ["-c", this.#cookie, "-sname", node, "-e"], { env, maxBuffer: 1 << 26 });
    asking.child.stdin?.on("error", () => {}).end(`${expression}\n`);
    const answer = await asking.catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (answer === undefined) return undefined;
    const { stdout } = answer;
    const value = /^\{ok, ([\s\S]*)\}\s*$/.exec(stdout)?.[1];
    if (value === undefined) throw new Error(`${expression} in ${node}: ${stdout}`);
    return value;
  }
}

/** Debian's command of that name changes the user; the script that it calls lies beside the others of the release. */
async function realScripts(): Promise<string> {
  const found = await provide(RABBITMQ);
  const debians = "/usr/lib/rabbitmq/bin/rabbitmq-server";
  return dirname(await realpath(dirname(found) === "/usr/sbin" ? debians : found));
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** True once it begins AMQP's handshake: it does when it has booted. */
function speaksAmqp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("AMQP\0\0\x09\x01"));
    const answer = (ready: boolean): void => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(2_000, () => answer(false));
    socket.on("error", () => answer(false));
    socket.once("data", (data) => answer(data[0] === 1));
    // Also without a word: it was killed while it booted.
    socket.on("close", () => answer(false));
  });
}
