import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Build } from '../../harness/build/build.js';
import { Deadline } from '../../harness/core/deadline.js';
import { SocketListener } from '../../harness/core/socket.js';
import { QmpClient } from '../../harness/qmp/client.js';
import { BareWire } from './bare-driver.js';
import { median } from './median.js';

const turns = 5;

/** Asks query-status again and again, by a raw socket and by the client in turn, on two QEMUs of one kind. */
export async function measureRoundTrips(
  build: Build,
  options: { folder: string; trips: number },
): Promise<{ rawPerSecond: number; clientPerSecond: number; ratio: number }> {
  const [raw, client] = await Promise.all([
    start(build, join(options.folder, 'raw')),
    start(build, join(options.folder, 'client')),
  ]);
  try {
    const wire = new BareWire(await raw.peer);
    await wire.until('"QMP"');
    await wire.ask({ execute: 'qmp_capabilities' });
    await using qmp = await QmpClient.connect(await client.peer, { deadline: Deadline.after(10_000) });
    const rawRates: number[] = [];
    const clientRates: number[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      rawRates.push(await rate(options.trips, () => wire.ask({ execute: 'query-status' })));
      clientRates.push(await rate(options.trips, () => qmp.execute('query-status')));
    }
    const [rawPerSecond, clientPerSecond] = [median(rawRates), median(clientRates)];
    return { rawPerSecond, clientPerSecond, ratio: clientPerSecond / rawPerSecond };
  } finally {
    raw.child.kill('SIGKILL');
    client.child.kill('SIGKILL');
  }
}

async function start(build: Build, path: string) {
  const { peer } = await SocketListener.listen({ path });
  const [file = '', ...args] = build.command;
  const words = ['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'none', '-qmp', `unix:${path}`];
  const child = spawn(file, [...args, ...words], { stdio: 'ignore', env: { ...process.env, ...build.env } });
  await once(child, 'spawn');
  return { child, peer };
}

async function rate(trips: number, ask: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  for (let trip = 0; trip < trips; trip += 1) await ask();
  return trips / ((performance.now() - startedMs) / 1000);
}
