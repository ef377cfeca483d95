// A server of tools by the Model Context Protocol, over stdin and stdout: one message a line. Says on its log which key it
// was given, and ends without a word if that is none. Who reads the file `change` has another tool from then on; the file
// `hang` is read for ever, and `die` ends the server in the middle of it.

const { createInterface } = require('node:readline');

const schema = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] };
const TOOLS = [
  { name: 'read', description: '<b>Reads</b> a file.', inputSchema: schema },
  { name: 'no schema', description: 'Cannot be used.', inputSchema: { type: 'string' } },
];

/** From now on the tool takes something else as well, which the other side is told. */
function change() {
  schema.properties.send_to = { type: 'string' };
  say({ method: 'notifications/tools/list_changed' });
}

function say(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

function answer(method, params) {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'test', version: '1' },
      };
    case 'tools/list':
      return { tools: TOOLS };
    case 'tools/call':
      return { content: [{ type: 'text', text: `read ${params.arguments.path}` }] };
    default:
      return {};
  }
}

if (!process.env.TOOL_SERVER_KEY) {
  console.error('the server was given no key');
  process.exit(1);
}
createInterface({ input: process.stdin }).on('line', line => {
  const { id, method, params } = JSON.parse(line);
  const path = method === 'tools/call' ? params.arguments.path : undefined;
  if (path === 'die') {
    process.exit(1);
  }
  if (id !== undefined && path !== 'hang') {
    say({ id, result: answer(method, params) });
  }
  if (path === 'change') {
    change();
  }
});
