// A function that is to be killed: it tells how far it came, and what of it was left last time.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statfsSync } from "node:fs";

let runs = 0;

function sleepers() {
  let found = 0;
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      found += readFileSync(`/proc/${name}/cmdline`, "latin1") === "sleep\x0061\x00";
    } catch {}
  }
  return found;
}

export async function handler(event, context) {
  runs += 1;
  console.log(`HANDLER RAN ${context.awsRequestId}`);
  const space = statfsSync("/tmp");
  const told = { runs, free: space.bfree * space.bsize, sleepers: sleepers() };
  for (let left = event.children ?? 0; left > 0; left -= 1) {
    const child = spawn("sleep", ["61"], { stdio: "ignore" });
    await new Promise((spawned) => child.once("spawn", spawned));
  }
  if (event.children !== undefined) {
    // Until each runs its program.
    while (sleepers() < event.children) {
      await new Promise((done) => setTimeout(done, 10));
    }
    console.log("CHILDREN", sleepers());
  }
  await new Promise((done) => setTimeout(done, (event.sleep ?? 0) * 1000));
  console.log(`HANDLER DONE ${context.awsRequestId}`);
  return told;
}
