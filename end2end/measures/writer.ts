// A model elsewhere that writes a given answer at a steady pace.

import { createServer, type ServerResponse, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export class SteadyWriter {
  private ended: () => void = () => undefined;

  private constructor(
    private readonly server: HttpServer,
    readonly address: string,
  ) {}

  /** Every answer has these pieces, so many of them a second. */
  static async start(pieces: string[], perSecond: number): Promise<SteadyWriter> {
    const server = createServer((request, response) => {
      request.resume();
      if (request.url?.endsWith('/chat/completions')) {
        void write(response, pieces, perSecond).then(() => writer.ended());
      } else {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ object: 'list', data: [{ id: 'writer', object: 'model' }] }));
      }
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const writer = new SteadyWriter(server, `http://127.0.0.1:${port}/v1`);
    return writer;
  }

  /** Resolves when the next answer has been written to its end. Nobody asks the page meanwhile: that would be measured, too. */
  written(): Promise<void> {
    return new Promise(resolve => {
      this.ended = resolve;
    });
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** What is late is caught up with, so that an answer always takes as long as it should. */
async function write(response: ServerResponse, pieces: string[], perSecond: number): Promise<void> {
  response.setHeader('content-type', 'text/event-stream');
  const begun = performance.now();
  for (let next = 0; next < pieces.length && !response.closed; ) {
    await new Promise(resolve => setTimeout(resolve, 1000 / perSecond));
    const due = Math.min(pieces.length, Math.ceil(((performance.now() - begun) / 1000) * perSecond));
    for (; next < due; next += 1) {
      response.write(event({ delta: { content: pieces[next] } }));
    }
  }
  response.write(event({ delta: {}, finish_reason: 'stop' }));
  response.end('data: [DONE]\n\n');
}

function event(choice: object): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`;
}
