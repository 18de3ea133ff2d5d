// The same function as app.py.
import net from "node:net";

const call = (place) =>
  new Promise((resolve) => {
    const [, host, port] = place.match(/^(.*):([0-9]+)$/);
    const client = net.connect({ host, port: Number(port) });
    client.setTimeout(700, () => client.destroy(new Error("timed out")));
    client.on("connect", () => client.write("hello\n"));
    client.on("data", (data) => (resolve(String(data).trim()), client.destroy()));
    client.on("end", () => resolve("nothing"));
    client.on("error", (error) => resolve(`${error.code ?? error.message}`));
  });

export const handler = async (event) => {
  const said = [];
  for (const place of event.call) said.push(await call(place));
  return said;
};
