/** Something that a server does wrong, with the last messages of the check: `>>` sent and `<<` received. */
export interface Finding {
  message: string;
  exchange: string[];
}

/** A check that has nothing to look at in this server says so by throwing it. */
export class Skipped extends Error {}
