// A model elsewhere that calls tools as it is told: what it says depends on the last message alone.

import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Message {
  role: string;
  content: string | null;
}

export interface Call {
  name: string;
  arguments: object;
}

/** What the model says, and then calls. */
export interface Turn {
  text: string;
  calls?: Call[];
  /** What it thinks before it says anything. */
  thought?: string;
  /** It goes on without another word, and never ends. */
  stalls?: boolean;
}

/** A server that speaks as OpenAI's does. */
export class CallingModel {
  private constructor(
    private readonly server: HttpServer,
    readonly address: string,
  ) {}

  static async start(answer: (last: Message) => Turn): Promise<CallingModel> {
    const server = createServer((request, response) => void reply(request, response, answer));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return new CallingModel(server, `http://127.0.0.1:${port}/v1`);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

async function reply(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (last: Message) => Turn,
): Promise<void> {
  if (!request.url?.endsWith('/chat/completions')) {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ object: 'list', data: [{ id: 'caller', object: 'model' }] }));
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  const { messages } = JSON.parse(Buffer.concat(chunks).toString()) as { messages: Message[] };
  const last = messages[messages.length - 1] ?? { role: 'user', content: '' };
  response.setHeader('content-type', 'text/event-stream');
  const turn = answer(last);
  for (const delta of deltas(turn)) {
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, ...delta }] })}\n\n`);
  }
  if (!turn.stalls) {
    response.end('data: [DONE]\n\n');
  }
}

function deltas(turn: Turn): object[] {
  const calls = turn.calls ?? [];
  const pieces = calls.flatMap((call, index) => {
    const text = JSON.stringify(call.arguments);
    const half = Math.ceil(text.length / 2);
    const begin = { index, id: `c${index}`, type: 'function', function: { name: call.name, arguments: text.slice(0, half) } };
    return [begin, { index, function: { arguments: text.slice(half) } }].map(it => ({ delta: { tool_calls: [it] } }));
  });
  const thought = turn.thought ? [{ delta: { role: 'assistant', reasoning_content: turn.thought } }] : [];
  const end = turn.stalls ? [] : [{ delta: {}, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' }];
  return [...thought, { delta: { role: 'assistant', content: turn.text } }, ...pieces, ...end];
}
