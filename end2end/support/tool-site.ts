// A server of tools by the Model Context Protocol at an address: answers whoever has its key, until it is shut.

import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const TOOLS = [
  {
    name: 'tide',
    description: 'Says how high the tide is.',
    inputSchema: { type: 'object', properties: { port: { type: 'string' } }, required: ['port'] },
  },
];

interface Asked {
  id?: number;
  method: string;
  params: { protocolVersion: string; arguments: { port: string } };
}

export class ToolSite {
  /** Ports whose tide was asked for. */
  readonly ports: string[] = [];

  private constructor(
    private readonly server: HttpServer,
    private readonly key: string,
  ) {}

  /** At a port where an earlier one was, or at any. */
  static async start(key: string, port = 0): Promise<ToolSite> {
    const server = createServer((request, response) => void site.reply(request, response));
    const site = new ToolSite(server, key);
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    return site;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get address(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.authorization !== `Bearer ${this.key}`) {
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
      return;
    }
    // It has nothing to say by itself.
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
    if (id === undefined) {
      response.writeHead(202).end();
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: this.result(method, params) }));
  }

  private result(method: string, params: Asked['params']): object {
    switch (method) {
      case 'initialize':
        return {
          protocolVersion: params.protocolVersion,
          capabilities: { tools: {} },
          serverInfo: { name: 'tides', version: '1' },
        };
      case 'tools/list':
        return { tools: TOOLS };
      case 'tools/call':
        this.ports.push(params.arguments.port);
        return { content: [{ type: 'text', text: `The tide at ${params.arguments.port} is 4 m.` }] };
      default:
        return {};
    }
  }
}
