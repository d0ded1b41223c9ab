// A POP3 client that says exactly what it is told.
import { Wire } from '#test/support/wire.ts';

export class Pop3Wire {
  wire: Wire;
  greeting = '';

  constructor(wire: Wire) {
    this.wire = wire;
  }

  static async open(port: number, options: { secure?: boolean } = {}): Promise<Pop3Wire> {
    const client = new Pop3Wire(await Wire.open(port, options));
    client.greeting = await client.wire.line();
    return client;
  }

  /** Connects and logs in. */
  static async login(port: number, password: string, user = 'anna@example.test'): Promise<Pop3Wire> {
    const client = await Pop3Wire.open(port);
    await client.ok(`USER ${user}`);
    await client.ok(`PASS ${password}`);
    return client;
  }

  /** Sends a line and reads the first line of the reply. */
  async command(line: string): Promise<string> {
    this.wire.send(`${line}\r\n`);
    return await this.wire.line();
  }

  async ok(line: string): Promise<string> {
    const reply = await this.command(line);
    if (!reply.startsWith('+OK')) throw new Error(`${line}: ${reply}`);
    return reply;
  }

  /** Sends a line and reads the multi-line reply, doubled dots taken away: the lines after +OK. */
  async lines(line: string): Promise<string[]> {
    await this.ok(line);
    return await this.rest();
  }

  /** The lines up to the lone dot. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.wire.line();
      if (line === '.') return lines;
      lines.push(line.startsWith('.') ? line.slice(1) : line);
    }
  }

  /** A message by RETR or TOP, as text with its line ends. */
  async message(line: string): Promise<string> {
    return (await this.lines(line)).map((text) => `${text}\r\n`).join('');
  }

  /** Continues under TLS. */
  async startTls(): Promise<void> {
    await this.ok('STLS');
    this.wire = await this.wire.secured();
  }

  /** QUIT, its reply, and the end of the connection. */
  async quit(): Promise<string> {
    const reply = await this.command('QUIT');
    await this.wire.closed();
    this.wire.destroy();
    return reply;
  }

  destroy(): void {
    this.wire.destroy();
  }
}
