// Starts AWS's runtime client, the module argv[2], for the handler argv[3]: what the client's own
// command does, without the line that it prints among the function's.
const { run } = await import(process.argv[2]);
await run(process.cwd(), process.argv[3]);
