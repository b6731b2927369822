import { z } from 'zod';

/** What is kept beside an unpacked suite; paths are relative to its root. */
export const suiteManifest = z.object({
  format: z.literal(1),
  suite: z.string(),
  arch: z.string(),
  /** When the fetch ended, ISO 8601. */
  fetchedAt: z.string(),
  /** Bytes of all files. */
  bytes: z.number(),
  packages: z.array(z.object({ name: z.string(), version: z.string(), architecture: z.string() })),
  binary: z.string(),
  loader: z.string(),
  libraryPath: z.array(z.string()),
  dataPath: z.array(z.string()),
  moduleFolder: z.string(),
});
export type SuiteManifest = z.infer<typeof suiteManifest>;
