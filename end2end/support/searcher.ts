// A server that searches the web as SearXNG does, and always finds the same.

import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const FOUND = [
  { title: 'Newts of the <i>pond</i>', url: 'https://newts.example/pond', content: 'Newts <b>breathe</b> through their skin.' },
  { title: 'No page', url: 'javascript:alert(1)', content: 'Nothing.' },
];

export class Searcher {
  /** What was looked for. */
  readonly queries: string[] = [];

  private constructor(private readonly server: HttpServer) {}

  static async start(): Promise<Searcher> {
    const server = createServer((request, response) => searcher.reply(request, response));
    const searcher = new Searcher(server);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return searcher;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private reply(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', this.address);
    const isAsked = pathname === '/search' && searchParams.get('format') === 'json';
    response.statusCode = isAsked ? 200 : 404;
    response.setHeader('content-type', 'application/json');
    if (isAsked) {
      this.queries.push(searchParams.get('q') ?? '');
    }
    response.end(JSON.stringify({ results: FOUND }));
  }
}
