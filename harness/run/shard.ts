import { UsageError } from '../core/errors.js';

/** One part of a run that is spread over several machines; `index` counts from 1. */
export interface Shard {
  index: number;
  total: number;
}

/**
 * Reads `I/N`, or 'auto': what the CI says of a job that runs in parallel with others (GitLab, CircleCI, Buildkite).
 * Throws UsageError naming what is accepted.
 */
export function parseShard(text: string, environment: NodeJS.ProcessEnv = process.env): Shard {
  if (text === 'auto') return fromEnvironment(environment);
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const shard = { index: Number(match?.[1]), total: Number(match?.[2]) };
  if (!match || shard.index < 1 || shard.index > shard.total) {
    throw new UsageError(`--shard ${text} is no part of a run; accepted: I/N with I from 1 to N, or auto`);
  }
  return shard;
}

/** The cells of this shard: every N-th, so that each shard gets some of every scenario. */
export function cellsOfShard<T>(cells: readonly T[], shard: Shard): T[] {
  return cells.filter((_, at) => at % shard.total === shard.index - 1);
}

function fromEnvironment(environment: NodeJS.ProcessEnv): Shard {
  const known: [index: string, total: string, first: number][] = [
    ['CI_NODE_INDEX', 'CI_NODE_TOTAL', 1],
    ['CIRCLE_NODE_INDEX', 'CIRCLE_NODE_TOTAL', 0],
    ['BUILDKITE_PARALLEL_JOB', 'BUILDKITE_PARALLEL_JOB_COUNT', 0],
  ];
  for (const [index, total, first] of known) {
    if (environment[index] === undefined || environment[total] === undefined) continue;
    return parseShard(`${Number(environment[index]) - first + 1}/${environment[total]}`, {});
  }
  throw new UsageError('--shard auto finds no CI_NODE_INDEX and CI_NODE_TOTAL (or their like) here; accepted: I/N');
}
