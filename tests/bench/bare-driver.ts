import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What starts a QEMU: a command and its environment. */
export interface BareBuild {
  command: readonly string[];
  env: Readonly<Record<string, string>>;
}

const slotDevices = [
  ...['-device', 'driver=pcie-root-port,port=18,chassis=19,id=pcie-root-port18,bus=pcie.0,addr=0x12'],
  ...['-device', 'driver=nec-usb-xhci,p2=4,p3=4,id=nex-usb-xhci0,bus=pcie-root-port18,addr=0x12.0x1'],
];
/** Slot Control of the root port at 00:12.0, through configuration mechanism #1. */
const selectSlotControl = 'outl 0xcf8 0x8000906c\n';

/**
 * The slot scenario with nothing but sockets: start both, negotiate, power the slot on and off, migrate, kill.
 * It looks at nothing: the yardstick for what the harness adds.
 */
export async function bareCell(build: BareBuild, machineType: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'godwit-bare-'));
  const [source, destination] = await Promise.all([
    start(build, ['-machine', machineType], join(folder, 's')),
    start(build, ['-machine', machineType, '-incoming', 'defer'], join(folder, 'd')),
  ]);
  const uri = `unix:${join(folder, 'm')}`;
  const events = { capabilities: [{ capability: 'events', state: true }] };
  await Promise.all([
    source.qmp.ask({ execute: 'migrate-set-capabilities', arguments: events }),
    destination.qmp.ask({ execute: 'migrate-set-capabilities', arguments: events }),
    destination.qmp.ask({ execute: 'migrate-incoming', arguments: { uri } }),
  ]);
  for (const control of ['0x01c0', '0x07c0']) {
    source.qtest.write(`${selectSlotControl}outw 0xcfc ${control}\n${selectSlotControl}inw 0xcfe\n`);
    await source.qtest.answers(4);
  }
  const ended = [source, destination].map(({ qmp }) => qmp.until('"status": "completed"'));
  await source.qmp.ask({ execute: 'migrate', arguments: { uri } });
  await Promise.all(ended);
  const exits = [source, destination].map(async ({ child }) => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await Promise.all(exits);
  rmSync(folder, { recursive: true });
}

/** A line protocol without anything around it. */
export class BareWire {
  private waiters: { matches: (line: string) => boolean; found: () => void }[] = [];
  private rest = '';

  constructor(private readonly socket: Socket) {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const lines = (this.rest + chunk.toString()).split('\n');
      this.rest = lines.pop() ?? '';
      for (const line of lines) this.see(line);
    });
  }

  write(text: string): void {
    this.socket.write(text);
  }

  /** Sends a QMP command and waits for what it returns; one at a time. */
  ask(command: object): Promise<void> {
    const answered = this.until('"return"');
    this.write(`${JSON.stringify(command)}\n`);
    return answered;
  }

  until(text: string): Promise<void> {
    return new Promise((found) => this.waiters.push({ matches: (line) => line.includes(text), found }));
  }

  async answers(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.until('OK')));
  }

  private see(line: string): void {
    const at = this.waiters.findIndex(({ matches }) => matches(line));
    if (at !== -1) this.waiters.splice(at, 1)[0]?.found();
  }
}

interface BareMachine {
  child: ChildProcess;
  qmp: BareWire;
  qtest: BareWire;
}

async function start(build: BareBuild, words: string[], path: string): Promise<BareMachine> {
  const sockets = await Promise.all(['.qmp', '.qtest'].map((suffix) => accept(path + suffix)));
  const [file = '', ...args] = build.command;
  const common = ['-nodefaults', '-no-user-config', '-display', 'none', '-accel', 'tcg', '-m', '16', '-S'];
  const wires = ['-qmp', `unix:${path}.qmp`, '-qtest', `unix:${path}.qtest`, '-qtest-log', 'none'];
  const child = spawn(file, [...args, ...common, ...wires, ...words, ...slotDevices], {
    stdio: 'ignore',
    env: { ...process.env, ...build.env },
  });
  const [qmp, qtest] = await Promise.all(sockets.map(async (peer) => new BareWire(await peer.connected)));
  if (!qmp || !qtest) throw new Error('a wire is missing');
  await qmp.until('"QMP"');
  await qmp.ask({ execute: 'qmp_capabilities' });
  return { child, qmp, qtest };
}

async function accept(path: string): Promise<{ connected: Promise<Socket> }> {
  const server = createServer();
  const connected = new Promise<Socket>((resolve) => {
    server.once('connection', (socket) => {
      server.close();
      resolve(socket);
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return { connected };
}
