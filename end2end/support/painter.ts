// A server that makes images as OpenAI's does: always the same small one.

import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const IMAGE = 'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4nGP4z8Dw//9/EAayADnUB/lhNvl4AAAAAElFTkSuQmCC';

/** What was ordered. */
export interface Order {
  prompt: string;
  size: string;
  model?: string;
}

export class Painter {
  readonly orders: Order[] = [];

  private constructor(private readonly server: HttpServer) {}

  static async start(): Promise<Painter> {
    const server = createServer((request, response) => void painter.reply(request, response));
    const painter = new Painter(server);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return painter;
  }

  /** What the addresses of its API begin with. */
  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    this.orders.push(JSON.parse(Buffer.concat(chunks).toString()) as Order);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ data: [{ b64_json: IMAGE }] }));
  }
}
