// A server of tools by the Model Context Protocol, over stdin and stdout: one message a line. Says on its log which key it
// was given, and ends without a word if that is none.

const { createInterface } = require('node:readline');

const schema = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] };
const TOOLS = [
  { name: 'read', description: '<b>Reads</b> a file.', inputSchema: schema },
  { name: 'no schema', description: 'Cannot be used.', inputSchema: { type: 'string' } },
];

function answer(method, params) {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
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
  if (id !== undefined) {
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: answer(method, params) })}\n`);
  }
});
