import { UsageError } from '../../core/errors.js';

/** Reads the regular expression that an option was given; throws UsageError, naming the option, for what is none. */
export function parseExpression(option: string, text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (thrown) {
    throw new UsageError(`${option} ${text} is no regular expression`, { cause: thrown });
  }
}
