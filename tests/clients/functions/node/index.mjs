// Calls one host by every client, and tells what each of them got. It knows nothing of faultlayer.
// The event has `host`, `secure` (use TLS), the ports `http`, `https`, `postgres`, `redis`, `rediss`, and
// `kept`: use the connections of earlier events.

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { Redis } from "ioredis";
import pg from "pg";

const LIMIT = 1000; // milliseconds for a connection, and for an answer
const kept = { agent: new http.Agent({ keepAlive: true }) };
const ca = readFileSync("/var/authority.pem"); // fetch has it from NODE_EXTRA_CA_CERTS

function url(event) {
  const scheme = event.secure ? "https" : "http";
  return `${scheme}://${event.host}:${event[scheme]}/`;
}

function byHttp(event) {
  const module = event.secure ? https : http;
  return new Promise((resolve, reject) => {
    const request = module.get(url(event), { ca, agent: event.kept && kept.agent, timeout: LIMIT }, (answer) => {
      let size = 0;
      answer.on("data", (piece) => (size += piece.length));
      answer.on("end", () => resolve(size));
      answer.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("timed out")));
    request.on("error", reject);
  });
}

async function byFetch(event) {
  const signal = AbortSignal.timeout(LIMIT);
  const headers = event.kept ? {} : { connection: "close" };
  const answer = await fetch(url(event), { signal, headers });
  return (await answer.text()).length;
}

async function byPg(event) {
  const settings = {
    host: event.host,
    port: event.postgres,
    user: "shop",
    database: "shop",
    ssl: event.secure ? { ca } : false,
    connectionTimeoutMillis: LIMIT,
    query_timeout: LIMIT,
  };
  if (event.kept && !kept.pool) {
    kept.pool = new pg.Pool(settings);
    kept.pool.on("error", () => {}); // of connections that nobody uses
  }
  if (event.kept) {
    return (await kept.pool.query("select repeat('x', 20000) as text")).rows[0].text.length;
  }
  const client = new pg.Client(settings);
  client.on("error", () => {}); // also told to the query
  await client.connect();
  try {
    return (await client.query("select repeat('x', 20000) as text")).rows[0].text.length;
  } finally {
    client.end().catch(() => {});
  }
}

async function byIoredis(event) {
  let first = null; // a command's own error says only that the connection is closed
  const client = (event.kept && kept.redis) || new Redis({
    host: event.host,
    port: event.secure ? event.rediss : event.redis,
    tls: event.secure ? { ca } : undefined,
    connectTimeout: LIMIT,
    commandTimeout: LIMIT,
    retryStrategy: event.kept ? () => 50 : null,
    maxRetriesPerRequest: 0,
  });
  const note = (error) => (first ??= error);
  client.on("error", note);
  try {
    return (await client.get("value")).length;
  } catch (error) {
    throw first ?? error;
  } finally {
    if (event.kept) {
      kept.redis = client;
      client.off("error", note).on("error", () => {});
    } else {
      client.disconnect();
    }
  }
}

function told(error) {
  const code = error.code ? ` ${error.code}` : "";
  const causes = error.cause ?? error.errors?.[0]; // of fetch, and of several addresses
  return `${error.name}${code}: ${error.message}` + (causes ? ` < ${told(causes)}` : "");
}

async function call(client, event) {
  const began = performance.now();
  let bytes = 0;
  let error = "";
  try {
    bytes = await client(event);
  } catch (raised) {
    error = told(raised);
  }
  return { error, bytes, seconds: (performance.now() - began) / 1000 };
}

const CLIENTS = { http: byHttp, fetch: byFetch, pg: byPg, ioredis: byIoredis };

export async function handler(event) {
  const names = Object.keys(CLIENTS);
  const results = await Promise.all(names.map((name) => call(CLIENTS[name], event)));
  return Object.fromEntries(names.map((name, number) => [name, results[number]]));
}
