import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Build } from '../../harness/build/build.js';
import { Deadline } from '../../harness/core/deadline.js';
import { packageRoot } from '../../harness/core/package-root.js';
import { Machine } from '../../harness/machine/machine.js';
import { median } from './median.js';

const show = [process.execPath, join(packageRoot, 'dist', 'harness', 'cli', 'main.js'), 'stream', 'show'];
const mebibyte = 1 << 20;

export interface ReadingFigures {
  bytes: number;
  /** Medians: `stream show` of the file, and of a pipe from `cat`; `cat` of a pipe from `cat`. */
  fileMs: number;
  pipeMs: number;
  catMs: number;
  peakBytes: number;
}

/** `stream show` of a capture whose RAM is not zero, from a file and through a pipe, in turn with `cat` through a pipe. */
export async function measureReading(
  build: Build,
  { folder, ramMiB, turns }: { folder: string; ramMiB: number; turns: number },
): Promise<ReadingFigures> {
  const path = join(folder, 'capture.mig');
  await capture(build, { folder, path, ramMiB });
  const figures = { bytes: statSync(path).size, peakBytes: 0 };
  const times: Record<'file' | 'pipe' | 'cat', number[]> = { file: [], pipe: [], cat: [] };
  const take = async (kind: keyof typeof times, words: string[]): Promise<void> => {
    const { ms, peakBytes } = await run(words);
    times[kind].push(ms);
    if (kind !== 'cat') figures.peakBytes = Math.max(figures.peakBytes, peakBytes);
  };
  for (let turn = 0; turn < turns; turn += 1) {
    await take('file', [...show, path]);
    await take('pipe', piped(path, [...show, '-']));
    await take('cat', piped(path, ['cat']));
  }
  rmSync(path);
  return { ...figures, fileMs: median(times.file), pipeMs: median(times.pipe), catMs: median(times.cat) };
}

/** A command that reads the file through a real pipe; the shell gets the words as words. */
function piped(path: string, words: string[]): string[] {
  return ['sh', '-c', 'cat "$0" | "$@"', path, ...words];
}

async function run([file = '', ...words]: string[]): Promise<{ ms: number; peakBytes: number }> {
  const startedMs = performance.now();
  const child = spawn(file, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  let peakBytes = 0;
  const look = setInterval(() => (peakBytes = Math.max(peakBytes, residentBytes(child.pid ?? 0))), 10);
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  clearInterval(look);
  if (exitCode !== 0) throw new Error(`${file} ended with ${exitCode}`);
  return { ms: performance.now() - startedMs, peakBytes };
}

/** The largest process of a family, at this moment. */
function residentBytes(pid: number): number {
  try {
    const own = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return Math.max(own, ...children.map((child) => residentBytes(Number(child))));
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}

async function capture(
  build: Build,
  { folder, path, ramMiB }: { folder: string; path: string; ramMiB: number },
): Promise<void> {
  const deadline = Deadline.after(120_000);
  const spec = { build, machineType: 'pc-q35-7.2', accel: 'tcg', memoryMiB: ramMiB, words: [], incoming: false };
  await using machine = await Machine.launch(spec, { label: 'reading', folder, logFolder: folder, deadline });
  for (let at = mebibyte; at < ramMiB * mebibyte; at += 16 * mebibyte)
    await machine.qtest.command(`memset ${at} ${16 * mebibyte} 0x5a`);
  const socket = join(folder, 'capture.s');
  const server = createServer();
  server.listen(socket);
  const connected = once(server, 'connection') as Promise<[Socket]>;
  await machine.qmp.execute('migrate', { uri: `unix:${socket}` });
  const [stream] = await connected;
  server.close();
  await pipeline(stream, createWriteStream(path));
}
