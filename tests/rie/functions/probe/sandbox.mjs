// What sandbox.py is in Python: uses up what its sandbox has, and tells how far it came.
import fs from "node:fs";

const MB = 1 << 20;
const kept = [];

function burdens() {
  let found = 0;
  for (const name of fs.readdirSync("/proc")) {
    try {
      found += fs.readFileSync(`/proc/${name}/cmdline`).includes("faultlayer.environment.load_process") ? 1 : 0;
    } catch {
      // gone, or no process
    }
  }
  return found;
}

export async function handler(event, context) {
  console.log(`HANDLER RAN ${context.awsRequestId}`);
  const space = fs.statfsSync("/tmp");
  const told = {
    pid: process.pid,
    burdens: burdens(),
    score: Number(fs.readFileSync("/proc/self/oom_score_adj", "utf8")),
    free: space.bavail * space.bsize,
  };
  if (event.write) {
    const file = fs.openSync("/tmp/function-wrote", "w");
    try {
      for (let count = 0; count < event.write; count += 1) {
        if (fs.writeSync(file, Buffer.alloc(MB, "x")) < MB) fs.writeSync(file, "x");
      }
    } catch (error) {
      told.errno = -error.errno;
    } finally {
      fs.closeSync(file);
      fs.unlinkSync("/tmp/function-wrote");
    }
  }
  if (event.raise) throw new Error("of its own");
  if (event.exit) process.exit(event.exit);
  if (event.take) kept.push(Buffer.alloc(event.take * MB, 1));
  const before = process.cpuUsage();
  const until = Date.now() + (event.work ?? 0) * 1000;
  while (Date.now() < until);
  const used = process.cpuUsage(before);
  told.worked = (used.user + used.system) / 1e6;
  await new Promise((done) => setTimeout(done, (event.sleep ?? 0) * 1000));
  console.log(`HANDLER DONE ${context.awsRequestId}`);
  return told;
}
